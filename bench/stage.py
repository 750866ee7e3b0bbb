"""The real bot process on a playground, with the local Backend, in a folder of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.processes import processes
from playground.chats import Chat
from playground.messages import Message
from playground.people import Person
from playground.server import Playground, start
from playground.world import World

ROOT = Path(__file__).resolve().parent.parent
CREW = 12
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Desk:
    """A person whom the bot obeys, and their private chat with it; Telegram's limits are counted per chat."""

    person: Person
    chat: Chat


@dataclass(frozen=True, slots=True)
class Stage:
    """A bot that listens. `started_seconds` is what it took from its start to its first getUpdates."""

    world: World
    desks: tuple[Desk, ...]
    bot: asyncio.subprocess.Process
    started_seconds: float

    def say(self, desk: Desk, text: str) -> None:
        """Write a message to the bot."""
        self.world.say(desk.person, desk.chat, text)

    def answers(self, desk: Desk) -> list[Message]:
        """Return the bot's messages in a chat, oldest first."""
        messages = self.world.messages(desk.chat)
        return [message for message in messages if message.sender == self.world.bot]

    async def told(self, desk: Desk, messages: int = 2) -> None:
        """Wait until the bot has sent so many messages in a chat: the card of a Run, and how it ended."""
        await wait_until(lambda: len(self.answers(desk)) >= messages)


@asynccontextmanager
async def open_stage(
    folder: Path, repo: str | Mapping[str, str], variables: Mapping[str, str] | None = None
) -> AsyncIterator[Stage]:
    """Start a bot that knows one repo as `repo`: its URL, or what a config says of it. `variables` come on top of its usual ones.

    Everything is kept below `folder`, which is made. At the end the bot is ended, and what is left of its Runs.
    """
    folder.mkdir()
    world = World(privacy=False)
    desks = [
        Desk(person, world.private(person)) for person in map(world.person, map(_name, range(CREW)))
    ]
    team = world.supergroup("Team", [(desk.person, "member") for desk in desks])
    playground = await start(world)
    try:
        started_at = time.monotonic()
        bot = await _start_bot(folder, playground, str(team.id), repo, variables or {})
        try:
            await wait_until(lambda: world.bot_listens or bot.returncode is not None)
            if bot.returncode is not None:
                raise RuntimeError((folder / "bot.log").read_text(errors="replace"))
            yield Stage(world, tuple(desks), bot, time.monotonic() - started_at)
        finally:
            await _end(bot)
            await _end_runs(folder)
    finally:
        await playground.close()


async def wait_until(true: Callable[[], bool], every_seconds: float = 0.002) -> None:
    """Wait until something is so; the caller sets the limit."""
    while not true():
        await asyncio.sleep(every_seconds)


def _name(number: int) -> str:
    return f"Person {number}"


async def _start_bot(
    folder: Path,
    playground: Playground,
    chat_id: str,
    repo: str | Mapping[str, str],
    variables: Mapping[str, str],
) -> asyncio.subprocess.Process:
    config = folder / "config.yaml"
    config.write_text(json.dumps({"repos": {"repo": repo}}), encoding="utf-8")
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TELEGRAM_BOT_TOKEN": playground.token,
        "TELEGRAM_CHAT_ID": chat_id,
        "TELEGRAM_API_URL": playground.root,
        "SANDBOX_BACKEND": "local",
        "SANDBOX_AGENT": "scripted",
        "SANDBOX_CONFIG": str(config),
        "SANDBOX_STATE": str(folder / "state"),
        **variables,
    }
    with (folder / "bot.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "cli", "bot"),
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


async def _end(bot: asyncio.subprocess.Process) -> None:
    if bot.returncode is not None:
        return
    bot.terminate()
    try:
        await asyncio.wait_for(bot.wait(), STOP_SECONDS)
    except TimeoutError:
        bot.kill()
        await bot.wait()


async def _end_runs(folder: Path) -> None:
    """Stop the keepers of Runs in the folder, which outlive the bot, and wait for them."""

    def keepers() -> list[int]:
        return [process.id for process in processes() if _keeps(process.command, folder)]

    for keeper in keepers():
        with suppress(ProcessLookupError):
            os.kill(keeper, signal.SIGTERM)
    async with asyncio.timeout(STOP_SECONDS):
        await wait_until(lambda: not keepers(), 0.05)


def _keeps(command: tuple[str, ...], folder: Path) -> bool:
    return any(argument.startswith(f"{folder}/state/runs/") for argument in command)
