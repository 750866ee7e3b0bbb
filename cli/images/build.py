"""`claude-sandbox build`: the sandbox's image from the checkout, with the person's own agents in it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.exits import Exit, Failure
from cli.images.builder import Order, find_images
from cli.images.context import copy_checkout, find_checkout
from cli.images.operator_files import OperatorFiles, collect
from cli.images.way import Builder
from cli.owner import ROOT, owner_here
from cli.screen import Screen
from runs.image_name import NAME, RUBIES

NEWEST = RUBIES[-1]
NO_RUBY = "none"
BOT = f"{NAME}-bot"


@dataclass(frozen=True, slots=True)
class BuildWish:
    """What was asked for. `arguments` are further ones of the Dockerfile, NAME=VALUE."""

    ruby: str = NEWEST
    builder: Builder | None = None
    arguments: tuple[str, ...] = ()
    own_files: bool = True
    bot: bool = False


def run_build(environment: Mapping[str, str], wish: BuildWish, screen: Screen) -> Exit:
    """Build, and say what was built and what of the person's files isn't in it. Raises Failure."""
    if wish.ruby not in (*RUBIES, NO_RUBY):
        raise Failure(
            f"There is no image with Ruby {wish.ruby}.", f"There are: {', '.join(RUBIES)}"
        )
    arguments = _read_arguments(wish.arguments)
    checkout = find_checkout(Path.cwd(), ROOT)
    images = find_images(wish.builder, environment)
    found = collect(environment) if wish.own_files else OperatorFiles({})
    for line in found.left_out:
        screen.note(f"Left out: {line}")
    with tempfile.TemporaryDirectory(prefix="claude-sandbox-build-") as folder:
        context = Path(folder)
        copy_checkout(checkout, context, found.files)
        if wish.bot:
            owner = environment.get("SANDBOX_OWNER") or owner_here(checkout) or ""
            values = (("RUBY", ""), ("OWNER", owner), *arguments)
            order = Order(context, "bot", values, (f"{BOT}:latest",))
        else:
            ruby = "" if wish.ruby == NO_RUBY else wish.ruby
            order = Order(context, "sandbox", (("RUBY", ruby), *arguments), names_of(wish.ruby))
        images.build(order)
    _say(screen, order, found, images.builder)
    return Exit.OK


def names_of(ruby: str) -> tuple[str, ...]:
    """Return what an image with this Ruby is called; the newest one's is the usual one too."""
    tag = "no-ruby" if ruby == NO_RUBY else f"ruby-{ruby}"
    return (f"{NAME}:latest", f"{NAME}:{tag}") if ruby == NEWEST else (f"{NAME}:{tag}",)


def _read_arguments(texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    found = []
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.isidentifier():
            raise Failure(f"{text!r} is no build argument.", "Write --build-arg CHROMIUM=")
        found.append((name, value))
    return tuple(found)


def _say(screen: Screen, order: Order, found: OperatorFiles, builder: Builder) -> None:
    baked = sorted(found.files) if order.target == "sandbox" else []
    screen.say(f"Built {' and '.join(order.names)} with {builder.value.title()}.")
    if baked:
        screen.say(f"In it, of your ~/.claude: {', '.join(baked)}")
    screen.say("To push it: claude-sandbox push")
    screen.json(
        {
            "images": list(order.names),
            "with": builder.value,
            "agentFiles": baked,
            "leftOut": list(found.left_out),
        }
    )
