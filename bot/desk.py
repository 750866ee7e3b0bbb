"""What every command has at hand."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Set
from dataclasses import dataclass, field
from typing import Any

from bot.addresses import Addresses
from bot.config import Config, Role
from bot.incoming import Incoming, Place
from bot.live import Live
from bot.markup import Markup
from bot.metrics import OTHER, Metrics
from bot.outbox import UndeliverableError, UnreachableError
from bot.repo import find_again
from bot.speaker import Button, Letter, MessageGoneError, Speaker
from bot.stacks import Stacks
from bot.taps import Taps
from runs.recorded import Recorded
from runs.run import Run, State
from runs.store import LogStore
from sandbox.redaction import Redactor

log = logging.getLogger(__name__)


class Errands:
    """Owns the sends that nobody waits for; ends with the group that it was made over."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group

    def run(self, errand: Coroutine[Any, Any, object]) -> None:
        """Start it now; a message that can't be delivered is logged, and so is a bug.

        In a group that ends, who asked ends too (CancelledError), so that its update isn't taken for handled.
        """
        guarded = self._guarded(errand)
        try:
            self._group.create_task(guarded)
        except RuntimeError as ending:
            guarded.close()
            errand.close()
            raise asyncio.CancelledError from ending

    @staticmethod
    async def _guarded(errand: Coroutine[Any, Any, object]) -> None:
        try:
            await errand
        except (UndeliverableError, UnreachableError, MessageGoneError) as error:
            log.warning("a message could not be delivered: %s", error)
        except Exception:
            log.exception("an errand failed")


class Book:
    """The Runs that are under way, as last seen; nothing here that the Backend would not give again."""

    def __init__(self) -> None:
        self._live: dict[str, Run] = {}
        self._told_at_home: set[str] = set()
        self._starting: Counter[int] = Counter()
        self._landed = asyncio.Condition()

    @property
    def live(self) -> list[Run]:
        """Return the Runs that are under way."""
        return list(self._live.values())

    def see(self, run: Run) -> None:
        """Take note of a Run's newest state."""
        if run.ended:
            self._live.pop(run.id, None)
        else:
            self._live[run.id] = run

    def note_told_at_home(self, run_id: str) -> None:
        """Remember that the home chat was told of a Run in full, because its own chat takes no messages."""
        self._told_at_home.add(run_id)

    def is_told_at_home(self, run_id: str) -> bool:
        """Say whether the home chat was told of a Run in place of its own."""
        return run_id in self._told_at_home

    def keep(self, ids: Set[str]) -> None:
        """Forget all Runs but these: the others were removed, which nobody tells."""
        self._live = {known: run for known, run in self._live.items() if known in ids}
        self._told_at_home &= ids

    @contextlib.asynccontextmanager
    async def starting(self, person_id: int, most: int) -> AsyncIterator[bool]:
        """Hold a place among a person's waiting Runs while one more is started; give False when `most` wait already.

        A Run that is being started may be one that waits, so over `most` of both together it is first seen which.
        """
        async with self._landed:
            while self._waiting(person_id) + self._starting[person_id] >= most:
                if not self._starting[person_id]:
                    break
                await self._landed.wait()
            admitted = self._waiting(person_id) + self._starting[person_id] < most
            self._starting[person_id] += admitted
        try:
            yield admitted
        finally:
            self._starting[person_id] -= admitted
            async with self._landed:
                self._landed.notify_all()

    def _waiting(self, person_id: int) -> int:
        return sum(
            run.state is State.QUEUED and run.origin.person_id == person_id
            for run in self._live.values()
        )


@dataclass(frozen=True, slots=True)
class Desk:
    """The bot's parts, as commands use them. `noticed` is told of each Run that a command made or changed.

    `stacks` None means that repos aren't looked at before their Runs.

    Who reads a whole log holds `one_log`, so that there is one in memory at a time.
    """

    backend: Recorded
    book: Book
    speaker: Speaker
    store: LogStore
    config: Config
    home_chat_id: int
    forge_url: str
    bot_name: str
    errands: Errands
    live: Live
    noticed: Callable[[Run], None]
    redactor: Redactor
    metrics: Metrics
    stacks: Stacks | None = None
    clock: Callable[[], float] = field(default=time.time)
    one_log: asyncio.Lock = field(default_factory=asyncio.Lock)
    taps: Taps = field(default_factory=Taps)

    @property
    def addresses(self) -> Addresses:
        """Return where the chats are today."""
        return self.speaker.addresses

    def alias(self, run: Run) -> str:
        """Return the config's name for the repo of a Run, or that of all others."""
        target = find_again(run.task.repo_url, None, self.config, self.forge_url)
        return OTHER if target is None or target.named is None else target.named.alias

    async def of_chat(self, chat_id: int, runs: Iterable[Run]) -> list[Run]:
        """Return those of the Runs that were asked for in a chat, also when it was a group that is a supergroup today."""
        found = list(runs)
        await self.speaker.find({run.origin.chat_id for run in found})
        return [run for run in found if self.addresses.same(run.origin.chat_id, chat_id)]

    def answer(
        self, message: Incoming, text: Markup, keyboard: tuple[tuple[Button, ...], ...] = ()
    ) -> None:
        """Put an answer to a message into the outbox."""
        self.reply(message.place, message.message_id, text, keyboard)

    def reply(
        self,
        place: Place,
        message_id: int,
        text: Markup,
        keyboard: tuple[tuple[Button, ...], ...] = (),
    ) -> None:
        """Put a message into the outbox that replies to another."""
        letter = Letter(text, keyboard, reply_to=message_id)
        self.errands.run(self.speaker.say(place, letter))


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that may be carried out: who asks, in what role, and the text behind the command."""

    message: Incoming
    role: Role
    arguments: str

    def owns(self, run: Run) -> bool:
        """Say whether the Run is this person's own."""
        return run.origin.person_id == self.message.person.id

    async def seen(self, runs: Iterable[Run], desk: Desk) -> list[Run]:
        """Return those of the Runs that belong to this chat; in private an admin sees all."""
        found = list(runs)
        if self.message.private and self.role is Role.ADMIN:
            return found
        return await desk.of_chat(self.message.place.chat_id, found)
