"""A run as a process of this machine: the local Backend with one Run, followed to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from cli.local.left_bare import held, remove, take_up
from cli.local.one_run import OneRun
from cli.local.pod import Stopping
from runs.local import LocalBackend
from runs.local_files import LOG
from runs.local_place import LocalPlace
from runs.run import Run

FOLDER = "command-line"
"""The folder in that of the bot's state: runs of the command line aren't the bot's to tell."""
_LOOK_SECONDS = 0.1


async def run_bare(one: OneRun, tell: Callable[[str], None], stopping: Stopping) -> Run:
    """Carry out a run to its end, and remove its folder. Raises BackendError."""
    state = one.settings.state_folder.absolute() / FOLDER
    silence = one.config.silence_seconds
    more = {} if silence is None else {"SANDBOX_SILENCE": str(silence)}
    place = LocalPlace(state, {**one.environment, **more}, agent=one.settings.agent.value)
    backend = LocalBackend(place)
    try:
        await backend.sweep()
        for line in await take_up(backend, state):
            tell(line)
        with held(state, one.id):
            run = await backend.start(one.key, one.task, one.origin)
            log = _Log(state / "runs" / run.id / LOG, tell)
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


class _Log:
    """Shows what is added to a log, in whole lines."""

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        self._path = path
        self._tell = tell
        self._position = 0
        self._rest = b""

    def show(self, *, to_its_end: bool = False) -> None:
        """Show what came since the last call; also a last line without an end, `to_its_end`."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                data = file.read()
        except FileNotFoundError:
            return
        self._position += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if to_its_end and self._rest:
            lines.append(self._rest)
        for line in lines:
            self._tell(line.decode("utf-8", "replace"))
