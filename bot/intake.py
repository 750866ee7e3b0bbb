"""The way in: our own getUpdates loop, which confirms an update to Telegram only when its effect is durable.

The library's Updater moves the offset before handlers ran; 33 of 50 commands were lost in one kill (measured). Here
`handle` returns when the update's effect can't be lost any more, and the offset only ever moves past a closed row of
such updates. Until then Telegram gives them again, also after a restart.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn, Protocol

log = logging.getLogger(__name__)

LIMIT = 100
"""Updates in hand at most: getUpdates gives no more after the offset (Bot API, getUpdates: limit 1-100)."""


class TokenRefusedError(Exception):
    """Telegram doesn't take the bot's token (any more)."""


class ConflictError(Exception):
    """Another process polls with the same token."""


class PollError(Exception):
    """Telegram didn't answer properly; `wait` are the seconds that it asks for, if it does."""

    def __init__(self, text: str, wait: float | None = None) -> None:
        super().__init__(text)
        self.wait = wait


class Numbered(Protocol):
    """An update: all that the loop needs is its number."""

    @property
    def update_id(self) -> int: ...


Poll = Callable[[int | None, int], Awaitable[Sequence[Numbered]]]
"""`poll(offset, seconds)` returns the updates from an offset on, waiting up to so many seconds for one."""


class Intake:
    """Polls, hands over, confirms.

    `poll` raises the three errors above. `handle` is called once at a time for each update, many at once; what it raises is a bug,
    logged, and the update counts as handled, so that a poisonous one doesn't come back for ever.
    """

    def __init__(
        self,
        poll: Poll,
        handle: Callable[[Numbered], Awaitable[None]],
        poll_seconds: int = 25,
    ) -> None:
        self._poll = poll
        self._handle = handle
        self._poll_seconds = poll_seconds
        self._in_hand: dict[int, asyncio.Task[None]] = {}
        self._done: set[int] = set()
        self._offset: int | None = None
        self._moved = asyncio.Event()
        self.last_good_poll: float | None = None
        """Monotonic seconds of the last answer of getUpdates: the bot is alive when this is young."""

    async def run(self) -> None:
        """Poll until cancelled. Raises TokenRefusedError; what was in hand then is not confirmed."""
        refused: TokenRefusedError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                try:
                    await self._loop(group)
                except TokenRefusedError as error:
                    refused = error
                    for task in self._in_hand.values():
                        task.cancel()
        finally:
            if refused is None:
                await self._farewell()
        if refused is not None:
            raise refused

    async def _loop(self, group: asyncio.TaskGroup) -> NoReturn:
        failures = 0
        while True:
            try:
                updates = await self._ask()
            except ConflictError:
                failures += 1
                if failures == 1:
                    log.warning(
                        "another process polls with this token; stepping down until it stops"
                    )
                await asyncio.sleep(min(30.0, 3.0 * failures))
                continue
            except (PollError, TimeoutError) as error:
                failures += 1
                wait = (
                    error.wait
                    if isinstance(error, PollError) and error.wait
                    else _back_off(failures)
                )
                log.warning("no updates, again in %.1f s: %s", wait, str(error) or "no answer")
                await asyncio.sleep(wait)
                continue
            if failures:
                log.info("updates flow again")
            failures = 0
            self.last_good_poll = time.monotonic()
            if updates:
                await self._rest(0.3 if self._take(updates, group) else 1.0)

    async def _ask(self) -> Sequence[Numbered]:
        """Ask for the updates after those that are confirmed; while some are in hand, without waiting for new ones.

        The first time neither, so that it is known at once whether updates flow.
        The outer limit is for a connection pool that is wedged and never even asks.
        """
        at_once = self._in_hand or self.last_good_poll is None
        seconds = 0 if at_once else self._poll_seconds
        self._moved.clear()
        async with asyncio.timeout(seconds + 20):
            return await self._poll(self._offset, seconds)

    def _take(self, updates: Sequence[Numbered], group: asyncio.TaskGroup) -> bool:
        """Start to handle what is new; say whether anything was."""
        fresh = [
            update
            for update in updates
            if update.update_id not in self._in_hand
            and update.update_id not in self._done
            and (self._offset is None or update.update_id >= self._offset)
        ]
        for update in fresh:
            self._in_hand[update.update_id] = group.create_task(self._finish(update))
        return bool(fresh)

    async def _rest(self, seconds: float) -> None:
        """Wait until the offset may move, but look for new updates after so many seconds, unless hands are full.

        An unconfirmed update comes back at once, so without this rest the loop would spin.
        """
        full = len(self._in_hand) + len(self._done) >= LIMIT
        try:
            async with asyncio.timeout(None if full else seconds):
                await self._moved.wait()
        except TimeoutError:
            return

    async def _farewell(self) -> None:
        """Confirm what is durable with one last short call, so that a clean end repeats no answer."""
        if self._offset is None:
            return
        try:
            async with asyncio.timeout(2):
                await self._poll(self._offset, 0)
        except (ConflictError, PollError, TokenRefusedError, TimeoutError):
            log.info("the last updates could not be confirmed; they come again")

    async def _finish(self, update: Numbered) -> None:
        try:
            await self._handle(update)
        except Exception:
            log.exception("update %s could not be handled", update.update_id)
        del self._in_hand[update.update_id]
        self._done.add(update.update_id)
        self._confirm()

    def _confirm(self) -> None:
        """Move the offset past every update before which none is in hand."""
        first_open = min(self._in_hand, default=None)
        passed = {number for number in self._done if first_open is None or number < first_open}
        if passed:
            self._offset = max(passed) + 1
            self._done -= passed
            self._moved.set()


def _back_off(failures: int) -> float:
    seconds: float = min(30.0, 0.8 * 2 ** min(failures - 1, 6))
    return seconds * random.uniform(0.7, 1.3)  # noqa: S311 (jitter, no secret)
