"""What happened in the World, in order, for whoever watches: a terminal, a page, a test."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum

from playground.messages import Message

KEPT = 20_000
"""Events that are kept; older ones are gone for who comes later."""


class EventKind(Enum):
    """What can be seen in a chat."""

    SENT = "sent"
    EDITED = "edited"
    DELETED = "deleted"
    REACTED = "reacted"
    PRESSED = "pressed"
    ANSWERED = "answered"
    ACTING = "acting"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `number` grows by one; `at` is Unix seconds.

    `who` is the name of who did it and `by_bot` says whether that was the bot under test. `text` is the message's
    text as people read it, without markup; `buttons` are the labels row by row. `message` is the message after
    the event, None where none is concerned. `detail` is the emoji of REACTED ("" when taken away), the data
    of PRESSED, the words of ANSWERED, the action of ACTING.
    """

    number: int
    at: float
    kind: EventKind
    chat_id: int
    message_id: int | None
    who: str
    by_bot: bool
    text: str = ""
    buttons: tuple[tuple[str, ...], ...] = ()
    message: Message | None = None
    detail: str = ""


class EventLog:
    """The last KEPT events, and a way to wait for the next."""

    def __init__(self) -> None:
        """Start empty; the first event has number 1."""
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._changed = asyncio.Event()
        self.last_number = 0
        self.closed = False

    def append(self, event: Event) -> None:
        """Add the event that has the next number, and wake who waits."""
        self._events.append(event)
        self.last_number = event.number
        self._wake()

    def after(self, number: int) -> list[Event]:
        """Return the kept events behind a number, oldest first."""
        if number >= self.last_number:
            return []
        return [event for event in self._events if event.number > number]

    async def wait(self, number: int, seconds: float | None = None) -> list[Event]:
        """Return the events behind a number as soon as there is one, none after `seconds` or once closed."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := self.after(number)) and not self.closed:
                    await self._changed.wait()
        except TimeoutError:
            return []
        return found

    async def follow(self, number: int) -> AsyncIterator[Event]:
        """Yield every kept event behind a number, then each as it happens, until the log is closed."""
        while events := await self.wait(number):
            for event in events:
                number = event.number
                yield event

    def close(self) -> None:
        """End everybody's waiting."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
