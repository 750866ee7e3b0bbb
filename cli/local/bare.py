"""A run as a process of this machine: the local Backend with one Run, followed to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cli.local.growing_log import GrowingLog
from cli.local.kept import FOLDER
from cli.local.left_bare import remove, take_up
from cli.local.one_run import OneRun
from cli.local.pod import Stopping
from runs.local import LocalBackend
from runs.local_files import LOG
from runs.local_place import LocalPlace
from runs.run import Run

_LOOK_SECONDS = 0.1


async def run_bare(one: OneRun, tell: Callable[[str], None], stopping: Stopping) -> Run:
    """Carry out a run to its end, and remove its folder; the caller shows that it lives. Raises BackendError."""
    state = one.settings.state_folder.absolute() / FOLDER
    silence = one.config.silence_seconds
    more = {} if silence is None else {"SANDBOX_SILENCE": str(silence)}
    place = LocalPlace(state, {**one.environment, **more}, agent=one.settings.agent.value)
    backend = LocalBackend(place)
    try:
        await backend.sweep()
        for line in await take_up(backend, state):
            tell(line)
        run = await backend.start(one.key, one.task, one.origin)
        log = GrowingLog(state / "runs" / run.id / LOG, tell)
        try:
            run = await _followed(run, backend, stopping, log.show)
            log.show(to_its_end=True)
        finally:
            await _let_go(run, backend, stopping)
        return run
    finally:
        await backend.close()


async def _followed(
    run: Run, backend: LocalBackend, stopping: Stopping, show: Callable[[], None]
) -> Run:
    while not run.ended:
        if stopping.asked.is_set() and run.cancelled_by is None:
            await backend.cancel(run.id, run.origin.person_name)
        if stopping.urged.is_set():
            await backend.end_at_once(run.id)
        await asyncio.sleep(_LOOK_SECONDS)
        run = await backend.get(run.id)
        show()
    return run


async def _let_go(run: Run, backend: LocalBackend, stopping: Stopping) -> None:
    """Remove a Run; one that nobody can follow any more ends first, with what it has pushed."""
    if not (run.ended or stopping.asked.is_set()):
        stopping.ask()
    run = await _followed(run, backend, stopping, lambda: None)
    await remove(run, backend)
