"""The Backend of this machine: a process group per Run, and all state in files, so that Runs outlive the bot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import ParamSpec, TypeVar

from runs import durable
from runs.backend import BackendError, Refused, Unavailable
from runs.counted import Counted
from runs.local_files import Damaged
from runs.local_place import LocalPlace
from runs.local_runs import LocalRuns
from runs.run import Marks, Origin, Run, State, run_id
from sandbox.task import Task

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
"""Between two looks at runs that can't be read."""

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


class LocalBackend:
    """Runs on this machine. Several objects, in several processes, may use one place at once.

    What this object did, and how its running Runs go on, `changes` tells at once; what others did, from
    the next sweep on.
    """

    def __init__(self, place: LocalPlace) -> None:
        self._place = place
        self._runs = LocalRuns(place)
        self._view: dict[str, Run] = {}
        self._news = asyncio.Event()
        self._reading = asyncio.Lock()
        self._closed = False

    @property
    def called(self) -> str:
        """See Backend.called; the bot itself is there, so no name of the machine helps."""
        return "the place where runs live"

    @property
    def ignored_options(self) -> frozenset[str]:
        """Name what only a container could apply."""
        return frozenset({"memory", "cpu", "image", "services"})

    @property
    def counted(self) -> Counted:
        """See Backend.counted."""
        return Counted()

    async def where(self) -> str:
        """See Backend.where: the folder."""
        return str(self._place.state.resolve())

    async def start(self, key: str, task: Task, origin: Origin) -> Run:
        """See Backend.start."""
        await self._do(self._runs.start, key, task, origin)
        return await self._changed(run_id(key))

    async def cancel(self, run_id: str, by: str) -> Run:
        """See Backend.cancel."""
        await self._do(self._runs.cancel, run_id, by)
        return await self._changed(run_id)

    async def end_at_once(self, run_id: str) -> None:
        """Kill a Run that was cancelled, with all of its processes; what it hasn't pushed yet is lost. May be repeated."""
        await self._do(self._runs.end_at_once, run_id)

    async def get(self, run_id: str) -> Run:
        """See Backend.get."""
        return await self._changed(run_id)

    async def list_runs(self) -> list[Run]:
        """See Backend.list_runs."""
        await self._look()
        return list(self._view.values())

    async def changes(self) -> AsyncGenerator[Run, None]:
        """See Backend.changes; begins with a sweep, ends when this object is closed."""
        await self.sweep()
        seen: dict[str, Run] = {}
        while not self._closed:
            news = self._news
            view = self._view
            for run in view.values():
                if seen.get(run.id) != run:
                    yield run
            seen = view
            await self._wait(news)

    async def read_log(
        self, run_id: str, *, tail_bytes: int | None = None, service: str | None = None
    ) -> bytes:
        """See Backend.read_log; nothing is beside a Run here."""
        if service is not None:
            await self.get(run_id)
            raise Refused("On this machine no services run beside a run.")
        return await self._do(self._runs.read_log, run_id, tail_bytes)

    async def services(self, run_id: str) -> tuple[str, ...]:
        """See Backend.services: nothing is beside a Run here."""
        await self.get(run_id)
        return ()

    async def mark(self, run: Run, marks: Marks) -> Run:
        """See Backend.mark."""
        await self._do(self._runs.mark, run, marks)
        return await self._changed(run.id)

    async def acknowledge(self, run: Run, told_at: float) -> Run:
        """See Backend.acknowledge."""
        await self._do(self._runs.acknowledge, run.id, told_at)
        return await self._changed(run.id)

    async def clean(self, run_id: str) -> bool:
        """See Backend.clean."""
        removed = await self._do(self._runs.clean, run_id)
        await self._look()
        return removed

    async def sweep(self) -> None:
        """See Backend.sweep."""
        await self._do(self._runs.sweep)
        await self._look()

    async def close(self) -> None:
        """See Backend.close."""
        self._closed = True
        self._announce()

    async def _changed(self, id_of_run: str) -> Run:
        """Read a Run anew, with all others that its change may have moved."""
        await self._look()
        if id_of_run in self._view:
            return self._view[id_of_run]
        return await self._do(self._runs.folder(id_of_run).read)

    async def _look(self, ids: list[str] | None = None) -> None:
        """Read these Runs, or all; when one has ended, start who waited for its place.

        One reader at a time, so that what was read later is also seen later.
        """
        async with self._reading:
            before = self._view
            self._see(await self._read(ids))
            if _place_freed(before, self._view):
                await self._admit()
                self._see(await self._read(None))

    async def _read(self, ids: list[str] | None) -> dict[str, Run]:
        if ids is None:
            return await self._do(self._runs.all)
        others = {name: run for name, run in self._view.items() if name not in ids}
        return {**others, **await self._do(self._runs.look, ids)}

    async def _admit(self) -> None:
        try:
            await self._do(self._runs.admit)
        except BackendError as error:
            logger.warning("runs wait for the next sweep: %s", error)

    def _see(self, runs: dict[str, Run]) -> None:
        if runs != self._view:
            self._view = runs
            self._announce()

    def _announce(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _wait(self, news: asyncio.Event) -> None:
        """Wait for news; while a Run is running, look for some of its own accord."""
        running = [run.id for run in self._view.values() if run.state is State.RUNNING]
        try:
            async with asyncio.timeout(self._place.poll_seconds if running else None):
                await news.wait()
        except TimeoutError:
            await self._glance(running)

    async def _glance(self, running: list[str]) -> None:
        try:
            await self._look(running)
        except Unavailable as error:
            logger.warning("the runs can't be followed now: %s", error)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _do(
        self,
        work: Callable[_Parameters, _Result],
        *args: _Parameters.args,
        **kwargs: _Parameters.kwargs,
    ) -> _Result:
        """Do blocking work in a thread, and translate what the disk says into words for people."""
        try:
            return await asyncio.to_thread(work, *args, **kwargs)
        except Damaged as error:
            raise Refused(f"The files of this run can't be read: {error}.") from error
        except OSError as error:
            raise Unavailable(durable.in_words(error, "the folder for runs")) from error


def _place_freed(before: Mapping[str, Run], now: Mapping[str, Run]) -> bool:
    return any(
        run.state is State.RUNNING and (run.id not in now or now[run.id].ended)
        for run in before.values()
    )
