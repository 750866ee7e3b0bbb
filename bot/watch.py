"""The watch: whatever a Run does, the card, the completion and the Record hear of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence, Set

from bot.cards import Cards
from bot.completion import Completions
from bot.desk import Book, Errands
from bot.home import HomeNotices
from bot.live import Live
from runs.backend import BackendError
from runs.recorded import Recorded
from runs.run import Run
from runs.store import LogStore

log = logging.getLogger(__name__)

SWEEP_LIMIT_SECONDS = 60.0
KEPT_SECONDS = 30 * 24 * 3600.0

PRUNE_SECONDS = 3600.0
"""So often it is looked for what is older: a list of all there is costs money where the log store is S3."""


class Watch:
    """Follows the Backend, and re-reads it now and then since no watch can be trusted for ever."""

    def __init__(
        self,
        backend: Recorded,
        store: LogStore,
        errands: Errands,
        book: Book,
        tellers: Sequence[Cards | Completions | HomeNotices | Live],
    ) -> None:
        self._backend = backend
        self._store = store
        self._errands = errands
        self._prune_at = 0.0
        self._listeners: list[Callable[[Run], None]] = [
            book.see,
            *(teller.see for teller in tellers),
        ]
        self._keepers: list[Callable[[Set[str]], None]] = [
            book.keep,
            *(teller.keep for teller in tellers if isinstance(teller, Completions | Live)),
        ]

    def see(self, run: Run) -> None:
        """Tell everybody of a Run; one that can't be handled doesn't stop the others."""
        if self._backend.due(run):
            self._errands.run(self._record(run))
        for listener in self._listeners:
            try:
                listener(run)
            except Exception:
                log.exception("run %s can't be followed", run.id)

    async def check_store(self) -> None:
        """Say at the start what is wrong with the log store; the bot goes on without it."""
        try:
            await self._store.check()
        except BackendError as error:
            log.warning("%s Until then no log outlives its run.", error)

    async def run(self) -> None:
        """Follow for ever; when the Backend doesn't answer, again after a while."""
        delay = 0.8
        while True:
            try:
                async for run in self._backend.changes():
                    delay = 0.8
                    self.see(run)
            except BackendError as error:
                log.warning("the runs can't be followed now: %s", error)
            except Exception:
                log.exception("the runs can't be followed now")
            await asyncio.sleep(delay)
            delay = min(30.0, delay * 2)

    async def sweep(self) -> bool:
        """Re-read everything once, and say whether it went well; what hangs ends after a minute, so that the next comes."""
        try:
            async with asyncio.timeout(SWEEP_LIMIT_SECONDS):
                await self._backend.sweep()
                runs = await self._backend.list_runs()
                ids = {run.id for run in runs}
                for keep in self._keepers:
                    keep(ids)
                for run in runs:
                    self.see(run)
                await self._prune()
        except (BackendError, OSError, TimeoutError) as error:
            log.warning("the sweep didn't end: %s", str(error) or type(error).__name__)
            return False
        return True

    async def _prune(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._prune_at:
            self._prune_at = now + PRUNE_SECONDS
            await self._store.prune(KEPT_SECONDS)

    async def _record(self, run: Run) -> None:
        try:
            await self._backend.note(run)
        except BackendError as error:
            log.warning("run %s can't be recorded: %s", run.id, error)
