"""What a git folder stands for, and what of it a run won't see."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.checkout import Checkout, Source, without_login
from cli.exits import Failure
from tests.parts.git_server import TOKEN, GitServer, OriginRepo, run_git


@pytest.fixture
def origin(git_server: GitServer) -> OriginRepo:
    return git_server.create("demo", {"README.md": "# Demo\n"})


@pytest.fixture
def clone(origin: OriginRepo, tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    run_git(None, "clone", "--quiet", with_login(origin.url), str(folder))
    return folder


def with_login(url: str) -> str:
    return url.replace("http://", f"http://x-access-token:{TOKEN}@")


def commit(folder: Path) -> None:
    (folder / "more.txt").write_text("more\n")
    run_git(folder, "add", ".")
    run_git(folder, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "More")


def seen(folder: Path, ref: str | None = None) -> Source:
    return Checkout(folder, {**os.environ, "HOME": str(folder.parent)}).source(ref)


def test_a_clean_clone_is_its_remote_and_its_branch_and_its_login_stays_here(
    clone: Path, origin: OriginRepo
) -> None:
    found = seen(clone)
    assert (found.url, found.branch) == (origin.url, "main")
    assert [warning.partition(" in ")[0] for warning in found.warnings] == ["The login"]


def test_what_is_not_pushed_and_not_committed_is_said(clone: Path) -> None:
    commit(clone)
    commit_twice = clone / "again.txt"
    commit_twice.write_text("x")
    (clone / "README.md").write_text("changed\n")
    said = "\n".join(seen(clone).warnings)
    assert "1 commit isn't pushed" in said
    assert "2 files have changes that aren't committed" in said


def test_a_branch_that_is_not_on_the_remote_means_the_default_branch_which_is_said(
    clone: Path,
) -> None:
    run_git(clone, "switch", "-qc", "mine")
    found = seen(clone)
    assert found.branch is None
    assert "mine isn't on origin" in "\n".join(found.warnings)
    assert "git push -u origin mine" in "\n".join(found.warnings)


def test_a_branch_is_called_as_the_remote_calls_it(clone: Path) -> None:
    run_git(clone, "switch", "-qc", "mine", "--track", "origin/main")
    assert seen(clone).branch == "main"


def test_commits_of_others_that_are_not_here_are_said(clone: Path, origin: OriginRepo) -> None:
    origin.commit({"other.txt": "x"}, "Other")
    assert "has commits of main that aren't here" in "\n".join(seen(clone).warnings)


def test_a_remote_that_does_not_answer_is_taken_as_it_was_seen_last(clone: Path) -> None:
    run_git(clone, "remote", "set-url", "origin", "http://127.0.0.1:1/demo.git")
    found = seen(clone)
    assert found.branch == "main"
    assert "can't be asked from here" in "\n".join(found.warnings)


def test_the_branch_that_is_named_counts_also_where_none_is_checked_out(clone: Path) -> None:
    run_git(clone, "checkout", "-q", "--detach")
    assert seen(clone, "main").branch == "main"


def nowhere(folder: Path) -> None:
    for path in sorted((folder / ".git").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def detached(folder: Path) -> None:
    run_git(folder, "checkout", "-q", "--detach")


def without_remote(folder: Path) -> None:
    run_git(folder, "remote", "remove", "origin")


def of_a_folder(folder: Path) -> None:
    run_git(folder, "remote", "set-url", "origin", "/srv/git/demo.git")


def of_several(folder: Path) -> None:
    run_git(folder, "remote", "add", "one", "https://git.example/a/b")
    run_git(folder, "remote", "add", "two", "https://git.example/c/d")
    run_git(folder, "remote", "remove", "origin")


@pytest.mark.parametrize(
    ("spoil", "what", "advice"),
    [
        (nowhere, "isn't a git folder", "--repo owner/name"),
        (detached, "detached HEAD", "--ref BRANCH"),
        (without_remote, "has no remote", "git remote add origin URL"),
        (of_a_folder, "is a folder of this machine", "--repo owner/name"),
        (of_several, "Which remote? There are: one, two", "--repo owner/name"),
    ],
)
def test_a_folder_that_stands_for_nothing_is_told_with_what_to_do(
    clone: Path, spoil: Callable[[Path], None], what: str, advice: str
) -> None:
    spoil(clone)
    with pytest.raises(Failure) as caught:
        seen(clone)
    assert what in caught.value.what
    assert advice in caught.value.advice


def test_without_git_the_repository_has_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="git isn't installed"):
        Checkout(tmp_path, {"PATH": str(tmp_path)}).source(None)


def test_a_program_that_hangs_is_not_waited_for_for_ever(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*arguments: object, **_: object) -> subprocess.CompletedProcess[str]:
        raise subprocess.TimeoutExpired("git", 20)

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(Failure, match="isn't a git folder"):
        seen(clone)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://ada:secret@git.example/a/b.git", "https://git.example/a/b.git"),
        ("HTTPS://token@git.example/a/b", "HTTPS://git.example/a/b"),
        ("https://git.example/a@b/c", "https://git.example/a@b/c"),
        ("git@git.example:a/b.git", "git@git.example:a/b.git"),
        ("ssh://git@git.example/a/b", "ssh://git@git.example/a/b"),
    ],
)
def test_only_the_login_of_a_web_address_is_left_out(url: str, expected: str) -> None:
    assert without_login(url) == (expected, without_login(url)[1])
    assert bool(without_login(url)[1]) == (url != expected)
