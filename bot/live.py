"""Messages that edit themselves while what they show changes: a followed log, the table of Runs.

Nothing of it outlives the bot: a message that was left stands as it was, and its buttons make it move again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Set
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.incoming import Place
from bot.outbox import Priority, UndeliverableError, UnreachableError
from bot.pace import Pace
from bot.speaker import Letter, MessageGoneError, Speaker
from runs.backend import BackendError, UnknownRun
from runs.run import Run

log = logging.getLogger(__name__)

MOST_PER_CHAT = 3
"""A further one stops the oldest: all edits of a chat share Telegram's limit."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a live message shows now; `done` says that it won't change any more."""

    letter: Letter
    done: bool = False


class Subject(Protocol):
    """What a live message shows. In one place there is one message of a `name`: the newest."""

    @property
    def name(self) -> str: ...

    @property
    def every_seconds(self) -> float | None:
        """How often it is drawn anew though no Run changed; None means never."""
        ...

    def notice(self, run: Run) -> bool:
        """Take note of a Run's newest state; say whether the message has to be drawn anew."""
        ...

    def keep(self, ids: Set[str]) -> bool:
        """Forget all Runs but these; say whether the message has to be drawn anew."""
        ...

    async def draw(self, *, ending: bool) -> Picture:
        """Draw it; `ending` says that it's for the last time, whatever comes. Raises BackendError."""
        ...


@dataclass(eq=False, slots=True)
class _Going:
    """One live message; `message_id` None until it was sent."""

    place: Place
    subject: Subject
    message_id: int | None
    silenced: bool = False
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def stopped(self) -> bool:
        """Say whether it is drawn once more at most."""
        return self.stopping.is_set()

    def stop(self) -> None:
        """Let it be drawn for the last time."""
        self.stopping.set()
        self.news.set()


class Live:
    """Sends live messages and keeps them true. `start` runs what nobody waits for; `see` may be told of a Run any number
    of times.
    """

    def __init__(
        self,
        speaker: Speaker,
        start: Callable[[Coroutine[Any, Any, object]], None],
        pace: Pace,
    ) -> None:
        self._speaker = speaker
        self._start = start
        self._pace = pace
        self._going: list[_Going] = []

    def show(self, place: Place, subject: Subject, message_id: int | None = None) -> None:
        """Send a message that shows the subject, or turn the message with this id into one."""
        going = _Going(place, subject, message_id)
        for other in self._in_chat(place):
            if other.place == place and other.subject.name == subject.name:
                # Two that edit the same message would quarrel about it.
                other.silenced = message_id is not None and other.message_id == message_id
                other.stop()
        running = [other for other in self._in_chat(place) if not other.stopped]
        for other in running[: max(0, len(running) - MOST_PER_CHAT + 1)]:
            other.stop()
        self._going.append(going)
        self._note()
        self._start(self._keep(going))

    def stop(self, place: Place, message_id: int) -> bool:
        """Let a message stand as it is; False when it isn't a live one (any more)."""
        found = [
            going
            for going in self._in_chat(place)
            if going.message_id == message_id and not going.stopped
        ]
        for going in found:
            going.stop()
        return bool(found)

    def see(self, run: Run) -> None:
        """Draw what shows this Run anew."""
        for going in self._going:
            if going.subject.notice(run):
                going.news.set()

    def keep(self, ids: Set[str]) -> None:
        """Draw anew what shows others than these Runs: they were removed, which nobody tells."""
        for going in self._going:
            if going.subject.keep(ids):
                going.news.set()

    def _note(self) -> None:
        self._pace.note("live messages", (going.place.chat_id for going in self._going))

    def _in_chat(self, place: Place) -> list[_Going]:
        return [going for going in self._going if going.place.chat_id == place.chat_id]

    async def _keep(self, going: _Going) -> None:
        try:
            await self._move(going)
        except MessageGoneError:
            log.info("a live message in chat %s was deleted", going.place.chat_id)
        except UnknownRun:
            log.info("what a live message showed was removed")
        finally:
            self._going.remove(going)
            self._note()

    async def _move(self, going: _Going) -> None:
        """Draw, show and wait until nothing more can change or somebody stops it. Raises MessageGoneError, UnknownRun."""
        shown: Letter | None = None
        while True:
            ending = going.stopped
            going.news.clear()
            picture = await self._drawn(going, ending=ending)
            if going.silenced:
                return
            if picture is not None and picture.letter != shown:
                priority = _priority(first=shown is None, last=ending or picture.done)
                shown = await self._put(going, picture.letter, priority) or shown
            if ending or (picture is not None and picture.done and picture.letter == shown):
                return
            if not going.stopped:
                await self._rest(going)

    async def _drawn(self, going: _Going, *, ending: bool) -> Picture | None:
        try:
            return await going.subject.draw(ending=ending)
        except UnknownRun:
            raise
        except BackendError as error:
            log.info("a live message has to wait: %s", error)
            return None

    async def _put(self, going: _Going, letter: Letter, priority: Priority) -> Letter | None:
        """Send or edit; return what stands there now, None when an edit didn't get through."""

        def compose() -> Letter:
            if going.silenced:
                raise MessageGoneError("another one shows itself there now")
            return letter

        try:
            if going.message_id is None:
                going.message_id = await self._speaker.say(going.place, letter)
            else:
                await self._speaker.edit(going.place, going.message_id, compose, priority)
        except UnreachableError as error:
            if going.message_id is None:
                raise
            log.info("a live message wasn't moved: %s", error)
            return None
        except UndeliverableError as error:
            raise MessageGoneError(str(error)) from error
        return letter

    async def _rest(self, going: _Going) -> None:
        """Wait for news, but at least as long as the chat's pace asks; the more are live in a chat, the slower each."""
        chat_id = going.place.chat_id
        pause = self._pace.pause_seconds(chat_id, private=chat_id > 0)
        every = going.subject.every_seconds
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await going.stopping.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if every is None else max(0.0, every - pause)):
                await going.news.wait()


def _priority(*, first: bool, last: bool) -> Priority:
    """Return whose turn an edit takes: the first is an answer, and the last mustn't leave old news standing."""
    if first:
        return Priority.ANSWER
    return Priority.COMPLETION if last else Priority.CARD
