"""The way out: whose turn it is to be sent, so that Telegram's limits are kept and answers come first.

Limits (core.telegram.org/bots/faq, "My bot is hitting limits"): about one message a second in a chat, 20 a minute in
a group, 30 a second over all; edits count. Nothing is stored here: who waits for a turn builds its message when the
turn comes, so it is always the newest.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeVar

from bot.addresses import Addresses

log = logging.getLogger(__name__)

T = TypeVar("T")


class Priority(IntEnum):
    """Who goes first in a chat: a person waits for an answer, a group for a completion, nobody for a card's edit."""

    ANSWER = 0
    COMPLETION = 1
    CARD = 2


class SlowDownError(Exception):
    """Telegram asks to wait `seconds` in this chat."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"retry after {seconds} s")
        self.seconds = seconds


class ChatMovedError(Exception):
    """The group became a supergroup with another id."""

    def __init__(self, chat_id: int) -> None:
        super().__init__(f"moved to {chat_id}")
        self.chat_id = chat_id


class UnreachableError(Exception):
    """Telegram couldn't be reached; whether the message arrived is not known."""


class UndeliverableError(Exception):
    """This message will never be delivered: the chat is gone, or the bot has no right there."""


@dataclass(frozen=True, slots=True)
class Window:
    """At most `count` sends in any `seconds`."""

    count: int
    seconds: float


GROUP = (Window(20, 60.0), Window(4, 5.0))
PRIVATE = (Window(60, 60.0), Window(4, 5.0))
OVERALL = Window(28, 1.0)
KEPT_FREE = {Priority.ANSWER: 0, Priority.COMPLETION: 2, Priority.CARD: 8}
"""Places of each chat's minute that are left to who goes first: a card's edits must not make a person wait for an
answer, and nothing at all for the last two places.
"""


ANSWERS_IN_A_ROW = 5
"""After so many, a completion that waits goes first: who floods a chat with commands must not keep ends from it."""


@dataclass(slots=True)
class _Lane:
    """One chat: who waits, when it sent, until when it was told to be quiet."""

    windows: tuple[Window, ...]
    waiting: dict[Priority, deque[asyncio.Future[None]]] = field(
        default_factory=lambda: {priority: deque() for priority in Priority}
    )
    answers_in_a_row: int = 0
    sent: deque[float] = field(default_factory=deque)
    quiet_until: float = 0.0
    busy: bool = False
    timer: asyncio.TimerHandle | None = None

    def order(self) -> list[Priority]:
        """Return the priorities for which somebody waits, the next to go first."""
        for futures in self.waiting.values():
            while futures and futures[0].done():
                futures.popleft()
        order = [priority for priority in Priority if self.waiting[priority]]
        return sorted(order, key=lambda priority: not self.favours(priority))

    def favours(self, priority: Priority) -> bool:
        """Say whether it's the turn of the completions, after so many answers."""
        return priority is Priority.COMPLETION and self.answers_in_a_row >= ANSWERS_IN_A_ROW


class Outbox:
    """Hands out turns to send, per chat one at a time, by priority and then by age.

    Completions are never starved: see ANSWERS_IN_A_ROW.

    `clock` gives seconds on any monotonic scale; `call_later` and `sleep` belong to the running loop, so a test with
    a virtual loop time drives all of it.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self.addresses = Addresses()
        """Where the chats are today."""
        self._lanes: dict[int, _Lane] = {}
        self._overall: deque[float] = deque()
        self._stopped = False

    async def stop(self, limit_seconds: float) -> None:
        """Give no more turns and wait until what is being sent was sent, at most so long."""
        self._stopped = True
        until = self._clock() + limit_seconds
        while any(lane.busy for lane in self._lanes.values()) and self._clock() < until:  # noqa: ASYNC110 (once, at the end)
            await asyncio.sleep(0.02)

    def waiting(self) -> dict[Priority, int]:
        """Return how many wait for a turn, over all chats."""
        return {
            priority: sum(
                not future.done()
                for lane in self._lanes.values()
                for future in lane.waiting[priority]
            )
            for priority in Priority
        }

    async def deliver(
        self,
        chat_id: int,
        priority: Priority,
        send: Callable[[int], Awaitable[T]],
        attempts: int | None = 5,
    ) -> T:
        """Call `send(chat id)` when it is this message's turn, again after a refusal that only asks to wait.

        `send` raises the four errors of this module; `attempts` counts UnreachableError only, None means for ever.
        Raises UnreachableError after the last attempt, and UndeliverableError.
        """
        failures = 0
        while True:
            address = self.addresses.of(chat_id)
            async with self._turn(address, priority) as lane:
                try:
                    return await send(address)
                except SlowDownError as error:
                    lane.quiet_until = self._clock() + error.seconds
                    log.warning("telegram asks to wait %.0f s in chat %s", error.seconds, address)
                    continue
                except ChatMovedError as error:
                    if not self.addresses.note(address, error.chat_id):
                        raise UndeliverableError("the chat moved to itself") from error
                    log.info("chat %s is now %s", address, error.chat_id)
                    continue
                except UnreachableError:
                    failures += 1
                    if attempts is not None and failures >= attempts:
                        raise
            await asyncio.sleep(min(30.0, 0.8 * 2 ** min(failures, 6)) * random.uniform(0.7, 1.3))  # noqa: S311 (jitter)

    @contextlib.asynccontextmanager
    async def _turn(self, chat_id: int, priority: Priority) -> AsyncIterator[_Lane]:
        lane = self._lanes.get(chat_id)
        if lane is None:
            lane = self._lanes[chat_id] = _Lane(GROUP if chat_id < 0 else PRIVATE)
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lane.waiting[priority].append(ready)
        self._advance(lane)
        try:
            await ready
        except asyncio.CancelledError:
            if ready.done() and not ready.cancelled():
                self._leave(lane)
            ready.cancel()
            raise
        try:
            yield lane
        finally:
            self._leave(lane)

    def _leave(self, lane: _Lane) -> None:
        lane.busy = False
        self._advance(lane)

    def _advance(self, lane: _Lane) -> None:
        """Give the turn to the first who may go, or come back when one may."""
        if lane.busy or self._stopped:
            return
        if lane.timer is not None:
            lane.timer.cancel()
            lane.timer = None
        now = self._clock()
        waits = []
        for priority in lane.order():
            wait = self._wait(lane, priority, now)
            if wait <= 0:
                self._give(lane, priority, now)
                return
            waits.append(wait)
        if waits:
            lane.timer = asyncio.get_running_loop().call_later(min(waits), self._advance, lane)

    def _give(self, lane: _Lane, priority: Priority, now: float) -> None:
        lane.busy = True
        lane.answers_in_a_row = lane.answers_in_a_row + 1 if priority is Priority.ANSWER else 0
        lane.sent.append(now)
        self._overall.append(now)
        lane.waiting[priority].popleft().set_result(None)

    def _wait(self, lane: _Lane, priority: Priority, now: float) -> float:
        """Return the seconds until every window has a place for this priority."""
        longest = max(window.seconds for window in lane.windows)
        while lane.sent and lane.sent[0] <= now - longest:
            lane.sent.popleft()
        while self._overall and self._overall[0] <= now - OVERALL.seconds:
            self._overall.popleft()
        wait = max(0.0, lane.quiet_until - now)
        for window in lane.windows:
            count = window.count
            if window.seconds == longest:
                count -= 0 if lane.favours(priority) else KEPT_FREE[priority]
            elif priority is Priority.CARD:
                # A burst of edits must not make the completion wait that comes right behind it.
                count -= 1
            if len(lane.sent) >= count:
                wait = max(wait, lane.sent[-count] + window.seconds - now)
        if len(self._overall) >= OVERALL.count:
            wait = max(wait, self._overall[-OVERALL.count] + OVERALL.seconds - now)
        return wait
