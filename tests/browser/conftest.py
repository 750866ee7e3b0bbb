"""The real demo behind a real Chromium, and a World without a bot for what needs none."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from playground.server import Playground, start
from playground.world import World
from tests.whole.bot_process import COMMAND, BotProcess, until


class Demo(BotProcess):
    """`claude-sandbox demo` as a person starts it; a port makes that the next one is found at the same address."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        folder.mkdir(exist_ok=True)
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "SANDBOX_SCRIPTED_PACE": "0.01",
            "COLUMNS": "80",
        }
        command = (str(COMMAND), "demo", "--no-browser", "--port", str(port))
        super().__init__(variables, folder / "demo.log", command)

    async def address(self) -> str:
        """Wait until it says where its page is; return that."""
        return (await until(lambda: re.search(r"http://\S+", self.log), "the page's address"))[0]

    async def leave(self) -> None:
        """Press Ctrl-C, and wait for its end."""
        self.interrupt()
        assert await self.ended() == 0, self.log


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
        yield await running.address()
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
