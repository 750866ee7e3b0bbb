"""A FakePlace whose Runs are played as their prompts say, for the contract suite."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from runs.backend import Backend, Limits
from runs.fake import FakeBackend, FakePlace
from runs.outcome import Exit
from runs.run import State
from sandbox.report import Cause, Phase, Report, Verdict
from sandbox.task import Task

_ENDS = {
    "quick": (Verdict.PUSHED, None, 0),
    "failing": (Verdict.FAILED, Cause.AGENT_FAILED, 1),
    "nothing": (Verdict.NOTHING_CHANGED, None, 0),
}


class PlayedPlace:
    """`wrapped` is put around each Backend that is made."""

    def __init__(self, wrapped: Callable[[Backend], Backend]) -> None:
        self._place = FakePlace()
        self._wrapped = wrapped
        self._backends: list[Backend] = []

    def make(self, limits: Limits = Limits()) -> Backend:  # noqa: B008 - frozen
        self._place.limits = limits
        backend = self._wrapped(FakeBackend(self._place))
        self._backends.append(backend)
        return backend

    def task(self, kind: str) -> Task:
        return Task("file:///repo", kind)

    async def play(self) -> None:
        async for run in FakeBackend(self._place).changes():
            if run.state is not State.RUNNING or run.report is not None:
                continue
            self._place.progress(run.id, Report(run.id, Phase.CLONE), b"started\n")
            if run.task.prompt in _ENDS:
                verdict, cause, code = _ENDS[run.task.prompt]
                report = Report(run.id, Phase.DONE, verdict, cause=cause)
                self._place.finish(run.id, report=report, program_exit=Exit(code))

    async def close(self) -> None:
        for backend in self._backends:
            await backend.close()


@contextlib.asynccontextmanager
async def played(wrapped: Callable[[Backend], Backend]) -> AsyncIterator[PlayedPlace]:
    """Play a place until the end of a test."""
    place = PlayedPlace(wrapped)
    playing = asyncio.create_task(place.play())
    yield place
    playing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await playing
    await place.close()
