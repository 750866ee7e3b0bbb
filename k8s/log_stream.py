"""The log of a container as it is printed: line by line, none twice and none left out when the connection breaks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator

from k8s import names
from k8s.api import Rejected
from k8s.jobs import Jobs
from k8s.structs import Pod
from runs.backend import Unavailable

AGAIN_SECONDS = 1.0

_TRIES = 30
"""So often in a row nothing may come before it is given up."""

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z ")
_OVER = ("Succeeded", "Failed")
_BAD_REQUEST = 400
_NOT_FOUND = 404


def has_begun(pod: Pod) -> bool:
    """Say whether the agent's container was started, and so has a log."""
    state = pod.container(names.CONTAINER)
    return state.running is not None or state.terminated is not None


class LogStream:
    """What one container of a Pod prints."""

    def __init__(self, jobs: Jobs, pod_name: str, container: str) -> None:
        self._jobs = jobs
        self._pod_name = pod_name
        self._container = container
        self._last: tuple[bytes, bytes] = (b"", b"")
        self._known: tuple[bytes, bytes] = (b"", b"")

    async def lines(self, tail_lines: int | None) -> AsyncGenerator[bytes, None]:
        """Yield each line until the container has ended or its Pod is gone. Raises Unavailable, Refused."""
        where: dict[str, str | int] = {} if tail_lines is None else {"tailLines": tail_lines}
        failures = 0
        while True:
            whole = False
            try:
                async for line in self._connected(where):
                    failures = 0
                    yield line
                whole = True
            except Unavailable:
                failures += 1
                if failures >= _TRIES:
                    raise
            except Rejected as error:
                if error.code == _NOT_FOUND:
                    return
                if error.code != _BAD_REQUEST:
                    raise
                if await self._has_ended():  # else it waits to be started
                    return
            if whole and await self._has_ended():
                return
            self._known = self._last
            if self._last[0]:
                where = {"sinceTime": self._last[0].decode() + "Z"}
            await asyncio.sleep(AGAIN_SECONDS)

    async def _connected(self, where: dict[str, str | int]) -> AsyncGenerator[bytes, None]:
        rest = bytearray()
        async for chunk in self._jobs.stream(self._pod_name, self._container, where):
            *whole, end = chunk.split(b"\n")
            for piece in whole:
                rest += piece
                line = self._new(bytes(rest))
                rest.clear()
                if line is not None:
                    yield line
            rest += end
        line = self._new(bytes(rest)) if rest else None
        if line is not None:
            yield line

    def _new(self, line: bytes) -> bytes | None:
        """Return a line without its time; None for one that came before the connection broke."""
        stamp = _STAMP.match(line)
        if stamp is None:
            return line
        # Trailing zeros of the fraction are left out by the cluster.
        at = (stamp[1], (stamp[2] or b"").ljust(9, b"0"))
        if at <= self._known:
            return None
        self._last = at
        return line[stamp.end() :]

    async def _has_ended(self) -> bool:
        try:
            pod = await self._jobs.read_pod(self._pod_name)
        except Unavailable:
            return False
        if pod is None or pod.status.phase in _OVER:
            return True
        for status in pod.statuses:
            if status.name == self._container:
                return status.state.terminated is not None
        return False
