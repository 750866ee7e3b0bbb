"""A World with its Bot API on loopback; nothing of bot/ is here."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from playground.server import start
from playground.world import World
from tests.playground.play_api import Api, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    return World(privacy=False, clock=clock)


@pytest.fixture
async def api(world: World) -> AsyncIterator[Api]:
    playground = await start(world)
    async with aiohttp.ClientSession() as session:
        yield Api(playground, session)
    await playground.close()
