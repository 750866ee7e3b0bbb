"""The real bot behind the chat page, over a Backend in memory: for ends that a machine of one's own can't be brought to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bot.address import read_configured
from bot.app import Surroundings, serve
from bot.config import Config, Repo, RepoOptions, Role
from bot.settings import AgentName, BackendName, Settings
from cli.demo_cast import gather
from playground.server import start
from playground.world import World
from runs.fake import FakeBackend, FakePlace
from runs.outcome import Outcome
from runs.run import Run
from runs.store import LogStore
from tests.whole.bot_process import until


@dataclass(frozen=True, slots=True)
class Staged:
    """A chat page at `address`, where the repo `shop` may be run; its Runs do what a test tells them."""

    address: str
    place: FakePlace

    async def run(self, prompt: str) -> Run:
        """Wait for the Run of a prompt, and for its card."""

        def found() -> Run | None:
            runs = [run for run in self.place.runs.values() if run.task.prompt == prompt]
            return next((run for run in runs if run.marks.card_id is not None), None)

        return await until(found, f"a run of {prompt!r}")

    async def end(self, prompt: str, outcome: Outcome, log: str = "", seconds: float = 0) -> Run:
        """Let the Run of a prompt end, as if it had begun so many seconds ago."""
        run = await self.run(prompt)
        self.place.progress(run.id, log=log.encode())
        began = time.time() - seconds
        self.place.put(replace(self.place.runs[run.id], created_at=began, started_at=began))
        return self.place.finish(run.id, outcome)


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Staged]:
    """Start a page and the bot behind it."""

    world = World(privacy=False)
    world.limit(None)
    cast = gather(world)
    playground = await start(world, 0, welcome=cast.welcome())
    address = read_configured("https://github.com/acme/shop.git")
    config = Config(
        repos={"shop": Repo("shop", address, RepoOptions())},
        people={person: Role(role) for person, role in cast.roles().items()},
        images=("ghcr.io/acme/*",),
    )
    settings = Settings(
        telegram_token=world.token,
        home_chat_id=cast.team.id,
        telegram_api_url=playground.root,
        backend=BackendName.KUBERNETES,
        agent=AgentName.CLAUDE,
        config_path=None,
        state_folder=folder / "state",
        log_store=folder / "logs",
        poll_seconds=1.0,
        forge_url="https://github.com",
    )
    place, stop = FakePlace(), asyncio.Event()
    backend = FakeBackend(place)
    surroundings = Surroundings(settings, config, backend, LogStore(folder / "logs"))
    bot = asyncio.create_task(serve(surroundings, stop))
    try:
        yield Staged(f"{playground.root}/", place)
    finally:
        stop.set()
        await asyncio.wait_for(bot, 120)
        await backend.close()
        await playground.close()
