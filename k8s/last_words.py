"""What Runs print that were asked to stop: their Pods are deleted as soon as they end, and the log goes with them."""

from __future__ import annotations

import asyncio
import logging

from k8s.jobs import Jobs
from runs.backend import BackendError

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
"""So long the end of a log is waited for when its Run has ended already."""


class LastWords:
    """Listens to Runs until they end, and keeps what they printed until it is dropped. `close` ends all."""

    def __init__(self, jobs: Jobs, limit_seconds: float) -> None:
        self._jobs = jobs
        self._limit_seconds = limit_seconds
        self._listening: dict[str, asyncio.Task[bytes]] = {}

    @property
    def runs(self) -> set[str]:
        """Return the Runs that are, or were, listened to."""
        return set(self._listening)

    def listen(self, run_id: str, pod_name: str) -> None:
        """Listen to a Run from now on, its log so far included; again changes nothing."""
        if run_id not in self._listening:
            self._listening[run_id] = asyncio.create_task(self._listen(run_id, pod_name))

    async def of(self, run_id: str) -> bytes:
        """Return what a Run printed to its end; nothing when it wasn't listened to, or it can't be had."""
        listening = self._listening.get(run_id)
        if listening is None:
            return b""
        done, _ = await asyncio.wait([listening], timeout=PATIENCE_SECONDS)
        return listening.result() if done and not listening.cancelled() else b""

    def drop(self, run_id: str) -> None:
        """Forget what a Run printed."""
        self._listening.pop(run_id).cancel()

    async def close(self) -> None:
        """Listen to nobody any more."""
        for listening in self._listening.values():
            listening.cancel()
        await asyncio.gather(*self._listening.values(), return_exceptions=True)
        self._listening.clear()

    async def _listen(self, run_id: str, pod_name: str) -> bytes:
        try:
            return await self._jobs.log_to_its_end(pod_name, self._limit_seconds)
        except BackendError as error:
            log.warning("run %s: its last words can't be heard: %s", run_id, error)
            return b""
