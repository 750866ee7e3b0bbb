"""The product as a whole: a message in the chat becomes a Job, and its end comes back; the bot is the real process."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from playground.messages import Message
from playground.server import Playground
from playground.world import World
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.chat_scene import environment
from tests.cluster.kubectl import Kubectl

LIMIT_SECONDS = 60.0
ROOT = Path(__file__).parent.parent.parent

Begin = Callable[[World], Awaitable[Playground]]


@contextlib.asynccontextmanager
async def bot(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli", "bot", cwd=ROOT, env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), LIMIT_SECONDS)


async def said(world: World, chat: int, *words: str) -> Message:
    """Wait for a message of the bot that holds all the words."""
    end = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < end:
        for message in world.messages(chat):
            ours = message.sender is not None and message.sender.is_bot
            if ours and all(word in message.text for word in words):
                return message
        await asyncio.sleep(0.05)
    raise AssertionError([message.text for message in world.messages(chat)])


async def test_a_message_becomes_a_job_and_its_end_comes_back(
    place: ClusterPlace, playground: Begin, kubectl: Kubectl
) -> None:
    world = World(privacy=False)
    ada = world.person("Ada")
    team = world.supergroup("Team", [(ada, "administrator")])
    server = await playground(world)
    async with bot(environment(place, world, server.root, team.id)):
        asked = world.say(ada, team, '/run demo "add a note"')
        done = await said(world, team.id, "Done", "NOTES.md", "1 file")
        assert done.reply_to_id == asked.id
        label = "app=claude-sandbox,status=complete"
        async with asyncio.timeout(LIMIT_SECONDS):
            while not kubectl.list("jobs", label):
                await asyncio.sleep(0.1)


async def test_a_bot_that_is_killed_while_a_job_runs_tells_its_end_once(
    place: ClusterPlace, playground: Begin, kubectl: Kubectl
) -> None:
    world = World(privacy=False)
    ada = world.person("Ada")
    team = world.supergroup("Team", [(ada, "administrator")])
    server = await playground(world)
    variables = environment(place, world, server.root, team.id)
    async with bot(variables) as first:
        world.say(ada, team, '/run demo "wait 3"')
        await said(world, team.id, "Running")
        first.kill()
        await first.wait()
    async with bot(variables):
        await said(world, team.id, "Done", "1 file")
        async with asyncio.timeout(LIMIT_SECONDS):
            while not kubectl.list("jobs", "app=claude-sandbox,status=complete"):
                await asyncio.sleep(0.1)
    assert len(kubectl.list("jobs")) == 1
    told = [message.text for message in world.messages(team.id) if "Wrote the task" in message.text]
    assert len(told) == 1
