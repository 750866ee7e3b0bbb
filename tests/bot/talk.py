"""A whole conversation in one process: the real bot over real HTTP, the strict Bot API server, a fake Backend."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from bot.app import Surroundings, serve
from bot.config import Config
from bot.settings import AgentName, BackendName, Settings
from playground.messages import Message
from playground.server import Playground, start
from playground.world import World
from runs.fake import FakeBackend, FakePlace
from runs.run import Run
from runs.store import LogStore
from sandbox.report import Phase, Report, Verdict

LIMIT_SECONDS = 15.0


@dataclass
class Talk:
    """The World with a team in it, the place where Runs run, and the bot, to be started and stopped at will."""

    world: World
    playground: Playground
    place: FakePlace
    folder: Path
    config: Config = field(default_factory=Config)
    poll_seconds: float = 30.0
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self.ada = self.world.person("Ada")
        self.grace = self.world.person("Grace")
        self.mallory = self.world.person("Mallory")
        self.team = self.world.supergroup(
            "Team", [(self.ada, "administrator"), (self.grace, "member")], forum=True
        )
        self._stops: list[asyncio.Event] = []

    @property
    def settings(self) -> Settings:
        return Settings(
            telegram_token=self.world.token,
            home_chat_id=self.team.id,
            telegram_api_url=self.playground.root,
            backend=BackendName.LOCAL,
            agent=AgentName.SCRIPTED,
            config_path=None,
            state_folder=self.folder / "state",
            log_store=self.folder / "logs",
            poll_seconds=self.poll_seconds,
            forge_url="https://github.com",
        )

    @contextlib.asynccontextmanager
    async def bot(self) -> AsyncIterator[asyncio.Task[None]]:
        """Run a bot; its end is a clean one, or that of a kill if the task is cancelled."""
        stop = asyncio.Event()
        backend = FakeBackend(self.place)
        store = LogStore(self.folder / "logs")
        task = asyncio.create_task(
            serve(Surroundings(self.settings, self.config, backend, store), stop)
        )
        try:
            yield task
        finally:
            stop.set()
            _, pending = await asyncio.wait([task], timeout=LIMIT_SECONDS)
            for hanging in pending:
                hanging.cancel()
            await backend.close()
            assert not pending, "the bot didn't end by itself"

    async def until(self, claim: Callable[[], object], what: str = "") -> None:
        """Wait until a claim holds, for LIMIT_SECONDS at most."""
        end = time.monotonic() + LIMIT_SECONDS
        while not claim():
            assert time.monotonic() < end, f"in vain waited for: {what}\n{self.transcript()}"
            await asyncio.sleep(0.01)

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

    async def one_run(self) -> Run:
        """Wait for the first Run."""
        await self.until(lambda: self.place.runs, "a Run")
        return next(iter(self.place.runs.values()))

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
        """Return what stands in the chats, for a failing test."""
        rows = []
        for chat in (self.team.id, *(person.id for person in (self.ada, self.grace, self.mallory))):
            if self.world.state.find_chat(chat) is None:
                continue
            for message in self.world.messages(chat):
                name = message.sender.first_name if message.sender else "?"
                rows.append(f"[{chat}] {name}: {message.text}")
        return "\n".join(rows)


@contextlib.asynccontextmanager
async def talking(
    folder: Path, config: Config | None = None, **options: object
) -> AsyncIterator[Talk]:
    """Make a Talk without a running bot."""
    world = World(privacy=False)
    playground = await start(world)
    try:
        talk = Talk(world, playground, FakePlace(), folder, config or Config(), **options)  # type: ignore[arg-type]
        yield talk
    finally:
        await playground.close()
