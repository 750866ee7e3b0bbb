"""Plain processes whose command was killed before it could remove them: each command holds a lock while it lives."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from cli.local.kept import forget, is_alive
from runs.backend import UnknownRun
from runs.local import LocalBackend
from runs.run import Run


async def take_up(backend: LocalBackend, state: Path) -> list[str]:
    """Remove the Runs of commands that are gone, and stop those that go on; return what is to be said. Raises BackendError."""
    said = []
    for run in await backend.list_runs():
        if is_alive(state, run.id):
            continue
        with suppress(UnknownRun):  # another command was faster
            if run.ended:
                await remove(run, backend)
                forget(state, run.id)
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
