"""What a bot with nothing to do takes: memory, and processor time."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench.figure import Figure, at_most
from bench.processes import MEGABYTE, memory_bytes, processor_seconds, shared_memory_bytes
from bench.stage import open_stage

SETTLE_SECONDS = 2.0
WATCH_SECONDS = 10.0


async def measure(folder: Path) -> list[Figure]:
    """Watch a bot to which nobody speaks, for some seconds."""
    async with open_stage(folder / "idle", "https://example.com/a/b") as stage:
        await asyncio.sleep(SETTLE_SECONDS)
        before = processor_seconds(stage.bot.pid)
        await asyncio.sleep(WATCH_SECONDS)
        used = processor_seconds(stage.bot.pid) - before
        resident = (memory_bytes(stage.bot.pid, "VmRSS") or 0) / MEGABYTE
        shared = shared_memory_bytes(stage.bot.pid)
    figures = [at_most("idle bot: memory (RSS)", resident, 100, "MB")]
    if shared is not None:
        figures.append(Figure("  shared pages counted once (PSS)", f"{shared / MEGABYTE:.0f} MB"))
    figures.append(Figure("idle bot: processor time in 10 s", f"{used * 1000:.0f} ms"))
    return figures
