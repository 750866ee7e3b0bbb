"""Dependencies by the real tools from registries on loopback, in whole runs of the sandbox program."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.report import Phase, Verdict
from tests.parts.registries import Registry
from tests.sandbox.running import run
from tests.sandbox_project.managed_go import go
from tests.sandbox_project.project_repo import repo_of, two_runs

NODE = "node -p \"require('part-0')\" > said.txt; cat said.txt"


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry of packages on loopback."""
    with Registry() as found:
        yield found


@pytest.mark.npm
@pytest.mark.shows("installed", "npm")
@pytest.mark.shows("cache hit", "npm")
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


@pytest.mark.npm
def test_what_a_preparation_leaves_is_no_work_of_the_agent(
    tmp_path: Path, registry: Registry
) -> None:
    files = registry.npm_project({".claude-sandbox/setup": "echo made > 'made by [setup].txt'\n"})
    files[".gitignore"] = ""
    repo = repo_of(tmp_path, files)
    script = "git add -A; git status --porcelain; true"
    done = run(tmp_path / "run", script, repo.file_url)
    assert done.report.verdict is Verdict.NOTHING_CHANGED, done.log
    assert (done.workspace / "repo" / "node_modules" / "part-0").is_dir()


@pytest.mark.npm
def test_a_lockfile_that_cannot_be_installed_is_left_to_the_agent_and_told(
    tmp_path: Path, registry: Registry
) -> None:
    files = registry.npm_project({})
    lock = json.loads(files["package-lock.json"])
    lock["packages"][""]["dependencies"]["part-0"] = "2.0.0"
    files["package.json"] = files["package.json"].replace("1.0.0", "2.0.0")
    files["package-lock.json"] = json.dumps(lock)
    done = run(tmp_path / "run", "echo mended > mended", repo_of(tmp_path, files).file_url)
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert done.report.remark is not None
    assert done.report.remark.startswith("Dependencies of package-lock.json weren't installed:")
    assert "npm ci --no-audit --no-fund --no-progress failed (exit code 1)" in done.log


def test_a_missing_tool_is_told_and_no_failure(tmp_path: Path) -> None:
    files = {"mix.lock": "%{}\n", "mix.exs": ""}
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("git", "sh", "python3"):
        (programs / name).symlink_to(str(shutil.which(name)))
    path = str(programs)
    done = run(tmp_path / "run", "echo x > x", repo_of(tmp_path, files).file_url, PATH=path)
    assert done.report.verdict is Verdict.PUSHED
    assert done.report.remark == "Not installed, for want of mix in the image."


def test_a_repository_without_a_lockfile_sees_no_further_phase(tmp_path: Path) -> None:
    done = run(tmp_path / "run", "echo x > x", repo_of(tmp_path, {"a": "b"}).file_url)
    phases = [line.split()[1] for line in done.log.splitlines() if line.startswith("▶")]
    assert phases == ["environment", "clone", "agent", "deliver", "done"]


@pytest.mark.shows("installed", "pip")
@pytest.mark.shows("cache hit", "pip")
def test_a_python_project_finds_its_programs_also_in_another_folder(
    tmp_path: Path, registry: Registry
) -> None:
    registry.wheel("greeter", "def main():\n    print('hello from', __name__)\n")
    repo = repo_of(tmp_path, {"requirements.txt": "greeter==1.0\n"})
    index = {"PIP_INDEX_URL": f"{registry.url}/simple/", "PIP_CONFIG_FILE": "/dev/null"}
    index["SANDBOX_TIMEOUT"] = "150"  # its share is a third
    first, second = two_runs(tmp_path, repo, "greeter > said; cat said; which python", **index)
    assert [first.report.cache, second.report.cache] == ["miss", "hit"], first.log + second.log
    for done in (first, second):
        assert repo.read(str(done.report.branch), "said") == "hello from greeter\n"
        assert done.report.summary == str(done.workspace / "repo" / ".venv" / "bin" / "python")
        assert done.report.files == 1
    assert registry.asked == 1


@pytest.mark.go
@pytest.mark.shows("installed", "go")
@pytest.mark.shows("cache hit", "go")
def test_a_go_project_is_built_without_its_proxy_the_second_time(tmp_path: Path) -> None:
    made = go(tmp_path)
    repo = repo_of(tmp_path, made.files)
    variables = {**made.variables, "SANDBOX_TIMEOUT": "600"}
    first, second = two_runs(tmp_path, repo, "go vet . && go env GOMODCACHE", **variables)
    assert [first.report.cache, second.report.cache] == ["miss", "hit"], first.log + second.log
    assert second.report.summary == str(second.workspace / "repo-dependencies" / "go-root")
    third = run(
        tmp_path / "three",
        "go vet .",
        repo.file_url,
        **{**variables, "GOPROXY": "off"},
        SANDBOX_CACHE=str(tmp_path / "cache"),
    )
    assert third.report.verdict is Verdict.NOTHING_CHANGED, third.log


@pytest.mark.npm
def test_an_installation_that_hangs_leaves_the_agent_its_time(
    tmp_path: Path, registry: Registry
) -> None:
    files = registry.npm_project({})
    package = json.loads(files["package.json"])
    files["package.json"] = json.dumps({**package, "scripts": {"postinstall": "sleep 600"}})
    done = run(
        tmp_path / "run", "echo x > x", repo_of(tmp_path, files).file_url, SANDBOX_TIMEOUT="24"
    )
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert "took too long and was ended" in done.log


@pytest.mark.npm
def test_scripts_of_packages_get_no_key(tmp_path: Path, registry: Registry) -> None:
    files = registry.npm_project({})
    package = json.loads(files["package.json"])
    files["package.json"] = json.dumps({**package, "scripts": {"postinstall": "env > seen"}})
    keys = {"ANTHROPIC_API_KEY": "sk-ant-api03-held-held-held", "GITHUB_TOKEN": "ghp_held_held"}
    done = run(tmp_path / "run", "true", repo_of(tmp_path, files).file_url, **keys)
    seen = (done.workspace / "repo" / "seen").read_text()
    assert "held" not in seen
    assert "npm_lifecycle_event=postinstall" in seen
    assert done.report.phase is Phase.DONE


@pytest.mark.parametrize("odd", ["large", "link"])
def test_of_a_lockfile_that_can_not_be_read_whole_nothing_is_kept(
    tmp_path: Path, registry: Registry, odd: str
) -> None:
    """Two of them would else have the same entry, whatever they say."""
    registry.wheel("greeter", "def main(): pass\n")
    files = {"requirements.txt": "greeter==1.0\n", "requirements-more.txt": ""}
    if odd == "large":
        files["requirements.txt"] += "# far more than people write\n" * (3 << 20)
    repo = repo_of(tmp_path, files)
    if odd == "link":
        target = b"requirements.txt"
        head = b"commit refs/heads/main\ncommitter A <a@b.c> 1700000001 +0000\ndata 1\nx\n"
        link = b"from refs/heads/main^0\nM 120000 inline requirements-more.txt\ndata 16\n" + target
        stream = head + link + b"\ndone\n"
        command = ["git", "fast-import", "--quiet", "--done"]
        subprocess.run(command, cwd=repo.path, input=stream, check=True)
    index = {"PIP_INDEX_URL": f"{registry.url}/simple/", "PIP_CONFIG_FILE": "/dev/null"}
    done = run(
        tmp_path / "run",
        "greeter",
        repo.file_url,
        **index,
        SANDBOX_CACHE=str(tmp_path / "cache"),
        SANDBOX_TIMEOUT="600",
    )
    assert done.report.verdict is Verdict.NOTHING_CHANGED, done.log
    assert "not kept in the cache: requirements" in done.log
    assert not list(tmp_path.glob("cache/*"))
