"""The dependencies of a Node project of 300 packages: from the cache, against `npm ci` from a registry next door."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import time
from pathlib import Path

from bench.figure import Figure, at_most, spread
from runs.s3_cache import S3Cache
from runs.s3_place import S3Place
from sandbox.dependencies.slots import BROKERED, VARIABLE, encode
from tests.broker.broker_process import BrokerProcess
from tests.parts.git_server import OriginRepo
from tests.parts.registries import Registry
from tests.parts.s3_fixtures import find_minio, running
from tests.sandbox.running import run

PACKAGES = 300
FILES = 20
PAIRS = 3
SHARE = 0.3


async def measure(folder: Path) -> list[Figure]:
    """Install and restore in turn, and compare the medians; npm's own cache is empty each time."""
    return await asyncio.to_thread(_measure, folder)


def _measure(folder: Path) -> list[Figure]:
    path = folder / "origin.git"
    repo = OriginRepo(path, path.as_uri())
    variables = {"SANDBOX_CACHE": str(folder / "cache"), "SANDBOX_TIMEOUT": "600"}
    plain, hits = [], []
    with Registry() as registry:
        repo.make(registry.npm_project({}, PACKAGES, FILES))
        first = run(folder / "first", "true", repo.file_url, **variables)
        if first.report.cache != "miss" or first.report.dependency_seconds is None:
            raise RuntimeError(first.log)
        for number in range(PAIRS):
            plain.append(_install(repo, folder / f"plain{number}"))
            done = run(folder / f"run{number}", "true", repo.file_url, **variables)
            if done.report.cache != "hit" or done.report.dependency_seconds is None:
                raise RuntimeError(done.log)
            hits.append(done.report.dependency_seconds)
        from_bucket = _from_bucket(repo, folder)
    share = statistics.median(hits) / statistics.median(plain)
    what = f"dependencies of {PACKAGES} npm packages, {PACKAGES * FILES} files"
    return [
        at_most(f"{what}: cache hit / npm ci", share, SHARE, ""),
        Figure("… hit", spread(hits, "s")),
        *(
            [Figure("… hit, from a bucket next door", spread(from_bucket, "s"))]
            if from_bucket
            else []
        ),
        Figure("… npm ci alone", spread(plain, "s")),
        Figure("… miss, with the entry written", f"{first.report.dependency_seconds:.2f} s"),
    ]


def _from_bucket(repo: OriginRepo, folder: Path) -> list[float]:
    """Measure hits from MinIO, by addresses that the broker hands out; none where it isn't built."""
    minio = find_minio()
    if minio is None:
        return []
    found = []
    (folder / "s3").mkdir()
    with running(minio, folder / "s3") as server:
        signer = S3Cache(S3Place(server.make_bucket()), server.variables)
        for number in range(PAIRS + 1):
            state = folder / f"broker{number}"
            state.mkdir()
            signed = encode(asyncio.run(signer.sign(repo.file_url, 3600)))
            with BrokerProcess(state, {"REPO_URL": repo.file_url, VARIABLE: signed}) as broker:
                variables = {"SANDBOX_CACHE": BROKERED, "SANDBOX_BROKER": broker.url}
                done = run(
                    folder / f"bucket{number}",
                    "true",
                    repo.file_url,
                    SANDBOX_TIMEOUT="600",
                    **variables,
                )
            if done.report.cache != ("hit" if number else "miss"):
                raise RuntimeError(done.log)
            if number and done.report.dependency_seconds is not None:
                found.append(done.report.dependency_seconds)
    return found


def _install(repo: OriginRepo, folder: Path) -> float:
    subprocess.run(["git", "clone", "--quiet", repo.file_url, str(folder)], check=True)
    started_at = time.monotonic()
    command = ["npm", "ci", "--no-audit", "--no-fund", "--no-progress"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.monotonic() - started_at
