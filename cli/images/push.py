"""`claude-sandbox push`: the images that were built here, to where the cluster finds them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cli.exits import Exit, Failure
from cli.images.build import BOT
from cli.images.builder import Images, find_images
from cli.images.way import Builder
from cli.owner import with_owner
from cli.screen import Screen
from runs.image_name import NAME, OWNER, RUBIES, image_of, repository

TAGS = ("latest", *(f"ruby-{ruby}" for ruby in RUBIES), "no-ruby")


@dataclass(frozen=True, slots=True)
class PushWish:
    """What was asked for. `target` None means CLAUDE_IMAGE, or else the owner's image."""

    target: str | None = None
    builder: Builder | None = None


def run_push(environment: Mapping[str, str], wish: PushWish, screen: Screen) -> Exit:
    """Push every tag that was built here, and say what CLAUDE_IMAGE is then. Raises Failure."""
    target = target_of(wish.target, with_owner(environment))
    images = find_images(wish.builder, environment)
    pairs = [(f"{NAME}:{tag}", name) for tag, name in names_at(target)]
    pairs.append((f"{BOT}:latest", f"{repository(target)}-bot:latest"))
    there = [(name, far) for name, far in pairs if images.has(name)]
    if not there:
        raise Failure(f"There is no image {NAME} here.", "Build it: claude-sandbox build")
    _push(images, there, screen)
    pushed = [far for _, far in there]
    sandboxes = [far for name, far in there if name != f"{BOT}:latest"]
    # The usual one is first, if it was built here.
    usual = sandboxes[0] if sandboxes else None
    if usual is not None:
        screen.say(f"For the bot: CLAUDE_IMAGE={usual}")
    screen.json({"images": pushed, "claudeImage": usual})
    return Exit.OK


def target_of(named: str | None, environment: Mapping[str, str]) -> str:
    """Return the image to push, with its tag. Raises Failure where nobody says whose it is."""
    given = named or environment.get("CLAUDE_IMAGE")
    owner = environment.get(OWNER)
    if not given and not owner:
        raise Failure(
            "Where to? No owner is known: this is no checkout of a fork on GitHub.",
            "Name the image: CLAUDE_IMAGE=yourname/claude-sandbox:latest, or --to NAME",
        )
    target = image_of(given, owner)
    if not _IMAGE.fullmatch(target):
        raise Failure(f"{target!r} is no image's name.", "Example: yourname/claude-sandbox:latest")
    return target if target != repository(target) else f"{target}:latest"


def names_at(target: str) -> list[tuple[str, str]]:
    """Return each tag of ours with its name there: the usual one has the target's own tag."""
    place = repository(target)
    return [(tag, target if tag == "latest" else f"{place}:{tag}") for tag in TAGS]


def _push(images: Images, pairs: list[tuple[str, str]], screen: Screen) -> None:
    for name, far in pairs:
        screen.note(f"Pushing {far} …")
        images.push(name, far)
        screen.say(f"Pushed {far}.")


_PART = "[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?"
_IMAGE = re.compile(
    rf"(?:{_PART}(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*(?::[\w][\w.-]{{0,127}})?"
)
