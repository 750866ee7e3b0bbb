"""What is kept of a Run that ended: its Record, its log, and when it failed the ends of the logs beside it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Set
from typing import TypeVar

from bot.desk import Desk
from bot.log_lines import whole_words
from runs.backend import BackendError, UnknownRun
from runs.outcome import Ending
from runs.run import Run

log = logging.getLogger(__name__)

_Kept = TypeVar("_Kept")

KEEP_LIMIT_SECONDS = 15.0
"""So long the end of a Run waits for its logs to be kept; a machine that is gone answers for none of its Runs."""

KEPT_AT_ONCE = 3
"""So many logs are in memory at a time, of 16 MiB at most each: one that hangs doesn't hold the others up."""

KEEP_LATER_LIMIT_SECONDS = 180.0
"""So long another try may take, for which nobody waits."""

SERVICE_BYTES = 64 << 10
"""So much of the log of each service beside a failed Run is kept."""


class Keeping:
    """Keeps before people are told, and tries again afterwards, until the Run goes.

    What of the Runs that were told before this process began has no log in the store, is found by one look there.
    """

    def __init__(self, desk: Desk) -> None:
        self._backend = desk.backend
        self._store = desk.store
        self._errands = desk.errands
        self._turns = asyncio.Semaphore(KEPT_AT_ONCE)
        self._known: set[str] = set()
        self._unkept: set[str] = set()
        self._unsure: set[str] = set()
        self._later: dict[str, Run] = {}
        self._at_work = False

    async def keep(self, run: Run) -> Run:
        """Keep the logs and the Record; return the Run as its Record has it."""
        self._known.add(run.id)
        async with self._turns:
            await self._tried(run, self._keep_logs(run))
            return await self._tried(run, self._backend.note(run)) or run

    def look_after(self, run: Run) -> None:
        """Take note of a Run that people were told of: what of it isn't kept is tried again."""
        if run.id not in self._known:
            self._known.add(run.id)
            self._unsure.add(run.id)
        if run.id in self._unkept or run.id in self._unsure:
            self._later[run.id] = run
            if not self._at_work:
                self._at_work = True
                self._errands.run(self._work())

    def forget_all_but(self, ids: Set[str]) -> None:
        """Forget the Runs that were removed, which nobody tells."""
        self._known &= ids
        self._unkept &= ids
        self._unsure &= ids

    async def _work(self) -> None:
        """Try everything once, one after the other; the first that fails leaves the rest to the next sweep."""
        try:
            await self._find_unkept()
            while self._later:
                run = self._later.pop(next(iter(self._later)))
                if run.id in self._unkept and not await self._kept_later(run):
                    return
        finally:
            self._later.clear()
            self._at_work = False

    async def _find_unkept(self) -> None:
        if not self._unsure:
            return
        asked = set(self._unsure)
        try:
            there = await self._store.logged()
        except (BackendError, OSError) as error:
            log.info(
                "which logs are kept can't be seen now: %s", str(error) or type(error).__name__
            )
            return
        self._unsure -= asked
        self._unkept |= asked - there

    async def _kept_later(self, run: Run) -> bool:
        try:
            async with asyncio.timeout(KEEP_LATER_LIMIT_SECONDS):
                await self._keep_logs(run)
        except TimeoutError:
            log.warning("the log of run %s can't be kept: it took too long", run.id)
        return run.id not in self._unkept

    async def _tried(self, run: Run, keeping: Awaitable[_Kept]) -> _Kept | None:
        """Return what came of it; None where it failed or takes too long, for then people hear of the end all the same."""
        try:
            async with asyncio.timeout(KEEP_LIMIT_SECONDS):
                return await keeping
        except (BackendError, OSError) as error:
            why = str(error) or type(error).__name__
            log.warning("run %s can't be kept: %s", run.id, why)
        except Exception:
            log.exception("run %s can't be kept", run.id)
        return None

    async def _keep_logs(self, run: Run) -> None:
        """Keep the log, and of a failed Run the ends of those beside it; what can't be kept now is tried again."""
        self._unkept.add(run.id)
        try:
            printed = await self._backend.read_log(run.id)
            if printed:  # nothing is also read where a log was that is gone
                await self._store.write_log(run.id, printed)
            del printed
            if run.outcome is not None and run.outcome.ending is Ending.FAILED:
                for service in await self._backend.services(run.id):
                    await self._keep_service(run, service)
        except UnknownRun:
            pass
        except (BackendError, OSError) as error:
            why = str(error) or type(error).__name__
            log.warning("the log of run %s can't be kept: %s", run.id, why)
            return
        self._unkept.discard(run.id)

    async def _keep_service(self, run: Run, service: str) -> None:
        printed = await self._backend.read_log(run.id, tail_bytes=SERVICE_BYTES, service=service)
        end = whole_words(printed, SERVICE_BYTES)
        if end:
            await self._store.write_log(run.id, end, service)
