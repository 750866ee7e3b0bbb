"""Small repositories for runs of the sandbox program, and two runs of one after the other."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.parts.git_server import OriginRepo
from tests.sandbox.running import Finished, run


def repo_of(folder: Path, files: Mapping[str, str]) -> OriginRepo:
    """Return a new repository with these files."""
    path = folder / "origin.git"
    repo = OriginRepo(path, path.as_uri())
    repo.make(files)
    return repo


def two_runs(folder: Path, repo: OriginRepo, script: str, **variables: str) -> list[Finished]:
    """Run twice with one cache, as the runs `one` and `two`; the second finds nothing of the first's workspace."""
    variables["SANDBOX_CACHE"] = str(folder / "cache")
    first = run(folder / "one", script, repo.file_url, **variables, SANDBOX_RUN="one")
    shutil.rmtree(first.workspace)
    second = run(folder / "two", script, repo.file_url, **variables, SANDBOX_RUN="two")
    return [first, second]
