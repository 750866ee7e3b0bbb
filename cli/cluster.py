"""The cluster as a command visits it: Runs, logs, and what is kept of those that are gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from bot.config import Config
from cli.exits import Exit, Failure
from cli.parts import load_config, make_place, make_store
from cli.where import Where
from k8s.visit import VisitedCluster
from runs.backend import BackendError, UnknownRun
from runs.run import Run, by_age, is_run_id
from runs.store import LogStore
from sandbox.keys import read_keys
from sandbox.redaction import Redactor

MOST_NAMED = 5
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a command has at hand on a cluster."""

    where: Where
    config: Config
    backend: VisitedCluster
    store: LogStore
    redactor: Redactor

    async def runs(self) -> list[Run]:
        """Read all Runs, oldest first. Raises Failure where the namespace isn't there."""
        runs = await self.backend.list_judged()
        if not runs and not await self.backend.has_namespace():
            raise Failure(
                f"There is no {self.where.words}.",
                "Name another by -n NAME; to make it, and all that belongs to it: claude-sandbox init",
                Exit.CLUSTER,
            )
        return sorted(runs, key=by_age)

    async def find(self, written: str) -> Run:
        """Return the one Run whose id begins so, from its Record if its Job is gone. Raises Failure."""
        written = written.strip()
        prefix = written.lower().removeprefix("claude-").lstrip("#")
        if is_run_id(prefix):
            found = await self._whole(prefix)
            if found is not None:
                return found
        runs = {run.id: run for run in [*await self.kept(), *await self.runs()]}
        named = [run for run in runs.values() if prefix and run.id.startswith(prefix)]
        if not named:
            raise Failure(
                f"There is no run {written[:40]!r} in {self.where.words}.",
                "These there are: claude-sandbox jobs",
            )
        if len(named) > 1:
            shown = ", ".join(run.id for run in named[:MOST_NAMED])
            raise Failure(f"Several runs begin with {prefix}: {shown}.", "Write more of it.")
        return named[0]

    async def kept(self) -> list[Run]:
        """Return the Runs of which there are Records of this namespace; none where the log store doesn't answer.

        The cluster has another address from the inside, where a bot may have written them.
        """
        here = f"/namespaces/{self.where.namespace}"
        try:
            records = await self.store.list_records()
        except BackendError:
            return []
        return [record.run for record in records if record.where.endswith(here)]

    async def _whole(self, run_id: str) -> Run | None:
        try:
            return await self.backend.tend(run_id)
        except UnknownRun:
            pass
        try:
            return (await self.store.read_record(run_id)).run
        except BackendError:
            return None


def visit(where: Where, work: Callable[[Cluster], Awaitable[_Answer]]) -> _Answer:
    """Do something on a cluster, from the outside of an event loop."""

    async def visiting() -> _Answer:
        async with _opened(where) as cluster:
            return await work(cluster)

    return asyncio.run(visiting())


@asynccontextmanager
async def _opened(where: Where) -> AsyncIterator[Cluster]:
    settings, environment = where.settings, where.environment
    config = load_config(settings.config_path)
    store = make_store(settings, environment)
    backend = VisitedCluster(make_place(settings, config, environment))
    redactor = Redactor(read_keys(environment).secrets)
    try:
        yield Cluster(where, config, backend, store, redactor)
    finally:
        await backend.close()
