"""The completion: every Run that ended is told once, and counts as told only when Telegram has the message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Set
from dataclasses import dataclass, field, replace
from functools import partial

from bot.buttons import end_buttons
from bot.desk import Desk
from bot.explain import is_proved_by_log
from bot.incoming import Place
from bot.keeping import Keeping
from bot.log_reading import read_end
from bot.markup import Markup
from bot.messages import bare, completion, digest, told_elsewhere
from bot.outbox import UndeliverableError
from bot.speaker import Letter
from runs.backend import BackendError, Moved, Unavailable, UnknownRun
from runs.outcome import Ending
from runs.run import Run

log = logging.getLogger(__name__)

DIGEST_FROM = 4
"""So many waiting completions of one chat go into one message."""

DIGEST_MOST = 20
CLAIM_SECONDS = 30.0
"""So long a claim of another process is respected; then that process died inside of its send."""

CLAIM_LIMIT_SECONDS = 15.0
"""So long a Backend that doesn't answer may hold up a chat's turn."""

UNDELIVERABLE_PAUSE = 600.0
TAIL_BYTES = 256 << 10
"""So much of a log's end is looked at for the lines that prove a failure."""

TAIL_LIMIT_SECONDS = 5.0
"""So long a chat's turn waits for these lines; then the end is told without them."""


@dataclass(slots=True)
class _Lane:
    """What waits to be told in one place, and whether somebody works it off."""

    place: Place
    waiting: dict[str, Run] = field(default_factory=dict)
    working: bool = False
    quiet_until: float = 0.0


class Completions:
    """Tells ends. `see` may be told of a Run any number of times."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._backend = desk.backend
        self._book = desk.book
        self._speaker = desk.speaker
        self._errands = desk.errands
        self._clock = desk.clock
        self._home = Place(desk.home_chat_id)
        self._keeping = Keeping(desk)
        self._lanes: dict[Place, _Lane] = {}
        self._taken: set[str] = set()
        self._untold: dict[str, float] = {}
        self._claims: dict[str, float] = {}

    @property
    def untold(self) -> list[float]:
        """Return when those ended that people don't know of, in seconds since 1970; also where nobody may be told now."""
        return list(self._untold.values())

    def see(self, run: Run) -> None:
        """Take note of a Run; one that ended and wasn't told gets in line."""
        if run.told:
            self._keeping.look_after(run)
            self._untold.pop(run.id, None)
        elif run.ended:
            self._untold[run.id] = run.ended_at or self._clock()
        if not run.ended or run.told or run.id in self._taken:
            return
        place = Place(run.origin.chat_id, run.origin.thread_id)
        lane = self._lanes.setdefault(place, _Lane(place))
        if self._clock() < lane.quiet_until:
            return
        self._taken.add(run.id)
        self._errands.run(self._queue(run, lane))

    def keep(self, ids: Set[str]) -> None:
        """Forget all Runs but these: the others were removed, which nobody tells."""
        self._keeping.forget_all_but(ids)
        self._untold = {known: at for known, at in self._untold.items() if known in ids}

    async def _queue(self, run: Run, lane: _Lane) -> None:
        """Keep the Record and the log first: after it was told, the Run may go."""
        kept = await self._keeping.keep(run)
        if kept.told:
            # The crash fell between the Record's mark and that of the place.
            await self._acknowledge(kept)
            return
        lane.waiting[run.id] = run
        if lane.working:
            return
        lane.working = True
        try:
            await self._work(lane)
        finally:
            lane.working = False
            self._let_go(lane)

    async def _work(self, lane: _Lane) -> None:
        """Tell everything that waits: in its own place, or where that refuses, in the home chat."""
        place, delay = lane.place, 0.0
        while lane.waiting:
            try:
                await self._speaker.say_in_turn(place.chat_id, partial(self._tell, lane, place))
                delay = 0.0
            except UndeliverableError as error:
                log.warning("chat %s can't be told: %s", place.chat_id, error)
                if place == self._home:
                    lane.quiet_until = self._clock() + UNDELIVERABLE_PAUSE
                    self._let_go(lane)
                place = self._home
            except BackendError as error:
                # Waited for outside of the turn: the chat's answers go on.
                delay = min(30.0, delay * 2 + 1.0)
                log.warning("what ended can't be told yet: %s", error)
                await asyncio.sleep(delay)

    def _let_go(self, lane: _Lane) -> None:
        """Forget what waits in a lane: the next sweep brings it again."""
        self._taken -= set(lane.waiting)
        lane.waiting.clear()

    async def _tell(self, lane: _Lane, place: Place, chat_id: int) -> None:
        """Send the next message of a lane, its turn having come, and take its Runs as told."""
        claimed = await self._claimed(lane)
        if not claimed:
            return
        letter = await self._letter(claimed)
        if place.chat_id != lane.place.chat_id:
            # The message that asked is in another chat.
            letter = Letter(told_elsewhere(letter.text, claimed[0].origin))
            for run in claimed:
                self._book.note_told_at_home(run.id)
        await self._speaker.send_now(place, letter, chat_id)
        for run in claimed:
            lane.waiting.pop(run.id, None)
            if not await self._acknowledged(run):
                self._errands.run(self._acknowledge(run))

    async def _claimed(self, lane: _Lane) -> list[Run]:
        """Claim what goes into the next message, and only that; called when the turn has come.

        Raises BackendError; what was claimed until then is still ours.
        """
        batch = _next_message(lane.waiting.values())
        claimed = []
        try:
            async with asyncio.timeout(CLAIM_LIMIT_SECONDS):
                for run in batch:
                    mine = await self._claim(run.id)
                    if mine is not None:
                        claimed.append(mine)
                        continue
                    # Told, gone, or claimed by another process: the sweep brings it back if that one died.
                    lane.waiting.pop(run.id, None)
                    self._forget(run.id)
        except TimeoutError:
            raise Unavailable(f"{self._backend.called} doesn't answer") from None
        return claimed

    async def _claim(self, run_id: str) -> Run | None:
        """Return the Run with our claim; None when it is told, gone, or under the young claim of another process."""
        while True:
            try:
                run = await self._backend.get(run_id)
                if run.told or not run.ended or self._is_held(run):
                    return None
                now = self._clock()
                # Before it is written: it may be written although the answer is an error.
                self._claims[run_id] = now
                return await self._backend.mark(run, replace(run.marks, claimed_at=now))
            except Moved:
                self._claims.pop(run_id, None)
            except UnknownRun:
                return None

    def _is_held(self, run: Run) -> bool:
        held = run.marks.claimed_at
        ours = held is not None and held == self._claims.get(run.id)
        return held is not None and not ours and self._clock() - held < CLAIM_SECONDS

    async def _letter(self, runs: list[Run]) -> Letter:
        answers = len(runs) == 1 and not runs[0].origin.by_command_line
        reply_to = runs[0].origin.message_id if answers else None
        try:
            text = digest(runs) if len(runs) > 1 else await self._completion(runs[0])
        except Exception:
            # A Run that can't be put into words must not keep the others from being told.
            log.exception("no words for how these ended: %s", ", ".join(run.id for run in runs))
            text = bare(runs)
        ignored = self._backend.ignored_options
        limits = self._desk.config.run_limits
        buttons = end_buttons(runs[0], ignored, limits) if len(runs) == 1 else ()
        return Letter(text, buttons, reply_to=reply_to)

    async def _completion(self, run: Run) -> Markup:
        tail = b""
        if run.outcome is not None and is_proved_by_log(run.outcome):
            try:
                async with asyncio.timeout(TAIL_LIMIT_SECONDS):
                    tail, _ = await read_end(run, TAIL_BYTES, self._desk)
            except (BackendError, TimeoutError) as error:
                why = str(error) or "it takes too long"
                log.warning("the log of run %s can't be read: %s", run.id, why)
        # To choose lines takes longer than the loop may stand still.
        return await asyncio.to_thread(_worded, run, tail)

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
        self._count(run)
        return True

    def _count(self, run: Run) -> None:
        """Let the metrics know; a Run that they can't take in was told all the same."""
        try:
            told_at = run.marks.told_at or self._clock()
            self._desk.metrics.told(run, self._desk.alias(run), told_at)
        except Exception:
            log.exception("run %s can't be counted", run.id)

    def _forget(self, run_id: str) -> None:
        self._claims.pop(run_id, None)
        self._taken.discard(run_id)
        self._untold.pop(run_id, None)


def _worded(run: Run, tail: bytes) -> Markup:
    return completion(run, tail.decode("utf-8", "replace"))


def _next_message(waiting: Iterable[Run]) -> list[Run]:
    """Return the Runs of the next message, the oldest: many at once together, but each that asks back by itself.

    Its answer is a reply to the message, which then has to be about this one Run.
    """
    oldest = sorted(waiting, key=lambda run: (run.ended_at or 0, run.id))
    if len(oldest) < DIGEST_FROM or _asks(oldest[0]):
        return oldest[:1]
    return [run for run in oldest if not _asks(run)][:DIGEST_MOST]


def _asks(run: Run) -> bool:
    return run.outcome is not None and run.outcome.ending is Ending.ASKS
