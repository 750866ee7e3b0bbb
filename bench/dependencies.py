"""The dependencies of a Node project of 300 packages: from the cache, against `npm ci` from a registry next door."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import time
from pathlib import Path

from bench.figure import Figure, at_most, spread
from tests.parts.git_server import OriginRepo
from tests.parts.registries import Registry
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
    share = statistics.median(hits) / statistics.median(plain)
    what = f"dependencies of {PACKAGES} npm packages, {PACKAGES * FILES} files"
    return [
        at_most(f"{what}: cache hit / npm ci", share, SHARE, ""),
        Figure("… hit", spread(hits, "s")),
        Figure("… npm ci alone", spread(plain, "s")),
        Figure("… miss, with the entry written", f"{first.report.dependency_seconds:.2f} s"),
    ]


def _install(repo: OriginRepo, folder: Path) -> float:
    subprocess.run(["git", "clone", "--quiet", repo.file_url, str(folder)], check=True)
    started_at = time.monotonic()
    command = ["npm", "ci", "--no-audit", "--no-fund", "--no-progress"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.monotonic() - started_at
