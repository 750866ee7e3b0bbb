"""`jobs` on a real API server, against `kubectl get jobs` of the same: of 5,000 Jobs, of none; and `logs` of one."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.cluster import Cluster, open_place
from bench.command_line import Taken, program, taken
from bench.figure import Figure, at_most, spread
from bench.job_pages import JOBS, PAGE, page
from k8s.annotations import read_asked
from k8s.manifest import manifest
from k8s.names import run_of_job
from k8s.place import KubernetesPlace

PAIRS = 3
_AT_ONCE = 24
_NOBODY = "claude-sandbox.example/bench"
"""Who manages these Jobs: Kubernetes' own controller leaves them alone, and nobody else's Jobs wait behind them."""


async def measure(folder: Path) -> list[Figure]:
    """List in turn, first an empty namespace, then one with all Jobs; the first pair of each only warms up."""
    async with open_place(folder) as cluster:
        environment = {**os.environ, "HOME": str(folder), **cluster.ground.variables}
        ours, theirs = [program(), "jobs"], [*cluster.kubectl, "get", "jobs"]
        empty = await _pairs(ours, theirs, environment)
        await _fill(cluster)
        full = await _pairs(ours, theirs, environment)
    return [*_compared("no Jobs", empty), *_compared(f"{JOBS:,} Jobs", full, limit=1.2)]


async def _pairs(
    ours: Sequence[str], theirs: Sequence[str], environment: Mapping[str, str]
) -> list[tuple[Taken, Taken]]:
    pairs = [
        (await taken(ours, environment), await taken(theirs, environment)) for _ in range(PAIRS + 1)
    ]
    return pairs[1:]


def _compared(
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


async def _fill(cluster: Cluster) -> None:
    """Make the Jobs of Runs that have ended and were told: suspended, so that no Pod is made."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def make(job: dict[str, Any]) -> None:
        async with gate:
            await cluster.api.create(cluster.jobs_path, job)

    async with asyncio.TaskGroup() as group:
        for job in _jobs(cluster):
            group.create_task(make(job))


def _jobs(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """Give the Jobs of bench.job_pages as today's manifest has them."""
    sample = ""
    first = ""
    for number in range(JOBS // PAGE):
        for job in json.loads(page(number))["items"]:
            metadata = job["metadata"]
            run_id = run_of_job(metadata["name"]) or ""
            if not sample:
                sample, first = _manifest(cluster, metadata["annotations"], run_id), run_id
            made = json.loads(sample.replace(first, run_id))
            made["metadata"]["annotations"] |= metadata["annotations"]
            made["metadata"]["labels"] |= metadata["labels"]
            made["spec"]["managedBy"] = _NOBODY
            yield made


def _manifest(cluster: Cluster, annotations: Mapping[str, str], run_id: str) -> str:
    asked = read_asked(annotations, run_id)
    if asked is None:
        raise RuntimeError("bench/job.json isn't the Job of a Run any more")
    place = KubernetesPlace(cluster.namespace, cluster.ground.variables["CLAUDE_IMAGE"])
    return json.dumps(manifest(asked, place, suspended=True))
