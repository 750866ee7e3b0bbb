"""`python -m bench.stalls KUBECONFIG`: how long the loop stands still while 5,000 Jobs are read, in a process like the bot's.

Prints two numbers in milliseconds: for the first reading, and for the sweep that reads all of it again.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import bot.app  # noqa: F401 - what the bot's process has loaded, its collector knows
from bench.job_pages import JOBS
from k8s.backend import KubernetesBackend
from k8s.place import KubernetesPlace

TICK_SECONDS = 0.001


async def main(kubeconfig: Path) -> None:
    """Read everything twice, and print the longest stalls."""
    gc.freeze()  # as the bot does
    backend = KubernetesBackend(KubernetesPlace("bench", "image:test", kubeconfig))
    try:
        first = await _longest_stall(lambda: _follow(backend))
        again = await _longest_stall(backend.sweep)
        print(first, again)
    finally:
        await backend.close()


async def _follow(backend: KubernetesBackend) -> None:
    """Follow the Runs until each was told once."""
    seen = set()
    async for run in backend.changes():
        seen.add(run.id)
        if len(seen) == JOBS:
            return


async def _longest_stall(work: Callable[[], Awaitable[object]]) -> float:
    """Return by how many milliseconds the loop was late at worst while it worked."""
    longest = 0.0
    working = True

    async def tick() -> None:
        nonlocal longest
        while working:
            wanted_at = time.perf_counter() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            longest = max(longest, time.perf_counter() - wanted_at)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    await work()
    working = False
    await ticking
    return longest * 1000


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
