"""Dependencies by the real tools from registries on loopback, in whole runs of the sandbox program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.report import Verdict
from tests.parts.git_server import OriginRepo
from tests.parts.registries import Registry
from tests.sandbox.running import Finished, run

NODE = "node -p \"require('part-0')\" > said.txt; cat said.txt"


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry of packages on loopback."""
    with Registry() as found:
        yield found


def repo_of(folder: Path, files: dict[str, str]) -> OriginRepo:
    path = folder / "origin.git"
    repo = OriginRepo(path, path.as_uri())
    repo.make(files)
    return repo


def two_runs(folder: Path, repo: OriginRepo, script: str, **variables: str) -> list[Finished]:
    variables["SANDBOX_CACHE"] = str(folder / "cache")
    return [
        run(folder / name, script, repo.file_url, **variables, SANDBOX_RUN=name)
        for name in ("one", "two")
    ]


def test_a_node_project_is_installed_once_and_then_comes_from_the_cache(
    tmp_path: Path, registry: Registry
) -> None:
    repo = repo_of(tmp_path, registry.npm_project({"README.md": "x"}))
    first, second = two_runs(tmp_path, repo, NODE)
    assert "▶ dependencies package-lock.json" in first.log, first.log
    assert (first.report.cache, first.report.verdict) == ("miss", Verdict.PUSHED), first.log
    assert (second.report.cache, second.report.verdict) == ("hit", Verdict.PUSHED), second.log
    assert registry.asked == 1
    assert [done.report.files for done in (first, second)] == [1, 1]
    assert first.report.summary == second.report.summary == "part-0 speaks"
