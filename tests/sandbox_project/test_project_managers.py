"""Each package manager itself: installed from its lockfile once, and the second run has it without its registry."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.parts.package_managers import path
from tests.parts.registries import Registry
from tests.sandbox.running import run
from tests.sandbox_project import managed_jvm
from tests.sandbox_project import managed_projects as made
from tests.sandbox_project.managed_projects import SAID, Managed
from tests.sandbox_project.project_repo import repo_of

Make = Callable[[Path, Registry], Managed]


def managed(make: Make, row: str, tool: str) -> ParameterSet:
    """Mark a manager's case with what it needs and what it shows."""
    marks = [
        getattr(pytest.mark, tool),
        pytest.mark.shows("installed", row),
        pytest.mark.shows("cache hit", row),
    ]
    return pytest.param(make, marks=marks, id=row)


@pytest.mark.parametrize(
    "make",
    [
        managed(made.bundler, "bundler", "bundle"),
        managed(made.npm, "npm", "npm"),
        managed(made.pnpm, "pnpm", "pnpm"),
        managed(made.yarn, "yarn", "yarn"),
        managed(made.yarn_2, "yarn 2", "yarn"),
        pytest.param(made.yarn_2_with_its_own_cache, marks=pytest.mark.yarn, id="yarn 2 inside"),
        managed(made.uv, "uv", "uv"),
        managed(made.poetry, "poetry", "poetry"),
        managed(made.cargo, "cargo", "cargo"),
        managed(managed_jvm.maven, "maven", "mvn"),
        managed(managed_jvm.gradle, "gradle", "gradle"),
        managed(made.composer, "composer", "composer"),
        managed(made.mix, "mix", "mix"),
    ],
)
def test_a_project_is_installed_from_its_lockfile_and_then_comes_from_the_cache_without_its_registry(
    tmp_path: Path, make: Make
) -> None:
    with Registry() as registry:
        project = make(tmp_path, registry)
        repo = repo_of(tmp_path, project.files)
        variables = {**project.variables, "PATH": path(), "SANDBOX_TIMEOUT": "900"}
        variables["SANDBOX_CACHE"] = str(tmp_path / "cache")
        first = run(tmp_path / "one", project.script, repo.file_url, **variables)
    assert (first.report.cache, first.report.summary) == ("miss", SAID), first.log
    assert first.report.remark is None, first.log
    for gone in ("one", "greet", "source"):
        shutil.rmtree(tmp_path / gone, ignore_errors=True)
    second = run(
        tmp_path / ("one" if project.stays else "two"), project.script, repo.file_url, **variables
    )
    assert (second.report.cache, second.report.summary) == ("hit", SAID), second.log
    assert (first.report.files or 0, second.report.files or 0) == (0, 0), second.log
