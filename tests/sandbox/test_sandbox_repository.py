"""A repository that works against its reader: what it brings along is files to us, and nothing that runs or is fetched."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sandbox.report import Verdict
from tests.parts.git_server import GitServer, OriginRepo, run_git
from tests.sandbox.running import run

BRANCH = "claude/abcd2345-mend-the-roof"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home whose git obeys: filters, hooks, templates and submodules as a repository would like to have them."""
    home = tmp_path / "run"
    home.mkdir()
    program = home / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung-$(basename $0)\nexec cat\n")
    program.chmod(0o755)
    for name in ("smudge", "clean", "process", "textconv", "editor"):
        (home / name).symlink_to(program)
    for folder in ("hooks", "template/hooks"):
        (home / folder).mkdir(parents=True)
        for hook in ("post-checkout", "pre-commit", "pre-push", "reference-transaction"):
            (home / folder / hook).symlink_to(program)
    (home / ".gitconfig").write_text(
        f'[filter "lfs"]\n smudge = {home}/smudge\n clean = {home}/clean\n required = true\n'
        f'[diff "x"]\n textconv = {home}/textconv\n'
        f"[core]\n hooksPath = {home}/hooks\n editor = {home}/editor\n"
        f"[init]\n templateDir = {home}/template\n"
        "[submodule]\n recurse = true\n[protocol]\n allow = always\n"
    )
    return home


def hostile_files(server: GitServer) -> dict[str, str]:
    return {
        ".gitattributes": "*.bin filter=lfs diff=x -text\n",
        "asset.bin": POINTER,
        ".lfsconfig": f"[lfs]\n url = {server.url}/lfs\n",
        ".gitmodules": f'[submodule "m"]\n path = m\n url = {server.repo_url("inner")}\n',
        ".gitconfig": "[core]\n hooksPath = hooks\n",
        "hooks/post-checkout": "#!/bin/sh\ntouch ../sprung-own\n",
        ".husky/pre-commit": "#!/bin/sh\ntouch ../sprung-husky\n",
        "README.md": "x\n",
    }


def with_submodule(origin: OriginRepo, inner: OriginRepo, folder: Path) -> None:
    """Add the entry of a submodule, which only a work tree can have."""
    work = folder / "work"
    run_git(None, "clone", "-q", str(origin.path), str(work))
    commit = inner.branches()["main"]
    run_git(work, "update-index", "--add", "--cacheinfo", f"160000,{commit},m")
    run_git(work, "commit", "-qm", "Add a submodule")
    run_git(work, "push", "-q", "origin", "HEAD:main")


def test_no_hook_filter_submodule_or_lfs_of_a_repository_runs_at_clone_or_delivery(
    git_server: GitServer, home: Path, tmp_path: Path
) -> None:
    inner = git_server.create("inner", {"x": "y"})
    origin = git_server.create("hostile", hostile_files(git_server))
    with_submodule(origin, inner, tmp_path)
    script = "cp asset.bin ../seen; ls -A m > ../module; echo 2 > two.bin; rm README.md"
    done = run(home, script, origin.url, GITHUB_TOKEN=git_server.token)
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert sorted(path.name for path in tmp_path.rglob("sprung-*")) == []
    assert (done.workspace / "seen").read_text() == POINTER
    assert (done.workspace / "module").read_text() == ""
    assert {request.path.split("/")[1] for request in git_server.requests} == {"hostile.git"}
    assert origin.read(BRANCH, "asset.bin") == POINTER
    assert origin.read(BRANCH, "two.bin") == "2\n"
    listed = run_git(origin.path, "ls-tree", BRANCH, "m")
    assert listed.startswith("160000 commit"), "the submodule's entry stays as it was"


def test_the_same_home_springs_every_trap_for_a_git_that_asks_it(
    git_server: GitServer, home: Path, tmp_path: Path
) -> None:
    origin = git_server.create("hostile", hostile_files(git_server))
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(
        ["git", "clone", "-q", str(origin.path), str(tmp_path / "plain")],
        env=environment,
        check=True,
        capture_output=True,
    )
    sprung = {path.name for path in tmp_path.rglob("sprung-*")}
    assert {"sprung-smudge", "sprung-post-checkout"} <= sprung


def test_the_agents_own_git_finds_no_hook_and_no_filter_of_the_repository(
    git_server: GitServer, tmp_path: Path
) -> None:
    origin = git_server.create("hostile", hostile_files(git_server))
    script = (
        "ls .git/hooks > ../hooks 2>&1; git config --list --local > ../config;"
        " echo 1 > one; git add -A; git commit -qm One; git checkout -q -b other"
    )
    done = run(tmp_path / "run", script, origin.url, GITHUB_TOKEN=git_server.token)
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert "pre-commit" not in (done.workspace / "hooks").read_text()
    config = (done.workspace / "config").read_text()
    assert [line for line in config.splitlines() if line.startswith(("filter", "core.hooks"))] == []
    assert list(tmp_path.rglob("sprung-*")) == []


def test_an_address_that_isnt_kept_behind_two_dashes_runs_a_program(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    sprung = tmp_path / "sprung"
    address = f"--upload-pack=touch {sprung};"
    for command in (["ls-remote", "--", address], ["ls-remote", address, str(file_repo.path)]):
        subprocess.run(["git", *command], cwd=tmp_path, capture_output=True)
        assert sprung.exists() is ("--" not in command)
