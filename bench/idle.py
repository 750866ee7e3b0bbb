"""What a bot with nothing to do takes, without Jobs and with many that ended long ago: memory, processor time, wakeups."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.figure import Figure, at_most
from bench.job_pages import JOBS
from bench.processes import MEGABYTE, memory_bytes, processor_seconds, shared_memory_bytes, wakeups
from bench.relist import served
from bench.stage import open_stage, wait_until
from tests.k8s.fake_cluster import NAMESPACE

SETTLE_SECONDS = 15.0
WATCH_SECONDS = 60.0
"""Two sweeps fall into it."""
MOST_MEGABYTES = 100


@dataclass(frozen=True, slots=True)
class Idling:
    """What a bot took in WATCH_SECONDS; `shared_megabytes` counts what it shares once, and is None where that can't be read."""

    megabytes: float
    shared_megabytes: float | None
    processor_seconds: float
    wakeups: int


async def measure(folder: Path) -> list[Figure]:
    """Watch a bot to which nobody speaks for a minute, on this machine, and then on a cluster that is full of old Jobs."""
    alone = await _idle(folder / "idle", {})
    async with served(folder) as kubeconfig:
        cluster = {
            "SANDBOX_BACKEND": "kubernetes",
            "SANDBOX_NAMESPACE": NAMESPACE,
            "KUBECONFIG": str(kubeconfig),
        }
        full = await _idle(folder / "full", cluster, JOBS)
    return [
        at_most("idle bot: memory (RSS)", alone.megabytes, MOST_MEGABYTES, "MB"),
        *_more(alone),
        Figure(f"idle bot beside {JOBS:,} old Jobs: memory (RSS)", f"{full.megabytes:.0f} MB"),
        *_more(full),
    ]


def _more(idling: Idling) -> list[Figure]:
    seconds = f"{WATCH_SECONDS:.0f} s"
    used = f"{idling.processor_seconds * 1000:.0f} ms"
    woken = f"{idling.wakeups / WATCH_SECONDS:.1f} in a second"
    shared = idling.shared_megabytes
    return [
        *(
            []
            if shared is None
            else [Figure("  shared pages counted once (PSS)", f"{shared:.0f} MB")]
        ),
        Figure(f"  processor time in {seconds}", used),
        Figure("  wakeups", woken),
    ]


async def _idle(folder: Path, variables: Mapping[str, str], jobs: int = 0) -> Idling:
    """Watch a bot once it has written a Record of each Job, which it does in its first minute."""
    records = folder / "state" / "logs"
    async with open_stage(folder, "https://example.com/a/b", variables) as stage:
        await wait_until(lambda: sum(1 for _ in records.glob("*.json")) >= jobs, every_seconds=1.0)
        await asyncio.sleep(SETTLE_SECONDS)
        bot = stage.bot.pid
        used, woken = processor_seconds(bot), wakeups(bot)
        await asyncio.sleep(WATCH_SECONDS)
        shared = shared_memory_bytes(bot)
        return Idling(
            (memory_bytes(bot, "VmRSS") or 0) / MEGABYTE,
            None if shared is None else shared / MEGABYTE,
            processor_seconds(bot) - used,
            wakeups(bot) - woken,
        )
