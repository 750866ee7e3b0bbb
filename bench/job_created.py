"""`/run` said -> its Job in etcd, against the wall time of `kubectl create -f` for the same Job."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.cluster import Cluster, open_place
from bench.figure import Figure, at_most, spread
from bench.stage import Desk, Stage, open_stage, wait_until
from k8s.annotations import Asked
from k8s.manifest import manifest
from k8s.place import KubernetesPlace
from runs.run import Origin, message_key
from sandbox.task import Task

PAIRS = 20
_TOO_MUCH = {"memory": "64Gi", "cpu": "32"}
"""What few nodes have, so that no Pod takes time from what is measured."""


async def measure(folder: Path) -> list[Figure]:
    """Create and say in turn; compare the medians. The first pair only warms up."""
    async with (
        open_place(folder) as cluster,
        open_stage(folder / "bot", cluster.repo(**_TOO_MUCH), cluster.ground.variables) as stage,
        _born(cluster) as born,
    ):
        by_kubectl, by_run = [], []
        for number in range(PAIRS + 1):
            by_kubectl.append(await _create(cluster, folder, number))
            by_run.append(await _run(stage, stage.desks[number % len(stage.desks)], born))
    return _compared(by_kubectl[1:], by_run[1:])


async def _create(cluster: Cluster, folder: Path, number: int) -> float:
    """Run `kubectl create -f`; return its seconds."""
    asked = Asked(
        message_key(1, number), Task("https://example.com/a/b", "x"), Origin(1, 1, 1), time.time()
    )
    place = KubernetesPlace(cluster.namespace, cluster.ground.variables["CLAUDE_IMAGE"])
    job = manifest(asked, place, suspended=True)
    job["metadata"]["name"] = f"by-kubectl-{number}"
    path = folder / "job.json"
    path.write_text(json.dumps(job))
    await asyncio.sleep(_REST_SECONDS)
    started_at = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(*cluster.kubectl, "create", "-f", str(path)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # it warns of what the manifest does on purpose
    )
    code = await process.wait()
    taken = time.monotonic() - started_at
    if code != 0:
        raise RuntimeError(f"kubectl create ended with {code}")
    return taken


async def _run(stage: Stage, desk: Desk, born: dict[str, float]) -> float:
    """Say `/run`; return the seconds until its Job came in a watch of our own."""
    known = set(born)

    def new() -> list[str]:
        return [name for name in set(born) - known if name.startswith("claude-")]

    await asyncio.sleep(_REST_SECONDS)
    said_at = time.monotonic()
    stage.say(desk, "/run repo add a note")
    await wait_until(lambda: bool(new()))
    return born[new()[0]] - said_at


@asynccontextmanager
async def _born(cluster: Cluster) -> AsyncIterator[dict[str, float]]:
    """Note when each new Job came in a watch."""
    found: dict[str, float] = {}

    async def follow() -> None:
        async for line in cluster.api.watch(cluster.jobs_path, {"watch": "true"}):
            name = json.loads(line)["object"]["metadata"]["name"]
            found.setdefault(name, time.monotonic())

    following = asyncio.create_task(follow())
    try:
        yield found
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _compared(by_kubectl: list[float], by_run: list[float]) -> list[Figure]:
    ratio = statistics.median(by_run) / statistics.median(by_kubectl)
    return [
        Figure("kubectl create -f of a Run's Job", spread(_in_ms(by_kubectl), "ms", 0)),
        Figure("/run said → its Job seen in a watch", spread(_in_ms(by_run), "ms", 0)),
        at_most("  ratio", ratio, 0.5, ""),
    ]


def _in_ms(seconds: list[float]) -> list[float]:
    return [value * 1000 for value in seconds]


_REST_SECONDS = 0.5
"""Before each, so that cards and the scheduler have done what the one before brought."""
