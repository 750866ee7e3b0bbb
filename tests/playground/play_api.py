"""What the tests of the playground use: a clock that stands still, and raw HTTP to both sides."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from playground.server import Playground


@dataclass
class Clock:
    """Unix seconds that a test moves on; they stand still otherwise."""

    now: float = field(default_factory=lambda: float(int(time.time())))

    def __call__(self) -> float:
        return self.now


@dataclass
class Api:
    """Calls of one playground by plain HTTP."""

    playground: Playground
    session: aiohttp.ClientSession

    async def call(self, method: str, **arguments: Any) -> tuple[int, Any]:
        """Call a method with JSON; return status and answer."""
        url = f"{self.playground.url}{self.playground.token}/{method}"
        async with self.session.post(url, json=arguments) as response:
            return response.status, await response.json()

    async def ok(self, method: str, **arguments: Any) -> Any:
        """Call a method that has to succeed; return the result."""
        status, answer = await self.call(method, **arguments)
        assert (status, answer["ok"]) == (200, True), answer
        return answer["result"]

    async def refusal(self, method: str, **arguments: Any) -> tuple[int, str]:
        """Call a method that has to be refused; return code and description."""
        status, answer = await self.call(method, **arguments)
        assert answer["ok"] is False and answer["error_code"] == status, answer
        return status, answer["description"]

    async def updates(self) -> list[Any]:
        """Return all updates that wait, and confirm none."""
        return list(await self.ok("getUpdates"))

    async def play(self, act: str, **body: Any) -> tuple[int, Any]:
        """Do something on the people's side."""
        url = f"{self.playground.root}/play/{act}"
        async with self.session.post(url, json=body) as response:
            return response.status, await response.json()

    async def until_polled(self) -> None:
        """Wait until a getUpdates waits."""
        async with asyncio.timeout(60):
            while not self.playground.world.bot_listens:
                await asyncio.sleep(0.01)
