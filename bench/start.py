"""Bot start -> first getUpdates."""

from __future__ import annotations

import statistics
from pathlib import Path

from bench.figure import Figure, at_most
from bench.stage import open_stage

STARTS = 7


async def measure(folder: Path) -> list[Figure]:
    """Start the bot some times over; the first time is told apart, since it also warms the disk's cache."""
    taken = []
    for number in range(STARTS + 1):
        async with open_stage(folder / f"start{number}", "https://example.com/a/b") as stage:
            taken.append(stage.started_seconds)
    first, *warm = taken
    spread = f"({min(warm):.2f}–{max(warm):.2f})"
    return [
        at_most("bot start → first getUpdates", statistics.median(warm), 1.5, "s", spread),
        Figure("  the first of all", f"{first:.2f} s"),
    ]
