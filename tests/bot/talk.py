"""A whole conversation in one process: the real bot over real HTTP, the strict Bot API server, a fake Backend.

Time is the loop's (see fast_time.py): a minute of flood limits costs nothing, so every wait has a generous limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import apscheduler.executors.base
import apscheduler.schedulers.base
import apscheduler.triggers.interval
import pytest

from bot.app import Surroundings, serve
from bot.config import Config, Role
from bot.settings import AgentName, BackendName, Listen, Settings
from bot.stacks import Stacks
from playground.chats import Person
from playground.messages import Message
from playground.server import Playground, start
from playground.world import World
from runs.fake import FakeBackend, FakePlace
from runs.run import Run
from runs.store import LogStore
from sandbox.report import Phase, Report, Verdict
from tests.bot.fast_time import calendar, wall_clock

LIMIT_SECONDS = 120.0
"""Seconds of the loop, not of the wall."""


class LogBook(logging.Handler):
    """What the bot and its libraries log."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def text(self) -> str:
        formatter = logging.Formatter("%(levelname)s %(name)s %(message)s")
        return "\n".join(formatter.format(record) for record in self.records)

    def errors(self) -> list[str]:
        """Return what was logged as an error, but by the server at the other end."""
        return [
            record.getMessage()
            for record in self.records
            if record.levelno >= logging.ERROR and not record.name.startswith("aiohttp")
        ]


@dataclass
class Talk:
    """The World with a team in it, the place where Runs run, and the bot, to be started and stopped at will."""

    world: World
    playground: Playground
    place: FakePlace
    folder: Path
    clock: Callable[[], float]
    log: LogBook
    config: Config = field(default_factory=Config)
    poll_seconds: float = 30.0
    token: str | None = None
    ignored: frozenset[str] = frozenset()
    stacks: Stacks | None = None
    metrics: Listen | None = None
    check: Callable[[], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        self.ada = self.world.person("Ada")
        self.grace = self.world.person("Grace")
        self.mallory = self.world.person("Mallory")
        self.team = self.world.supergroup(
            "Team", [(self.ada, "administrator"), (self.grace, "member")], forum=True
        )
        self.home_chat_id = self.team.id

    @property
    def settings(self) -> Settings:
        return Settings(
            telegram_token=self.token or self.world.token,
            home_chat_id=self.home_chat_id,
            telegram_api_url=self.playground.root,
            backend=BackendName.LOCAL,
            agent=AgentName.SCRIPTED,
            config_path=None,
            state_folder=self.folder / "state",
            log_store=self.folder / "logs",
            poll_seconds=self.poll_seconds,
            forge_url="https://github.com",
            metrics=self.metrics,
        )

    @contextlib.asynccontextmanager
    async def bot(self) -> AsyncIterator[asyncio.Task[None]]:
        """Run a bot; its end is a clean one, or that of a kill if the task is cancelled."""
        stop = asyncio.Event()
        backend = FakeBackend(self.place, ignored_options=self.ignored)
        store = LogStore(self.folder / "logs")
        surroundings = Surroundings(
            self.settings,
            self.config,
            backend,
            store,
            self.clock,
            stacks=self.stacks,
            check=self.check,
        )
        task = asyncio.create_task(serve(surroundings, stop))
        try:
            yield task
        finally:
            stop.set()
            _, pending = await asyncio.wait([task], timeout=LIMIT_SECONDS)
            for hanging in pending:
                hanging.cancel()
            await backend.close()
            assert not pending, "the bot didn't end by itself"

    async def until(
        self, claim: Callable[[], object], what: str = "", seconds: float = LIMIT_SECONDS
    ) -> None:
        """Wait until a claim holds, for so many seconds at most."""
        loop = asyncio.get_running_loop()
        end, step = loop.time() + seconds, 0.01
        while not claim():
            assert loop.time() < end, f"in vain waited for: {what}\n{self.transcript()}"
            await asyncio.sleep(step)
            step = min(seconds / 200, step * 1.2)

    async def said(self, *words: str, chat: int | None = None, count: int = 1) -> Message:
        """Wait for a message of the bot that holds all the words, and return the newest such."""
        await self.until(lambda: len(self.heard(*words, chat=chat)) >= count, f"{words}")
        return self.heard(*words, chat=chat)[-1]

    def heard(self, *words: str, chat: int | None = None) -> list[Message]:
        """Return the bot's messages that hold all the words."""
        return [
            message
            for message in self.world.messages(chat or self.team.id)
            if message.sender is not None
            and message.sender.is_bot
            and all(word in message.text for word in words)
        ]

    async def quiet(self, seconds: float = 5.0) -> None:
        """Let so much time pass, after which what the bot would say has been said."""
        await asyncio.sleep(seconds)

    async def one_run(self) -> Run:
        """Wait for the first Run."""
        await self.until(lambda: self.place.runs, "a Run")
        return next(iter(self.place.runs.values()))

    async def run_of(self, asked: Message) -> Run:
        """Wait for the Run that a message asked for, and for its card."""

        def found() -> Run | None:
            return next(
                (
                    run
                    for run in self.place.runs.values()
                    if run.origin.message_id == asked.id
                    and run.origin.chat_id == asked.chat_id
                    and run.marks.card_id is not None
                ),
                None,
            )

        await self.until(found, f"the run and the card of {asked.text!r}")
        run = found()
        assert run is not None
        return run

    async def told(self, run: Run) -> None:
        """Wait until a Run counts as told."""
        await self.until(lambda: self.place.runs[run.id].told, "the told mark")

    def pushed(self, run: Run, **changes: object) -> Report:
        """Return a Report of good work."""
        values: dict[str, object] = {
            "summary": "Added a farewell.",
            "branch": f"claude/{run.id}-x",
            "base": "main",
            "commits": 1,
            "pushed": True,
            "files": 2,
            "insertions": 41,
            "deletions": 7,
            "agent_ended_well": True,
        }
        return Report(run.id, Phase.DONE, Verdict.PUSHED, **{**values, **changes})  # type: ignore[arg-type]

    def transcript(self) -> str:
        """Return what stands in the chats, and the log, for a failing test."""
        rows = []
        for chat in self.world.state.chats():
            for message in self.world.messages(chat):
                name = message.sender.first_name if message.sender else "?"
                rows.append(f"[{chat.id}] {name}: {message.text}")
        return "\n".join([*rows, "log:", self.log.text()])


@contextlib.asynccontextmanager
async def talking(
    folder: Path, config: Config | None = None, *, errors: int = 0, **options: object
) -> AsyncIterator[Talk]:
    """Make a Talk without a running bot.

    In the end the log is looked at: nothing in it at ERROR (but `errors` of them), and no token.
    """
    clock = wall_clock()
    world = World(privacy=False, clock=clock)
    playground = await start(world)
    with logged() as log, calendar_of(clock):
        talk = Talk(
            world,
            playground,
            FakePlace(clock=clock),
            folder,
            clock,
            log,
            config or Config(),
            **options,  # type: ignore[arg-type]
        )
        try:
            yield talk
        finally:
            await playground.close()
    assert len(log.errors()) == errors, log.text()
    assert world.token not in log.text()


def a_runner_and_a_viewer(talk: Talk) -> tuple[Person, Person]:
    """Add Linus, a runner, and Vera, a viewer, to Ada's group, in which Grace is a runner; the config names their roles."""
    linus, vera = talk.world.person("Linus"), talk.world.person("Vera")
    for person in (linus, vera):
        talk.world.set_status(person, talk.team, "member")
    admin, runner, viewer = Role.ADMIN, Role.RUNNER, Role.VIEWER
    people = {talk.ada.id: admin, talk.grace.id: runner, linus.id: runner, vera.id: viewer}
    talk.config = Config(people=people)
    return linus, vera


@contextlib.contextmanager
def logged() -> Iterator[LogBook]:
    """Keep what is logged as `claude-sandbox bot` would show it."""
    book = LogBook()
    root, own = logging.getLogger(), logging.getLogger("bot")
    before = own.level
    root.addHandler(book)
    own.setLevel(logging.INFO)
    try:
        yield book
    finally:
        own.setLevel(before)
        root.removeHandler(book)


@contextlib.contextmanager
def calendar_of(clock: Callable[[], float]) -> Iterator[None]:
    """Let the scheduler of the sweep live in the loop's time, too."""
    present = calendar(clock)
    with pytest.MonkeyPatch.context() as patch:
        for part in (apscheduler.executors.base, apscheduler.schedulers.base):
            patch.setattr(part, "datetime", present)
        patch.setattr(apscheduler.triggers.interval, "datetime", present)
        yield
