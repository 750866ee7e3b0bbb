"""The completion: every Run that ended is told once, and counts as told only when Telegram has the message."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from functools import partial

from bot.desk import Desk
from bot.incoming import Place
from bot.messages import completion, digest
from bot.outbox import UndeliverableError
from bot.speaker import Letter
from runs.backend import BackendError, Moved, UnknownRun
from runs.run import Run

log = logging.getLogger(__name__)

DIGEST_FROM = 4
"""So many waiting completions of one chat go into one message."""

DIGEST_MOST = 20
CLAIM_SECONDS = 30.0
"""So long a claim of another process is respected; then that process died inside of its send."""

UNDELIVERABLE_PAUSE = 600.0
TAIL_BYTES = 8192


@dataclass(slots=True)
class _Lane:
    """What waits in one place, and whether somebody works it off."""

    waiting: dict[str, Run]
    working: bool = False
    quiet_until: float = 0.0


class Completions:
    """Tells ends. `see` may be told of a Run any number of times."""

    def __init__(self, desk: Desk) -> None:
        self._backend = desk.backend
        self._speaker = desk.speaker
        self._store = desk.store
        self._errands = desk.errands
        self._clock = desk.clock
        self._home = Place(desk.home_chat_id)
        self._keeping = asyncio.Lock()
        self._lanes: dict[Place, _Lane] = {}
        self._taken: set[str] = set()
        self._claims: dict[str, float] = {}

    def see(self, run: Run) -> None:
        """Take note of a Run; one that ended and wasn't told gets in line."""
        if not run.ended or run.told or run.id in self._taken:
            return
        place = Place(run.origin.chat_id, run.origin.thread_id)
        lane = self._lanes.setdefault(place, _Lane({}))
        if self._clock() < lane.quiet_until:
            return
        self._taken.add(run.id)
        self._errands.run(self._queue(run, lane, place))

    async def _queue(self, run: Run, lane: _Lane, place: Place) -> None:
        """Keep the Record and the log first: after it was told, the Run may go."""
        try:
            async with self._keeping:  # one log in memory at a time
                data = await self._backend.read_log(run.id)
                await self._store.write_log(run.id, data)
                await self._store.write_record(run)
                del data
        except (BackendError, OSError) as error:
            log.warning("the log of run %s can't be kept: %s", run.id, error)
        lane.waiting[run.id] = run
        if not lane.working:
            lane.working = True
            try:
                await self._work(lane, place)
            finally:
                lane.working = False

    async def _work(self, lane: _Lane, place: Place) -> None:
        while lane.waiting:
            try:
                await self._speaker.say_in_turn(place.chat_id, partial(self._tell, lane, place))
            except UndeliverableError as error:
                log.warning("chat %s can't be told: %s", place.chat_id, error)
                if place != self._home:
                    place = self._home
                    continue
                lane.quiet_until = self._clock() + UNDELIVERABLE_PAUSE
                self._taken -= set(lane.waiting)
                lane.waiting.clear()

    async def _tell(self, lane: _Lane, place: Place, chat_id: int) -> None:
        """Send the next message of a lane, its turn having come, and take its Runs as told."""
        claimed = await self._claimed(lane)
        if not claimed:
            return
        letter = await self._letter(claimed)
        await self._speaker.send_now(Place(chat_id, place.thread_id), letter)
        for run in claimed:
            lane.waiting.pop(run.id, None)
            if not await self._acknowledged(run):
                self._errands.run(self._acknowledge(run))

    async def _claimed(self, lane: _Lane) -> list[Run]:
        """Claim what goes into the next message, and only that; called when the turn has come."""
        oldest = sorted(lane.waiting.values(), key=lambda run: (run.ended_at or 0, run.id))
        batch = oldest[:DIGEST_MOST] if len(oldest) >= DIGEST_FROM else oldest[:1]
        claimed = []
        for run in batch:
            mine = await self._claim(run.id)
            if mine is not None:
                claimed.append(mine)
                continue
            # Told already, gone, or claimed by another process: the sweep brings it back if that one died.
            lane.waiting.pop(run.id, None)
            self._forget(run.id)
        return claimed

    async def _claim(self, run_id: str) -> Run | None:
        """Return the Run with our claim; None when it is told, gone, or under the young claim of another process."""
        while True:
            try:
                run = await self._backend.get(run_id)
                if run.told or not run.ended:
                    return None
                now = self._clock()
                held = run.marks.claimed_at
                if (
                    held is not None
                    and held != self._claims.get(run_id)
                    and now - held < CLAIM_SECONDS
                ):
                    return run
                self._claims[run_id] = now
                return await self._backend.mark(run, replace(run.marks, claimed_at=now))
            except Moved:
                continue
            except UnknownRun:
                return None
            except BackendError as error:
                log.warning("run %s can't be claimed yet: %s", run_id, error)
                await asyncio.sleep(1.0)

    async def _letter(self, runs: list[Run]) -> Letter:
        if len(runs) > 1:
            return Letter(digest(runs))
        run = runs[0]
        tail = b""
        if run.outcome is not None and not run.outcome.ended_well and not run.outcome.error:
            try:
                tail = await self._backend.read_log(run.id, tail_bytes=TAIL_BYTES)
            except BackendError as error:
                log.warning("the log of run %s can't be read: %s", run.id, error)
        text = completion(run, tail.decode("utf-8", "replace"))
        return Letter(text, reply_to=run.origin.message_id)

    async def _acknowledge(self, run: Run) -> None:
        """Make the told mark durable, however long that takes: until then a crash would repeat the message."""
        delay = 0.0
        while not await self._acknowledged(run):
            delay = min(30.0, delay * 2 + 0.2)
            await asyncio.sleep(delay)

    async def _acknowledged(self, run: Run) -> bool:
        try:
            await self._backend.acknowledge(run, self._clock())
        except UnknownRun:
            log.info("run %s was removed while it was told", run.id)
        except BackendError as error:
            log.warning("run %s can't be acknowledged yet: %s", run.id, error)
            return False
        log.info("run %s told: %s", run.id, run.outcome.ending.value if run.outcome else "?")
        self._forget(run.id)
        return True

    def _forget(self, run_id: str) -> None:
        self._claims.pop(run_id, None)
        self._taken.discard(run_id)
