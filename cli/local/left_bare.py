"""Plain processes whose command was killed before it could remove them: each command holds a lock while it lives."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runs import durable
from runs.backend import UnknownRun
from runs.local import LocalBackend
from runs.run import Run

_LOCKS = "commands"


@contextmanager
def held(state: Path, run_id: str) -> Iterator[None]:
    """Show other commands that the one of this Run lives, from before its start until it is removed."""
    lock = state / _LOCKS / run_id
    lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with durable.guarded(lock):
        yield
        lock.unlink(missing_ok=True)


async def take_up(backend: LocalBackend, state: Path) -> list[str]:
    """Remove the Runs of commands that are gone, and stop those that go on; return what is to be said. Raises BackendError."""
    said = []
    for run in await backend.list_runs():
        if durable.is_held(state / _LOCKS / run.id):
            continue
        with suppress(UnknownRun):  # another command was faster
            if run.ended:
                await remove(run, backend)
                (state / _LOCKS / run.id).unlink(missing_ok=True)
                said.append(f"· removed what was left of run {run.id}, whose command was killed")
            elif run.cancelled_by is None:
                await backend.cancel(run.id, run.origin.person_name)
                said.append(
                    f"· run {run.id}, whose command was killed, pushes what it has and ends"
                )
    return said


async def remove(run: Run, backend: LocalBackend) -> None:
    """Remove all that there is of a Run that has ended. Raises BackendError."""
    await backend.acknowledge(run, time.time())
    await backend.clean(run.id)
    await backend.sweep()
