"""A list of 5,000 Jobs: its decoding, against the official models', and how long the loop stands still meanwhile."""

from __future__ import annotations

import asyncio
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from kubernetes.aio.client.api_client import ApiClient

from bench.figure import Figure, at_most, spread
from bench.job_pages import JOBS, PAGE, page
from bench.stage import ROOT
from k8s.structs import Job, Page
from tests.k8s.fake_cluster import kubeconfig as kubeconfig_of

TIMES = 5


async def measure(folder: Path) -> list[Figure]:
    """Decode the pages both ways in turn; then let a process like the bot's read them over HTTP, twice."""
    return [*_decoding(), *await _stalls(folder)]


def _decoding() -> list[Figure]:
    pages = [page(number) for number in range(JOBS // PAGE)]
    decoder = msgspec.json.Decoder(Page[Job])
    client = ApiClient()
    ours, theirs = [], []
    for _ in range(TIMES):
        ours.append(_seconds(pages, decoder.decode))
        theirs.append(
            _seconds(
                pages,
                lambda data: client.deserialize(data.decode(), "V1JobList", "application/json"),
            )
        )
    ratio = statistics.median(ours) / statistics.median(theirs)
    return [
        Figure(
            f"{JOBS:,} Jobs ({_megabytes(pages)} MB) by the official models", spread(theirs, "s")
        ),
        Figure(f"{JOBS:,} Jobs by ours", spread(ours, "s", 3)),
        at_most("  ratio", ratio, 0.02, ""),
    ]


def _seconds(pages: list[bytes], decode: Callable[[bytes], object]) -> float:
    """Return the time for all pages, one in memory at a time, without what was left from before."""
    gc.collect()
    started_at = time.perf_counter()
    for data in pages:
        decode(data)
    return time.perf_counter() - started_at


def _megabytes(pages: list[bytes]) -> int:
    return sum(map(len, pages)) // 1_000_000


async def _stalls(folder: Path) -> list[Figure]:
    first, again = [], []
    async with served(folder) as kubeconfig:
        for _ in range(TIMES):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bench.stalls", str(kubeconfig)),
                cwd=ROOT,
                stdout=subprocess.PIPE,
            )
            output, _ = await process.communicate()
            if process.returncode != 0:
                raise RuntimeError("reading the Jobs failed")
            of_first, of_again = map(float, output.split())
            first.append(of_first)
            again.append(of_again)
    return [
        _stall(f"longest stall of the loop, {JOBS:,} new Jobs read", first),
        _stall("longest stall of the loop, read again by the sweep", again),
    ]


def _stall(what: str, stalls: list[float]) -> Figure:
    detail = f"({min(stalls):.0f}–{max(stalls):.0f})"
    return at_most(what, statistics.median(stalls), 50, "ms", detail)


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Path]:
    """Serve the pages from another process; yield a kubeconfig for them."""
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.job_pages"),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    try:
        address = (await server.stdout.readline()).decode().strip()
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(kubeconfig_of(address))
        yield kubeconfig
    finally:
        server.kill()
        await server.wait()
