"""The command that acts on this machine, as it is written: names, options, help. What it does is in cli/local/."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from cli.adding import add
from cli.local.way import With
from cli.task_options import AsJson, Ref, Repo, TaskText, takes_options
from cli.written import NOTHING, Written

Way = Annotated[
    With | None,
    typer.Option(
        "--with", metavar="NAME", help="docker, podman or bare; else an engine that answers."
    ),
]
Bare = Annotated[
    bool, typer.Option("--bare", help="As a plain process, without isolation: --with bare.")
]
Network = Annotated[
    str | None, typer.Option(metavar="NAME", help="A network of the engine's to join.")
]
Compose = Annotated[
    bool, typer.Option("--compose", help="Print the compose file, and start nothing.")
]


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    add(app, local, no_args_is_help=True)


@takes_options
def local(
    task: TaskText,
    repo: Repo = None,
    ref: Ref = None,
    way: Way = None,
    bare: Bare = False,
    written: Written = NOTHING,
    network: Network = None,
    compose: Compose = False,
    as_json: AsJson = False,
) -> None:
    """Run a task on this machine: in containers as on the cluster, or as a plain process.

    It works on a fresh clone, with the image, services and limits that its Job would have. What was made for it is
    removed when it ends, also by Ctrl-C.

    Example: claude-sandbox local "add a farewell to the greeter"
    """
    from cli.guard import guarded
    from cli.local.command import Wish, run_local
    from cli.screen import Screen

    wish = Wish(task, repo, ref, written, way, bare, network, compose)
    screen = Screen(as_json=as_json)
    raise SystemExit(guarded(lambda: run_local(dict(os.environ), wish, screen), screen))
