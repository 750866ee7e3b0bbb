"""The commands that act on a cluster, as they are written: names, options, help. What they do is in cli/commands/."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from cli.adding import add
from cli.task_options import AsJson, Ref, Repo, TaskText, takes_options
from cli.written import NOTHING, Written

if TYPE_CHECKING:
    from cli.exits import Exit
    from cli.screen import Screen
    from cli.where import Chosen
    from runs.run import Run

Context = Annotated[
    str | None,
    typer.Option("--context", metavar="NAME", help="The kubeconfig's context; else its current."),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace", "-n", metavar="NAME", help="Else SANDBOX_NAMESPACE, or the context's."
    ),
]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Show how it goes on, and how it ends.")]
Local = Annotated[bool, typer.Option("--local", help="Of `claude-sandbox local`, on this machine.")]
_NAMED = "Its id, or the beginning of it."


def _ended(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return what Tab offers where a Run has to have ended."""
    return _offered(ctx, incomplete, lambda run: run.ended)


def _going(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return what Tab offers where a Run has to go on."""
    return _offered(ctx, incomplete, lambda run: not run.ended)


def _any(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return what Tab offers where it may be any Run."""
    return _offered(ctx, incomplete, lambda _run: True)


def _offered(
    ctx: typer.Context, incomplete: str, fits: Callable[[Run], bool]
) -> list[tuple[str, str]]:
    from cli.completing import offered
    from cli.where import Chosen

    chosen = Chosen(ctx.params.get("context"), ctx.params.get("namespace"))
    return offered(os.environ, chosen, incomplete, fits)


RunThatGoes = Annotated[str, typer.Argument(metavar="RUN", help=_NAMED, autocompletion=_going)]
RunThatEnded = Annotated[str, typer.Argument(metavar="RUN", help=_NAMED, autocompletion=_ended)]
MaybeRun = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN", help="Its id, or the beginning; else the newest.", autocompletion=_any
    ),
]
SomeRuns = Annotated[
    list[str] | None,
    typer.Argument(metavar="RUN", help="Only these; else all that may go.", autocompletion=_ended),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the program."""
    add(app, remote, no_args_is_help=True)
    add(app, logs, jobs)
    add(app, cancel, retry, no_args_is_help=True)
    add(app, clean)


@takes_options
def remote(
    task: TaskText,
    repo: Repo = None,
    ref: Ref = None,
    written: Written = NOTHING,
    watch: Watch = False,
    context: Context = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Run a task on the cluster, in an isolated sandbox with a fresh clone.

    In a git folder, the repository and the branch are those of the folder, as far as they are pushed.

    Example: claude-sandbox remote "add a farewell to the greeter" --watch
    """

    def work(environment: dict[str, str], chosen: Chosen, screen: Screen) -> Exit:
        from cli.commands.remote import Wish, run_remote

        return run_remote(environment, chosen, Wish(task, repo, ref, written, watch), screen)

    _do(work, context, namespace, as_json)


def logs(
    run: MaybeRun = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until it has ended.")
    ] = False,
    tail: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the last lines.")
    ] = None,
    container: Annotated[
        str | None,
        typer.Option("--container", "-c", metavar="NAME", help="A service beside it, as postgres."),
    ] = None,
    local: Local = False,
    context: Context = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Print what a run printed, also after its Job is gone, if SANDBOX_LOG_STORE has it.

    Example: claude-sandbox logs -f
    """

    def work(environment: dict[str, str], chosen: Chosen, screen: Screen) -> Exit:
        from cli.local.look import is_here, run_local_logs, wanted
        from cli.log_wish import LogWish

        wish = LogWish(run, follow, tail, container)
        if is_here(environment, run) or wanted(environment, chosen, screen, local=local):
            return run_local_logs(environment, wish, screen)
        from cli.commands.logs import run_logs  # the cluster's client too, so only here

        return run_logs(environment, chosen, wish, screen)

    _do(work, context, namespace, as_json)


def jobs(
    local: Local = False,
    context: Context = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """List what runs, waits and has ended, whoever asked for it, in the chat or here.

    Example: claude-sandbox jobs --json | jq '.[] | select(.state == "running")'
    """

    def work(environment: dict[str, str], chosen: Chosen, screen: Screen) -> Exit:
        from cli.local.look import run_local_jobs, wanted

        if wanted(environment, chosen, screen, local=local):
            return run_local_jobs(environment, screen)
        from cli.commands.jobs import run_jobs  # the cluster's client too, so only here

        return run_jobs(environment, chosen, screen)

    _do(work, context, namespace, as_json)


def cancel(
    run: RunThatGoes,
    wait: Annotated[bool, typer.Option(help="Wait until it has ended.")] = True,
    context: Context = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Stop a run; what it has is pushed first.

    Example: claude-sandbox cancel k7f3q2ab
    """

    def work(environment: dict[str, str], chosen: Chosen, screen: Screen) -> Exit:
        from cli.commands.cancel import run_cancel
        from cli.local.look import refuse_here

        refuse_here(environment, run, "cancel")
        return run_cancel(environment, chosen, run, wait, screen)

    _do(work, context, namespace, as_json)


def retry(
    run: RunThatEnded,
    answer: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Answers what its agent asked; it goes on.")
    ] = None,
    watch: Watch = False,
    context: Context = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Do the task of a run that ended once more, as a new run.

    Example: claude-sandbox retry k7f3q2ab --watch
    """

    def work(environment: dict[str, str], chosen: Chosen, screen: Screen) -> Exit:
        from cli.commands.retry import run_retry
        from cli.local.look import refuse_here

        refuse_here(environment, run, "retry")
        return run_retry(environment, chosen, (run, answer), watch, screen)

    _do(work, context, namespace, as_json)


def clean(
    runs: SomeRuns = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those whose end the chat hasn't been told.")
    ] = False,
    context: Context = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Remove the Jobs of runs that have ended; their records and logs stay in the log store.

    Example: claude-sandbox clean
    """

    def work(environment: dict[str, str], chosen: Chosen, screen: Screen) -> Exit:
        from cli.commands.clean import run_clean
        from cli.local.look import refuse_here

        for run in runs or ():
            refuse_here(environment, run, "clean")
        return run_clean(environment, chosen, runs or (), everything, screen)

    _do(work, context, namespace, as_json)


def _do(
    work: Callable[[dict[str, str], Chosen, Screen], Exit],
    context: str | None,
    namespace: str | None,
    as_json: bool,
) -> None:
    """Do the work of a command, and end with its exit code. All else is loaded only now: help has to be fast."""
    from cli.guard import guarded
    from cli.screen import Screen
    from cli.where import Chosen

    screen = Screen(as_json=as_json)
    chosen = Chosen(context, namespace)
    raise SystemExit(guarded(lambda: work(dict(os.environ), chosen, screen), screen))
