"""The real demo behind a real Chromium, and a World without a bot for what needs none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from playground.server import Playground, start
from playground.world import World
from tests.browser.demo_process import Demo

StartDemo = Callable[..., Demo]


@pytest_asyncio.fixture(loop_scope="session")
async def start_demo(tmp_path: Path) -> AsyncIterator[StartDemo]:
    """Start a demo of the test's own: `start_demo()`, `start_demo(port=…)`."""
    demos: list[Demo] = []

    def begin(port: int = 0) -> Demo:
        demos.append(Demo(tmp_path / f"demo-{len(demos)}", port))
        return demos[-1]

    yield begin
    for demo in demos:
        if demo.exit_code is None:
            await demo.leave()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of one demo that the tests share: each says something of its own in it."""
    running = Demo(tmp_path_factory.mktemp("demo"))
    try:
        address = await running.address()
        # Together the tests make the bot say more than 20 messages a minute.
        async with ClientSession() as session:
            reply = await session.post(f"{address}play/flood", json={"on": False})
            assert reply.status == 200, await reply.text()
        yield address
    finally:
        await running.leave()


Serve = Callable[[World], Awaitable[Playground]]


@pytest_asyncio.fixture(loop_scope="session")
async def serve() -> AsyncIterator[Serve]:
    """Serve a World without a bot."""
    async with AsyncExitStack() as stack:

        async def begin(world: World) -> Playground:
            playground = await start(world)
            stack.push_async_callback(playground.close)
            await asyncio.sleep(0)
            return playground

        yield begin
