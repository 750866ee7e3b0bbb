"""The queue of one bot's updates: offsets confirm, one poller at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from playground.refusal import Refused

KEPT_SECONDS = 24 * 3600
"""Source: core.telegram.org/bots/api#getting-updates: updates "will not be kept longer than 24 hours"."""

MAX_WAIT_SECONDS = 50
"""Source: telegram-bot-api Client.h, LONG_POLL_MAX_TIMEOUT: longer waits are cut."""

FUTURE_OFFSETS = 10
"""Source: td TQueue::get: an offset more than 10 behind the newest update is refused, and confirms nothing."""

CONFLICT_SECONDS = 3.0
"""Source: Client::fail_query_conflict: a second conflict within 3 seconds is answered 3 seconds later."""

ON_REQUEST_ONLY = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Source: core.telegram.org/bots/api#getupdates, allowed_updates: not sent unless they are asked for by name."""

MESSAGE_KINDS = ("message", "edited_message", "channel_post", "edited_channel_post")

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Update:
    id: int
    at: float
    body: Json


class UpdateQueue:
    """What waits for the bot. `clock` gives Unix seconds; ids grow by one from `first_id`.

    `polled_at` is when a poll last began or ended, in Unix seconds; minus infinity before the first.
    """

    def __init__(self, clock: Callable[[], float], first_id: int = 400_000_001) -> None:
        """Start empty, with the default kinds allowed."""
        self._clock = clock
        self._next_id = first_id
        self._updates: deque[_Update] = deque()
        self._allowed: frozenset[str] = frozenset()
        self._poller: asyncio.Future[Refused | None] | None = None
        self.polled_at = float("-inf")
        self._last_conflict_at = float("-inf")

    @property
    def allowed(self) -> list[str]:
        """Return the kinds that were asked for, empty for the default."""
        return sorted(self._allowed)

    @property
    def polled(self) -> bool:
        """Say whether a poll waits now."""
        return self._poller is not None

    def allow(self, kinds: Iterable[str]) -> None:
        """Remember the kinds to deliver from now on; none is the default again. Waiting updates stay."""
        self._allowed = frozenset(kinds)

    def add(self, kind: str, payload: Mapping[str, object]) -> None:
        """Queue an update and wake the poller, if the bot wants this kind."""
        if (kind not in self._allowed) if self._allowed else (kind in ON_REQUEST_ONLY):
            return
        update_id = self._next_id
        self._next_id += 1
        body: Json = {"update_id": update_id, kind: dict(payload)}
        self._updates.append(_Update(update_id, self._clock(), body))
        self.interrupt()

    def pending(self) -> list[Json]:
        """Return all updates that wait, oldest first; those older than 24 hours are gone."""
        while self._updates and self._updates[0].at < self._clock() - KEPT_SECONDS:
            self._updates.popleft()
        return [update.body for update in self._updates]

    def waiting_messages(self) -> Iterator[tuple[int, int]]:
        """Yield the ids of chat and message of each message that waits, oldest first."""
        for body in self.pending():
            for kind in MESSAGE_KINDS:
                message = body.get(kind)
                if isinstance(message, dict):
                    yield message["chat"]["id"], message["message_id"]

    async def get(self, offset: int, limit: int, wait_seconds: float) -> list[Json]:
        """Confirm everything below `offset` and return what waits, after at most `wait_seconds`.

        A negative offset keeps only that many of the newest. A new poll that has to wait ends the one that waits
        already with 409. Raises Refused. Source: Client::do_get_updates.
        """
        self.polled_at = self._clock()
        self._confirm(offset)
        found = self.pending()
        if found or wait_seconds <= 0:
            return found[:limit]
        self._conflict()
        poller: asyncio.Future[Refused | None] = asyncio.get_running_loop().create_future()
        self._poller = poller
        try:
            async with asyncio.timeout(min(wait_seconds, MAX_WAIT_SECONDS)):
                refusal = await poller
        except TimeoutError:
            return []
        finally:
            self.polled_at = self._clock()
            if self._poller is poller:
                self._poller = None
        if refusal is not None:
            if refusal.code == 409:
                await self._spread_conflicts()
            raise refusal
        return self.pending()[:limit]

    def interrupt(self, refusal: Refused | None = None) -> None:
        """End the poll that waits: with what there is, or refused."""
        if self._poller is not None and not self._poller.done():
            self._poller.set_result(refusal)
        self._poller = None

    def clear(self) -> None:
        """Forget all waiting updates (drop_pending_updates)."""
        self._updates.clear()

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            while len(self._updates) > -offset:
                self._updates.popleft()
        elif offset <= self._next_id + FUTURE_OFFSETS:
            while self._updates and self._updates[0].id < offset:
                self._updates.popleft()

    def _conflict(self) -> None:
        self.interrupt(
            Refused(
                409,
                "Conflict: terminated by other getUpdates request; "
                "make sure that only one bot instance is running",
            )
        )

    async def _spread_conflicts(self) -> None:
        now = self._clock()
        if now < self._last_conflict_at + CONFLICT_SECONDS:
            await asyncio.sleep(CONFLICT_SECONDS)
        else:
            self._last_conflict_at = now
