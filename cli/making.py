"""The commands that make images, as they are written: names, options, help. What they do is in cli/images/."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from cli.adding import add
from cli.images.way import Builder
from cli.task_options import AsJson

With = Annotated[
    Builder | None,
    typer.Option(
        "--with", metavar="NAME", help="docker, podman or buildah; else whichever answers."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the program."""
    add(app, build, push)


def build(
    ruby: Annotated[
        str, typer.Option(metavar="VERSION", help="3.2, 3.3 or 3.4; none for no Ruby.")
    ] = "3.4",
    way: With = None,
    build_arg: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A further argument: CHROMIUM= leaves it out."),
    ] = None,
    no_own_files: Annotated[
        bool, typer.Option("--no-own-files", help="Bake in nothing of your ~/.claude.")
    ] = False,
    bot: Annotated[bool, typer.Option("--bot", help="Build the bot's image instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build the sandbox's image from the checkout, with your own agents in it.

    It is called claude-sandbox:latest, or claude-sandbox:ruby-3.3 with another Ruby than the newest.

    Example: claude-sandbox build --ruby 3.3
    """
    from cli.guard import guarded
    from cli.images.build import BuildWish, run_build
    from cli.screen import Screen

    wish = BuildWish(ruby, way, tuple(build_arg or ()), not no_own_files, bot)
    screen = Screen(as_json=as_json)
    raise SystemExit(guarded(lambda: run_build(dict(os.environ), wish, screen), screen))


def push(
    to: Annotated[
        str | None, typer.Option(metavar="NAME", help="Else CLAUDE_IMAGE, or your fork's owner.")
    ] = None,
    way: With = None,
    as_json: AsJson = False,
) -> None:
    """Push the images that were built here, with every tag, to where the cluster finds them.

    Example: claude-sandbox push --to yourname/claude-sandbox:latest
    """
    from cli.guard import guarded
    from cli.images.push import PushWish, run_push
    from cli.screen import Screen

    screen = Screen(as_json=as_json)
    raise SystemExit(guarded(lambda: run_push(dict(os.environ), PushWish(to, way), screen), screen))
