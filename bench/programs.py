"""How long Python takes to have our programs loaded."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.figure import Figure
from bench.stage import ROOT

ROUNDS = 9
_ALONE = "python alone"
_PROGRAMS = {
    _ALONE: ["-P", "-c", "pass"],
    "python -m sandbox, an empty environment": ["-P", "-m", "sandbox"],
    "python with the bot's modules": ["-c", "import cli.bot, bot.app"],
}


async def measure(folder: Path) -> list[Figure]:
    """Start each program in turn, some times over."""
    report = folder / "report.json"
    taken: dict[str, list[float]] = {name: [] for name in _PROGRAMS}
    for _ in range(ROUNDS):
        for name, arguments in _PROGRAMS.items():
            taken[name].append(await asyncio.to_thread(_start, arguments, report))
    alone = statistics.median(taken[_ALONE])
    return [_figure(name, statistics.median(values), alone) for name, values in taken.items()]


def _figure(name: str, median: float, alone: float) -> Figure:
    more = "" if name == _ALONE else f" (python + {median - alone:.0f})"
    return Figure(f"start of {name}", f"{median:.0f} ms{more}")


def _start(arguments: list[str], report: Path) -> float:
    """Return the milliseconds that a program takes."""
    started_at = time.monotonic()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={"SANDBOX_REPORT": str(report)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=30,
    )
    return (time.monotonic() - started_at) * 1000
