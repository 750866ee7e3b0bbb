"""`/logs` said -> its answer, on a log of 8 MiB: from the cluster, a folder and S3, against `kubectl logs --tail`."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.cluster import Cluster, open_place
from bench.figure import Figure, at_most, spread
from bench.stage import Stage, open_stage, wait_until
from k8s.names import job_name
from runs.run import Run
from runs.s3 import S3Objects
from runs.s3_place import S3Place
from runs.store import LogStore
from tests.parts.s3_fixtures import S3Server, find_minio, running

ROUNDS = 5
LIMIT = 1.5
_TASK = "/run repo nothing, but noise 9"
_LOG_BYTES = 7 << 20
"""What it prints at least, cut by the sandbox to 8 MiB."""


async def measure(folder: Path) -> list[Figure]:
    """Ask in turn for the last 30 lines; compare the medians. The first round only warms up."""
    async with open_place(folder) as cluster:
        taken = await _from_cluster_and_folder(folder / "bot", cluster)
        minio = find_minio()
        if minio is not None:
            (folder / "s3").mkdir()
            with running(minio, folder / "s3") as server:
                taken |= await _from_s3(folder, cluster, server)
    figures = []
    for what, (theirs, ours) in taken.items():
        ratio = statistics.median(ours) / statistics.median(theirs)
        figures += [
            Figure(f"/logs of 8 MiB, from {what}", spread(ours, "ms", 0)),
            Figure("  kubectl logs --tail=30 between them", spread(theirs, "ms", 0)),
            at_most("  ratio", ratio, LIMIT, ""),
        ]
    return figures


async def _from_cluster_and_folder(
    folder: Path, cluster: Cluster
) -> dict[str, tuple[list[float], list[float]]]:
    async with open_stage(folder, cluster.repo(), cluster.ground.variables) as stage:
        stage.say(stage.desks[0], _TASK)
        await stage.told(stage.desks[0])
        run = await _run(cluster)
        kept = folder / "state" / "logs" / f"{run.id}.log"
        log = kept.read_bytes()
        if len(log) < _LOG_BYTES:
            raise RuntimeError(f"the log has {len(log)} bytes only")
        from_folder = await _pairs(stage, cluster, run)
        kept.unlink()
        from_cluster = await _pairs(stage, cluster, run)
        kept.write_bytes(log)
    return {"the cluster": from_cluster, "a folder": from_folder}


async def _from_s3(
    folder: Path, cluster: Cluster, server: S3Server
) -> dict[str, tuple[list[float], list[float]]]:
    """Do the same with another bot, which finds the log in a bucket."""
    run = await _run(cluster)
    bucket = server.make_bucket()
    log = (folder / "bot" / "state" / "logs" / f"{run.id}.log").read_bytes()
    await LogStore(S3Objects(S3Place(bucket), server.variables)).write_log(run.id, log)
    variables = {**cluster.ground.variables, **server.variables}
    variables["SANDBOX_LOG_STORE"] = f"s3://{bucket}"
    # Its first desk is the same chat: they are numbered alike in every World.
    async with open_stage(folder / "another", cluster.repo(), variables) as stage:
        return {"S3": await _pairs(stage, cluster, run)}


async def _run(cluster: Cluster) -> Run:
    (run,) = await cluster.ground.backend.list_runs()
    return run


async def _pairs(stage: Stage, cluster: Cluster, run: Run) -> tuple[list[float], list[float]]:
    """Return the milliseconds of kubectl, and those of the bot."""
    pods = await _printed(
        cluster, "get", "pods", "--output=name", f"--selector=job-name={job_name(run.id)}"
    )
    pod = pods.decode().strip()
    theirs, ours = [], []
    for _ in range(ROUNDS + 1):
        theirs.append(
            await _timed(lambda: _printed(cluster, "logs", pod, "--container=claude", "--tail=30"))
        )
        ours.append(await _timed(lambda: _asked(stage, run)))
    return theirs[1:], ours[1:]


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    # Telegram takes about a message a second of a chat.
    await asyncio.sleep(1.1)
    started_at = time.monotonic()
    await work()
    return (time.monotonic() - started_at) * 1000


async def _asked(stage: Stage, run: Run) -> None:
    desk = stage.desks[0]
    known = len(stage.answers(desk))
    stage.say(desk, f"/logs {run.id}")
    await wait_until(lambda: len(stage.answers(desk)) > known)
    if "noise" not in stage.answers(desk)[-1].text:
        raise RuntimeError(f"that is no log: {stage.answers(desk)[-1].text}")


async def _printed(cluster: Cluster, *words: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(*cluster.kubectl, *words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    printed, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"kubectl {words[0]} ended with {process.returncode}")
    return printed
