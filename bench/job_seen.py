"""A Job finished -> seen by our reflector, against the same event in `kubectl get jobs -w`."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bench.cluster import Cluster, open_place
from bench.figure import Figure, at_most
from bench.stage import wait_until
from k8s.reflector import Collection, Reflector
from k8s.structs import Job

JOBS = 200
_LABEL = "bench"


async def measure(folder: Path) -> list[Figure]:
    """Finish Jobs one after the other, and note when each is seen where.

    Nobody else manages these Jobs, so that it is known when each finishes: when the request is sent that says so.
    """
    async with open_place(folder) as cluster:
        names = [f"job-{number}" for number in range(JOBS)]
        for name in names:
            await cluster.api.create(cluster.jobs_path, _job(name))
        finished: dict[str, float] = {}
        async with _by_reflector(cluster) as ours, _by_kubectl(cluster) as theirs:
            await wait_until(lambda: ours.ready() and theirs.ready())
            for name in names:
                finished[name] = time.monotonic()
                await cluster.api.patch(f"{cluster.jobs_path}/{name}/status", _END)
                await wait_until(lambda: finished.keys() == ours.at.keys() == theirs.at.keys())
                await asyncio.sleep(0.02)
    return _compared(
        [ours.at[name] - finished[name] for name in names],
        [theirs.at[name] - finished[name] for name in names],
    )


class _Seen:
    """When each finished Job was seen. `ready` says that all Jobs are known."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.at: dict[str, float] = {}

    def ready(self) -> bool:
        return len(self.known) == JOBS


@asynccontextmanager
async def _by_reflector(cluster: Cluster) -> AsyncIterator[_Seen]:
    seen = _Seen()

    def changed(job: Job) -> None:
        if job.condition("Complete"):
            seen.at.setdefault(job.metadata.name, time.monotonic())
        seen.known.add(job.metadata.name)

    collection = Collection(cluster.jobs_path, f"app={_LABEL}", Job)
    reflector = Reflector(cluster.api, collection, changed, lambda _job: None)
    following = asyncio.create_task(reflector.run())
    try:
        yield seen
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@asynccontextmanager
async def _by_kubectl(cluster: Cluster) -> AsyncIterator[_Seen]:
    seen = _Seen()
    process = await asyncio.create_subprocess_exec(
        *(*cluster.kubectl, "get", "jobs", f"--selector=app={_LABEL}", "--watch", "--no-headers"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None

    async def follow(lines: asyncio.StreamReader) -> None:
        async for line in lines:
            name, status, *_ = line.decode().split()
            if status == "Complete":
                seen.at.setdefault(name, time.monotonic())
            seen.known.add(name)

    following = asyncio.create_task(follow(process.stdout))
    try:
        yield seen
    finally:
        process.kill()
        await process.wait()
        await following


def _compared(ours: list[float], theirs: list[float]) -> list[Figure]:
    later = statistics.median(our - their for our, their in zip(ours, theirs, strict=True)) * 1000
    figures = [
        Figure("Job finished → seen in kubectl get jobs -w", _shown(theirs)),
        Figure("Job finished → seen by the reflector", _shown(ours)),
    ]
    percentiles: list[tuple[str, Callable[[list[float]], float], float]] = [
        ("p50", statistics.median, 1.05),
        ("p99", _p99, 1.3),
    ]
    figures += [
        at_most(f"  ratio of {name}", of(ours) / of(theirs), limit, "")
        for name, of, limit in percentiles
    ]
    return [*figures, Figure("  the reflector's later by (median)", f"{later:.2f} ms")]


def _shown(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.1f} ms, p99 {_p99(seconds) * 1000:.1f} ms"


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def _job(name: str) -> dict[str, object]:
    container = {"name": "none", "image": "none"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": {"app": _LABEL}},
        "spec": {
            "managedBy": "claude-sandbox.example/bench",
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    }


_NOW = "2026-01-01T00:00:00Z"
_END: list[dict[str, object]] = [
    {
        "op": "add",
        "path": "/status",
        "value": {
            "startTime": _NOW,
            "completionTime": _NOW,
            "succeeded": 1,
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": _NOW}
                for kind in ("SuccessCriteriaMet", "Complete")
            ],
        },
    }
]
