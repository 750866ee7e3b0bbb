"""The options of a task, as the commands write them that start one: `remote` and `local`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Optional

import typer

from cli.written import Written

TaskText = Annotated[str, typer.Argument(metavar="TASK", help="What to do, in quotes.")]
Repo = Annotated[
    str | None,
    typer.Option(metavar="REPO", help="Alias, owner/name or URL; else this git folder's remote."),
]
Ref = Annotated[
    str | None, typer.Option(metavar="BRANCH", help="Else the branch that is checked out.")
]
Model = Annotated[str | None, typer.Option(metavar="NAME", help="Such as opus.")]
Budget = Annotated[str | None, typer.Option(metavar="USD", help="Such as 2.50.")]
Timeout = Annotated[str | None, typer.Option(metavar="TIME", help="Such as 45m or 2h.")]
Memory = Annotated[str | None, typer.Option(metavar="AMOUNT", help="Such as 8Gi.")]
Cpu = Annotated[str | None, typer.Option(metavar="CORES", help="Such as 2 or 1500m.")]
Image = Annotated[str | None, typer.Option(metavar="NAME", help="Instead of CLAUDE_IMAGE.")]
Services = Annotated[
    str | None,
    typer.Option(metavar="LIST", help="Such as postgres,redis:7, or none; else detected."),
]
PullRequest = Annotated[Optional[bool], typer.Option(help="Open a pull request, or don't.")]  # noqa: UP045 - typer makes --pr/--no-pr of it
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


_OPTIONS: dict[str, object] = {
    "model": Model,
    "budget": Budget,
    "timeout": Timeout,
    "memory": Memory,
    "cpu": Cpu,
    "image": Image,
    "services": Services,
    "pr": PullRequest,
}
"""The fields of Written, as typer reads them."""


def takes_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a task in place of its parameter `written`, which they become: typer has no groups."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    options = [
        inspect.Parameter(name, kind, default=None, annotation=annotation)
        for name, annotation in _OPTIONS.items()
    ]
    parameters: list[inspect.Parameter] = []
    for one in inspect.signature(command, eval_str=True).parameters.values():
        parameters += options if one.name == "written" else [one]

    @functools.wraps(command)
    def call(**given: Any) -> None:
        written = Written(**{name: given.pop(name) for name in _OPTIONS})
        command(**given, written=written)

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    return call
