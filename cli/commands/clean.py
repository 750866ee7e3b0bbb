"""`claude-sandbox clean`: the Jobs of Runs that have ended go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from cli.cluster import Cluster, visit
from cli.exits import Exit
from cli.run_words import state_words
from cli.screen import Screen
from cli.where import Chosen, find_where
from runs.backend import BackendError
from runs.run import Run

AT_ONCE = 16


def run_clean(
    environment: dict[str, str],
    chosen: Chosen,
    named: Sequence[str],
    takes_all: bool,
    screen: Screen,
) -> Exit:
    """Remove ended Runs: those that are named, else all of which people know the end; with `takes_all` the others too."""
    where = find_where(environment, chosen)

    async def work(cluster: Cluster) -> Exit:
        runs = (
            [await cluster.find(name) for name in named]
            if named
            else [run for run in await cluster.runs() if run.ended]
        )
        going = [run for run in runs if not run.ended]
        untold = [run for run in runs if run.ended and not (takes_all or _is_known(run))]
        due = [run for run in runs if run not in going and run not in untold]
        gate = asyncio.Semaphore(AT_ONCE)
        answers = await asyncio.gather(*(_remove(run, cluster, gate) for run in due))
        kept = [why for why in answers if why is not None]
        stuck = [run for run, why in zip(due, answers, strict=True) if why is not None]
        due = [run for run in due if run not in stuck]
        _say(due, going, untold, screen)
        for why in kept:
            screen.note(why)
        removed = [run.id for run in due]
        screen.json({"removed": removed, "kept": [run.id for run in (*going, *untold, *stuck)]})
        return Exit.RUN_FAILED if kept or (named and (going or untold)) else Exit.OK

    try:
        return visit(where, work)
    except KeyboardInterrupt:
        screen.interrupted(
            "Stopped. What isn't removed yet goes with the next claude-sandbox clean."
        )
        return Exit.INTERRUPTED


def _is_known(run: Run) -> bool:
    """Say whether people know the end: they were told, or asked on the command line, and no bot's card waits for it."""
    return run.told or (run.origin.by_command_line and run.marks.card_id is None)


async def _remove(run: Run, cluster: Cluster, gate: asyncio.Semaphore) -> str | None:
    """Remove a Run; return why it can't be."""
    async with gate:
        try:
            if not run.told:
                run = await cluster.backend.tend(run.id)  # its end may not be written down yet
                await cluster.backend.acknowledge(run, time.time())
            gone = await cluster.backend.clean(run.id)
        except BackendError as error:
            return f"Run {run.id} can't be removed: {error}"
    return None if gone else f"Run {run.id} can't be removed (yet)."


def _say(due: Sequence[Run], going: Sequence[Run], untold: Sequence[Run], screen: Screen) -> None:
    for run in due:
        screen.say(f"{run.id}  {state_words(run)}")
    screen.say(f"{len(due)} removed." if due else "Nothing to remove.")
    for run in going:
        screen.note(f"Run {run.id} hasn't ended: claude-sandbox cancel {run.id}")
    if untold:
        count = f"{len(untold)} that ended" if len(untold) > 1 else f"Run {untold[0].id}"
        screen.note(f"{count} stays: the chat hasn't been told of the end. --all takes it too.")
