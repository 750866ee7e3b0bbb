"""The end of a Run -> the message that tells it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from bench.figure import Figure, spread
from bench.processes import end_of, sandbox_of
from bench.repo import make_small
from bench.stage import Desk, Stage, open_stage

RUNS = 5


async def measure(folder: Path) -> list[Figure]:
    """Run a short task after the other, each in a chat of its own; then longer ones, whose cards moved meanwhile.

    Each edit of a card takes one of the few places that Telegram leaves for messages in so many seconds.
    """
    url = make_small(folder).file_url
    async with open_stage(folder / "told", url) as stage:
        short = [await _told(stage, desk, 1) for desk in stage.desks[:RUNS]]
        longer = [await _told(stage, desk, 3) for desk in stage.desks[RUNS : 2 * RUNS]]
    return [
        Figure("sandbox program of a 1 s task ended → told", spread(short, "ms", 0)),
        Figure("sandbox program of a 3 s task ended → told", spread(longer, "ms", 0)),
    ]


async def _told(stage: Stage, desk: Desk, seconds: int) -> float:
    """Return the milliseconds between the end of the sandbox program and the message."""
    ending = asyncio.create_task(_end(stage))
    stage.say(desk, f"/run repo nothing, slow {seconds}")
    ended_at = await ending
    await stage.told(desk)
    return (time.monotonic() - ended_at) * 1000


async def _end(stage: Stage) -> float:
    return await end_of(await sandbox_of(stage.bot.pid))
