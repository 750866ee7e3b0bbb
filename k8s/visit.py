"""The Backend as a command uses it that comes and goes: a bot may be there or not, and no watch is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from k8s import names
from k8s.api import COMMAND_LEAVE_SECONDS, Rejected
from k8s.backend import KubernetesBackend, sidecar_of
from k8s.judging import judged
from k8s.log_stream import LogStream, has_begun
from runs.backend import Limits, UnknownRun
from runs.run import Run, State

LOOK_SECONDS = 1.0
"""Between two looks at a Run that hasn't begun."""

_NOT_FOUND = 404


class VisitedCluster(KubernetesBackend):
    """Runs on a cluster, of which a command touches none but the one that it is about."""

    leave_seconds = COMMAND_LEAVE_SECONDS

    async def prepare(self) -> None:
        """Ask what has to be known before a start, so that this is one request. Raises Refused, Unavailable."""
        await self._version.demand()

    async def cancel(self, run_id: str, by: str) -> Run:
        """See Backend.cancel; what is printed from here on is listened to, for the log goes with the Pod."""
        pod = await self._pod(run_id)
        if pod is not None and has_begun(pod):
            self._tending.last_words.listen(run_id, pod.metadata.name)
        return await super().cancel(run_id, by)

    async def list_judged(self) -> list[Run]:
        """Read all Runs, oldest first, each with its end, also where nobody has written that down: nothing is changed."""
        await self._mirror.jobs.read_all()
        if self._mirror.open_runs:
            await self._mirror.pods.read_all()
        jobs = self._mirror.jobs.objects
        named = [(run, names.job_name(run.id)) for run in self._mirror.all()]
        return [judged(run, jobs[name], self._mirror.pod(name)) for run, name in named]

    async def tend(self, run_id: str) -> Run:
        """Read a Run anew and go on with it, as a bot does it for all: for a command beside which there may be none.

        Its end is written down, and it is given up where it can't start. Raises UnknownRun.
        """
        run = await self._read(run_id)
        if run.state is State.RUNNING:
            await self._tending.settle_one(names.job_name(run_id))
        elif run.state is State.QUEUED and self._place.own_limits != Limits():
            await self._tending.admit()
        found = self._mirror.runs.get(run_id)
        if found is None:
            raise UnknownRun(f"There is no run {run_id} (any more).")
        return found

    async def follow_log(
        self, run_id: str, *, service: str | None = None, tail_lines: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the lines of a log as they are printed, without their ends, until the program has ended.

        Raises UnknownRun, Unavailable, and Refused when no such service is beside the Run.
        """
        pod = await self._pod(run_id)
        while pod is None or not has_begun(pod):
            if (await self.tend(run_id)).ended:
                return
            await asyncio.sleep(LOOK_SECONDS)
            pod = await self._pod(run_id)
        container = names.CONTAINER if service is None else sidecar_of(pod, service)
        stream = LogStream(self._jobs, pod.metadata.name, container)
        async with aclosing(stream.lines(tail_lines)) as lines:
            async for line in lines:
                yield line

    async def has_namespace(self) -> bool:
        """Say whether the namespace is there; True where that may not be asked. Raises Unavailable."""
        try:
            await self._api.get(f"/api/v1/namespaces/{self._place.namespace}")
        except Rejected as error:
            return error.code != _NOT_FOUND
        return True
