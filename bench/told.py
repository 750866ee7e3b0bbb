"""The end of a Run -> the message that tells it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from bench.figure import Figure, spread
from bench.processes import end_of, sandbox_of
from bench.repo import make_small
from bench.stage import Desk, Stage, open_stage

RUNS = 9


async def measure(folder: Path) -> list[Figure]:
    """Run a short task after the other, each in a chat of its own."""
    url = make_small(folder).file_url
    async with open_stage(folder / "told", url) as stage:
        taken = [await _told(stage, desk) for desk in stage.desks[:RUNS]]
    return [Figure("sandbox program ended → message in the chat", spread(taken, "ms", 0))]


async def _told(stage: Stage, desk: Desk) -> float:
    """Return the milliseconds between the end of the sandbox program and the message."""
    ending = asyncio.create_task(_end(stage))
    stage.say(desk, "/run repo nothing, slow 1")
    ended_at = await ending
    await stage.told(desk)
    return (time.monotonic() - ended_at) * 1000


async def _end(stage: Stage) -> float:
    return await end_of(await sandbox_of(stage.bot.pid))
