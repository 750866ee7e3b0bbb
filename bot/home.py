"""The home chat hears of the ends of Runs that were asked for elsewhere: a few lines each, once the asker was told."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from bot.desk import Desk
from bot.incoming import Place
from bot.marking import marked
from bot.messages import home_notice
from bot.outbox import UndeliverableError, UnreachableError
from bot.speaker import Letter
from runs.backend import BackendError, UnknownRun
from runs.run import Run

log = logging.getLogger(__name__)

TOGETHER = 20
"""So many ends go into one message at most."""

YOUNG_SECONDS = 3600.0
"""What was told longer ago is no news: a bot of an older version told it, or this one was away for long."""

UNDELIVERABLE_PAUSE = 600.0


class HomeNotices:
    """Tells the home chat. `see` may be told of a Run any number of times.

    The mark is set behind the send, so a crash between the two repeats the notice and loses none.
    """

    def __init__(self, desk: Desk) -> None:
        self._backend = desk.backend
        self._speaker = desk.speaker
        self._errands = desk.errands
        self._book = desk.book
        self._clock = desk.clock
        self._addresses = desk.addresses
        self._home = Place(desk.home_chat_id)
        self._waiting: dict[str, Run] = {}
        self._told: set[str] = set()
        self._working = False
        self._quiet_until = 0.0

    def see(self, run: Run) -> None:
        """Take note of a Run; one that was told elsewhere and not at home gets in line."""
        told_at = run.marks.told_at
        if told_at is None or run.outcome is None or run.marks.home_told:
            self._told.discard(run.id)
            return
        if self._is_at_home(run) or self._book.is_told_at_home(run.id):
            return
        now = self._clock()
        if run.id in self._told or now - told_at > YOUNG_SECONDS or now < self._quiet_until:
            return
        self._waiting[run.id] = run
        if not self._working:
            self._working = True
            self._errands.run(self._work())

    def _is_at_home(self, run: Run) -> bool:
        return self._addresses.same(run.origin.chat_id, self._home.chat_id)

    async def _work(self) -> None:
        delay = 0.0
        try:
            while self._waiting:
                try:
                    await self._speaker.say_in_turn(self._home.chat_id, self._tell)
                    delay = 0.0
                except BackendError as error:
                    delay = min(30.0, delay * 2 + 1.0)
                    log.warning("the home chat can't be told yet: %s", error)
                    await asyncio.sleep(delay)
        except UndeliverableError as error:
            log.warning("the home chat can't be told: %s", error)
            self._quiet_until = self._clock() + UNDELIVERABLE_PAUSE
        finally:
            # What still waits is seen again by the next sweep.
            self._waiting.clear()
            self._working = False

    async def _tell(self, chat_id: int) -> None:
        """Send what waits as one message, its turn having come; what another process told meanwhile is left out."""
        batch = [run for run in list(self._waiting.values())[:TOGETHER] if await self._is_due(run)]
        if not batch:
            return
        await self._speaker.send_now(self._home, Letter(home_notice(batch), silent=True), chat_id)
        for run in batch:
            self._waiting.pop(run.id, None)
            self._told.add(run.id)
            self._errands.run(
                marked(self._backend, run.id, lambda marks: replace(marks, home_told=True))
            )

    async def _is_due(self, run: Run) -> bool:
        if not await self._speaker.find([run.origin.chat_id]):
            raise UnreachableError("which chat asked isn't known")
        try:
            told = (await self._backend.get(run.id)).marks.home_told
        except UnknownRun:
            told = False  # cleaned meanwhile, and not told
        due = not told and not self._is_at_home(run)
        if not due:
            self._waiting.pop(run.id, None)
        return due
