"""What a person waits for at the prompt: the help, and a list of 5,000 Jobs against kubectl's."""

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

from bench.cluster import kubectl_program
from bench.figure import Figure, at_most, spread
from bench.job_pages import JOBS
from bench.relist import served
from bench.stage import ROOT
from tests.k8s.fake_cluster import NAMESPACE

TIMES = 7


Taken = tuple[float, float]
"""The seconds until a program's end, and those of the processors."""


async def measure(folder: Path) -> list[Figure]:
    """Start each some times over, the two lists in turn; the first of each only warms the disk's cache."""
    environment = {**os.environ, "HOME": str(folder), "SANDBOX_NAMESPACE": NAMESPACE}
    helps = [await taken([program(), "--help"], environment) for _ in range(TIMES + 1)][1:]
    figures = [
        at_most(
            "claude-sandbox --help",
            statistics.median(seconds for seconds, _ in helps),
            0.25,
            "s",
            f"({min(helps)[0]:.2f}–{max(helps)[0]:.2f})",
        ),
        Figure("  of which the processors'", spread([work for _, work in helps], "s")),
    ]
    kubectl = kubectl_program()
    if kubectl is None:
        return figures
    pairs = []
    async with served(folder) as kubeconfig:
        environment["KUBECONFIG"] = str(kubeconfig)
        for _ in range(TIMES + 1):
            theirs = await taken([kubectl, "get", "jobs", "-n", NAMESPACE], environment)
            pairs.append((await taken([program(), "jobs"], environment), theirs))
    return [*figures, *compared(f"{JOBS:,} Jobs", pairs[1:], limit=1.2)]


def compared(
    what: str, pairs: Sequence[tuple[Taken, Taken]], limit: float | None = None
) -> list[Figure]:
    """Return the figures of our list beside kubectl's: the wait, and the processors' time."""
    waits = [mine / other for (mine, _), (other, _) in pairs]
    works = [mine / other for (_, mine), (_, other) in pairs]
    ratio = "  ratio, of pairs"
    return [
        Figure(f"kubectl get jobs, {what}", spread([wait for _, (wait, _) in pairs], "s")),
        Figure(f"claude-sandbox jobs, {what}", spread([wait for (wait, _), _ in pairs], "s")),
        Figure(ratio, spread(waits, ""))
        if limit is None
        else at_most(ratio, statistics.median(waits), limit, ""),
        Figure("  ratio of the processors' time", spread(works, "")),
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
