"""What a person waits for at the prompt: the help. The lists are in bench.job_list."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figure import Figure, at_most, spread
from bench.stage import ROOT

TIMES = 7


Taken = tuple[float, float]
"""The seconds until a program's end, and those of the processors."""


async def measure(folder: Path) -> list[Figure]:
    """Start it some times over; the first only warms the disk's cache."""
    environment = {**os.environ, "HOME": str(folder)}
    helps = [await taken([program(), "--help"], environment) for _ in range(TIMES + 1)][1:]
    return [
        at_most(
            "claude-sandbox --help",
            statistics.median(seconds for seconds, _ in helps),
            0.25,
            "s",
            f"({min(helps)[0]:.2f}–{max(helps)[0]:.2f})",
        ),
        Figure("  of which the processors'", spread([work for _, work in helps], "s")),
    ]


def program() -> str:
    """Return the program that is measured. Raises RuntimeError where it isn't installed."""
    found = shutil.which("claude-sandbox", path=str(Path(sys.executable).parent))
    if found is None:
        raise RuntimeError("claude-sandbox isn't installed: make setup")
    return found


async def taken(command: Sequence[str], environment: Mapping[str, str]) -> Taken:
    """Run a program; return the seconds until its end, and those of the processors. Raises RuntimeError."""
    before, started_at = _processors(), time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    taken = time.perf_counter() - started_at
    if process.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} failed: {errors.decode()[:300]}")
    return taken, _processors() - before


def _processors() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
