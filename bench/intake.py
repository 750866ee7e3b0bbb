"""How fast many commands at once become Runs."""

from __future__ import annotations

import time
from pathlib import Path

from bench.figure import Figure
from bench.repo import make_small
from bench.stage import CREW, open_stage, wait_until
from bench.stand_in import StandIn

COMMANDS = 100


async def measure(folder: Path) -> list[Figure]:
    """Send all commands at once, and wait until all were confirmed to Telegram and all agents were started."""
    stand_in = StandIn.make(folder / "stand-in")
    url = make_small(folder).file_url
    async with open_stage(folder / "intake", url, stand_in.variables()) as stage:
        said_at = time.monotonic()
        for number in range(COMMANDS):
            stage.say(stage.desks[number % CREW], f"/run repo run{number}")
        updates = stage.world.state.updates
        await wait_until(lambda: not updates.pending(), 0.01)
        confirmed_at = time.monotonic()
        await wait_until(lambda: stand_in.count() == COMMANDS, 0.01)
        started_at = time.monotonic()
    return [
        Figure("100 /run at once → all confirmed to Telegram", f"{confirmed_at - said_at:.1f} s"),
        Figure("100 /run at once → all agents started", f"{started_at - said_at:.1f} s"),
    ]
