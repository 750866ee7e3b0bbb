"""The command that acts on this machine, as it is written: names, options, help. What it does is in cli/local/."""

from __future__ import annotations

import os
from typing import Annotated, Optional

import typer

from cli.local.way import With

Way = Annotated[
    With | None, typer.Option("--with", help="Else Docker or Podman, whichever answers.")
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
    app.command(no_args_is_help=True)(local)


def local(
    task: Annotated[str, typer.Argument(metavar="TASK", help="What to do, in quotes.")],
    repo: Annotated[
        str | None,
        typer.Option(
            metavar="REPO", help="Alias, owner/name or URL; else this git folder's remote."
        ),
    ] = None,
    ref: Annotated[
        str | None, typer.Option(metavar="BRANCH", help="Else the branch that is checked out.")
    ] = None,
    way: Way = None,
    bare: Bare = False,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Such as opus.")] = None,
    budget: Annotated[str | None, typer.Option(metavar="USD", help="Such as 2.50.")] = None,
    timeout: Annotated[str | None, typer.Option(metavar="TIME", help="Such as 45m or 2h.")] = None,
    memory: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Such as 8Gi.")] = None,
    cpu: Annotated[str | None, typer.Option(metavar="CORES", help="Such as 2 or 1500m.")] = None,
    image: Annotated[
        str | None, typer.Option(metavar="NAME", help="Instead of CLAUDE_IMAGE.")
    ] = None,
    services: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Such as postgres,redis:7, or none; else detected."),
    ] = None,
    pr: Annotated[Optional[bool], typer.Option(help="Open a pull request, or don't.")] = None,  # noqa: UP045 - typer makes --pr/--no-pr of it
    network: Network = None,
    compose: Compose = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Run a task on this machine: in containers as on the cluster, or as a plain process.

    It works on a fresh clone, with the image, services and limits that its Job would have. What was made for it is
    removed when it ends, also by Ctrl-C.

    Example: claude-sandbox local "add a farewell to the greeter"
    """
    from cli.asking import Written
    from cli.exits import guarded
    from cli.local.command import Wish, run_local
    from cli.screen import Screen

    written = Written(model, budget, timeout, memory, cpu, image, services, pr)
    wish = Wish(task, repo, ref, written, With.BARE if bare else way, network, compose)
    screen = Screen(as_json=as_json)
    raise SystemExit(guarded(lambda: run_local(dict(os.environ), wish, screen), screen))
