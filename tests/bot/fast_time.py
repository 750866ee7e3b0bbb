"""An event loop for whole conversations: real sockets and threads, and a clock that jumps over idle time.

Both ends of every connection live in the test's own loop, so when nothing is ready and no thread works, only a timer
can be what is waited for.
"""

from __future__ import annotations

import asyncio
import datetime
import selectors
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

BREATH_SECONDS = 0.001
"""Real time that a loopback socket gets before it counts as silent."""


class _Selector(selectors.DefaultSelector):  # type: ignore[valid-type,misc]  # the class is chosen by the platform
    """Waits really while threads work; else only for a breath, and adds up what it would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0
        self.threads = 0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout <= 0:
            return super().select(0)
        started = time.monotonic()
        events = super().select(BREATH_SECONDS)
        while not events and self.threads:
            events = super().select(0.05)
        if events:
            self.passed += min(time.monotonic() - started, timeout or 1e9)
            return events
        if timeout is None:
            # Nothing can come any more but from outside: wait for that as any loop does.
            return super().select(None)
        self.passed += timeout
        return events


class FastLoop(asyncio.SelectorEventLoop):
    """A loop over seconds that pass as soon as nothing else is to be done."""

    def __init__(self) -> None:
        self._fast = _Selector()
        super().__init__(self._fast)

    def time(self) -> float:
        return 1000.0 + self._fast.passed

    def block(self, seconds: float) -> None:
        """Let time pass in which nothing else could happen, as in a call that blocks the loop."""
        self._fast.passed += seconds

    def run_in_executor(  # type: ignore[override]  # the stub's types say more than the base class keeps
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        future = super().run_in_executor(executor, func, *args)
        self._fast.threads += 1
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 (the signature is asyncio's)
        """Wait really for the threads: from Python 3.12 on there is a time limit, which would jump by."""
        self._fast.threads += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._fast.threads -= 1

    def _thread_done(self, _future: asyncio.Future[Any]) -> None:
        self._fast.threads -= 1


def wall_clock() -> Callable[[], float]:
    """Return a clock of seconds since 1970 that follows the running loop."""
    loop = asyncio.get_running_loop()
    start = time.time() - loop.time()
    return lambda: start + loop.time()


def calendar(clock: Callable[[], float]) -> type[datetime.datetime]:
    """Return a datetime whose present is that of a clock, for a library that asks the calendar."""

    class Calendar(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return datetime.datetime.fromtimestamp(clock(), tz)

    return Calendar
