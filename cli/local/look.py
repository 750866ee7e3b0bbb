"""`jobs --local`, and `logs` of a run of this machine: also from another terminal, and after its end."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path

from bot.settings import BackendName, Settings, read
from cli.exits import Exit, Failure
from cli.local.growing_log import GrowingLog
from cli.local.kept import Kept
from cli.log_wish import LogWish
from cli.run_words import COLUMNS, row, state_words, values
from cli.screen import Screen
from cli.where import Chosen
from runs.run import Run, is_run_id

_PAUSE_SECONDS = 0.2
_START = 'Start one: claude-sandbox local "task"'


def run_local_jobs(environment: Mapping[str, str], screen: Screen) -> Exit:
    """Print the runs of this machine, what goes on first, then the newest first."""
    runs = asyncio.run(_kept(environment).runs())
    shown = [*(run for run in runs if not run.ended), *(run for run in runs[::-1] if run.ended)]
    screen.json([values(run) for run in shown])
    if not shown:
        screen.note(f"No runs on this machine. {_START}")
        return Exit.OK
    now = time.time()
    screen.table(COLUMNS, [_row(run, now) for run in shown])
    return Exit.OK


def wanted(environment: Mapping[str, str], chosen: Chosen, screen: Screen, *, local: bool) -> bool:
    """Say whether this machine's runs are meant: by --local, or where there are such, and no cluster to ask. Raises Failure."""
    if chosen != Chosen():
        if local:
            raise Failure("--local is on this machine: leave --context and --namespace out.")
        return False
    if local:
        return True
    settings = _settings(environment)
    kubeconfig = settings.cluster.kubeconfig
    if kubeconfig is None or any(Path(each).exists() for each in str(kubeconfig).split(os.pathsep)):
        return False
    alone = any(Kept(settings.state_folder).folder.glob("*.log"))
    if alone:
        screen.note(f"There is no kubeconfig at {kubeconfig}: these are the runs of this machine.")
    return alone


def is_here(environment: Mapping[str, str], named: str | None) -> bool:
    """Say whether a whole id is that of a run of this machine: ids are never given twice."""
    written = (named or "").lower().removeprefix("claude-").lstrip("#")
    return is_run_id(written) and _kept(environment).log_of(written).exists()


def run_local_logs(environment: Mapping[str, str], wish: LogWish, screen: Screen) -> Exit:
    """Print the log of a run of this machine; without a name that of the newest. Raises Failure."""
    if wish.service is not None:
        raise Failure(
            "Of a run on this machine the agent's log is kept, and no service's.",
            "Leave --container out; the last lines of a service that fails stand in how the run ended.",
        )
    kept = _kept(environment)
    run = _found(kept, wish.run)
    if wish.run is None:
        screen.note(f"Run {run.id}, {state_words(run) if run.ended else 'running'}")
    if wish.follows and not run.ended:
        _follow(kept, run, screen)
        return Exit.OK
    lines: list[str] = []
    GrowingLog(kept.log_of(run.id), lines.append).show(to_its_end=True)
    lines = lines if wish.tail is None else lines[-wish.tail :]
    for line in lines:
        screen.say(line)
    screen.json({**values(run), "log": lines})
    if not run.ended:
        screen.note(f"It goes on: claude-sandbox logs {run.id} -f")
    return Exit.OK


def refuse_here(environment: Mapping[str, str], named: str, command: str) -> None:
    """Refuse for a run of this machine what only a Job knows. Raises Failure."""
    if not is_here(environment, named):
        return
    run = _found(_kept(environment), named)
    what = f"Run {run.id} is one of this machine, not of a cluster"
    if not run.ended:
        raise Failure(
            f"{what}, and goes on.", "Press Ctrl-C where it was started: what it has is pushed."
        )
    advice = {
        "cancel": f"How it ended: claude-sandbox logs {run.id}",
        "retry": 'Say it once more: claude-sandbox local "task"',
        "clean": "Nothing of it is left but its log, which goes after 30 days.",
    }
    raise Failure(f"{what}, and has ended.", advice[command])


def _settings(environment: Mapping[str, str]) -> Settings:
    return read({**environment, "SANDBOX_BACKEND": BackendName.KUBERNETES.value}, talks=False)


def _kept(environment: Mapping[str, str]) -> Kept:
    return Kept(_settings(environment).state_folder)


def _row(run: Run, now: float) -> tuple[str, ...]:
    """Return a row; what happens in a run that goes on is on the screen where it was started."""
    number, state, *others = row(run, now)
    return (number, state if run.ended else "running", *others)


def _found(kept: Kept, named: str | None) -> Run:
    if named is not None:
        run = asyncio.run(kept.find(named))
        if run is None:
            raise Failure(
                f"There is no run {named[:40]!r} on this machine.",
                "These there are: claude-sandbox jobs --local",
            )
        return run
    runs = asyncio.run(kept.runs())
    if not runs:
        raise Failure("There are no runs on this machine.", _START)
    return next((run for run in runs[::-1] if not run.ended), runs[-1])


def _follow(kept: Kept, run: Run, screen: Screen) -> None:
    def show(line: str) -> None:
        screen.say(line)
        screen.json({"line": line})

    log = GrowingLog(kept.log_of(run.id), show)
    while True:
        going = not _found(kept, run.id).ended  # asked first: what comes until then is shown
        log.show(to_its_end=not going)
        if not going:
            return
        time.sleep(_PAUSE_SECONDS)
