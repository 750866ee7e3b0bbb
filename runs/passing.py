"""A Backend over another one that hands everything on; those that change something of it begin here."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from runs.backend import Backend
from runs.counted import Counted
from runs.run import Marks, Origin, Run
from sandbox.task import Task


class Passing:
    """A Backend over another one. Whoever inherits overrides what differs: all Runs by `_shown`, or single methods."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def _shown(self, run: Run) -> Run:
        """Return a Run of the Backend below as this one shows it."""
        return run

    @property
    def called(self) -> str:
        """See Backend.called."""
        return self._backend.called

    @property
    def ignored_options(self) -> frozenset[str]:
        """See Backend.ignored_options."""
        return self._backend.ignored_options

    @property
    def counted(self) -> Counted:
        """See Backend.counted."""
        return self._backend.counted

    async def where(self) -> str:
        """See Backend.where."""
        return await self._backend.where()

    async def start(self, key: str, task: Task, origin: Origin) -> Run:
        """See Backend.start."""
        return self._shown(await self._backend.start(key, task, origin))

    async def cancel(self, run_id: str, by: str) -> Run:
        """See Backend.cancel."""
        return self._shown(await self._backend.cancel(run_id, by))

    async def get(self, run_id: str) -> Run:
        """See Backend.get."""
        return self._shown(await self._backend.get(run_id))

    async def list_runs(self) -> list[Run]:
        """See Backend.list_runs."""
        return [self._shown(run) for run in await self._backend.list_runs()]

    async def changes(self) -> AsyncGenerator[Run, None]:
        """See Backend.changes."""
        async with aclosing(self._backend.changes()) as changes:
            async for run in changes:
                yield self._shown(run)

    async def read_log(
        self, run_id: str, *, tail_bytes: int | None = None, service: str | None = None
    ) -> bytes:
        """See Backend.read_log."""
        return await self._backend.read_log(run_id, tail_bytes=tail_bytes, service=service)

    async def services(self, run_id: str) -> tuple[str, ...]:
        """See Backend.services."""
        return await self._backend.services(run_id)

    async def mark(self, run: Run, marks: Marks) -> Run:
        """See Backend.mark."""
        return self._shown(await self._backend.mark(run, marks))

    async def acknowledge(self, run: Run, told_at: float) -> Run:
        """See Backend.acknowledge."""
        return self._shown(await self._backend.acknowledge(run, told_at))

    async def clean(self, run_id: str) -> bool:
        """See Backend.clean."""
        return await self._backend.clean(run_id)

    async def sweep(self) -> None:
        """See Backend.sweep."""
        await self._backend.sweep()

    async def close(self) -> None:
        """See Backend.close."""
        await self._backend.close()
