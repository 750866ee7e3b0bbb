"""Why there is no clone: told apart, in git's own words."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.clone import cause_of
from sandbox.git import GitFailed
from sandbox.report import Cause, Phase, Report, Verdict
from sandbox.task import Task
from tests.parts.git_server import GitServer, OriginRepo
from tests.sandbox.running import Finished, run


def assert_failed(done: Finished, cause: Cause, words: str) -> Report:
    report = done.report
    assert (done.exit_code, report.verdict, report.phase) == (1, Verdict.FAILED, Phase.CLONE), (
        done.log
    )
    assert report.cause is cause
    assert words in (report.error or "")
    assert report.pushed is False
    return report


@pytest.mark.parametrize("token", ["", "ghp_thisIsTheWrongToken0000000"])
def test_no_token_or_a_wrong_one(token: str, origin_repo: OriginRepo, tmp_path: Path) -> None:
    done = run(tmp_path / "run", "true", origin_repo.url, GITHUB_TOKEN=token)
    assert_failed(done, Cause.CLONE_AUTH, "")
    assert not token or token not in done.log


def test_a_server_that_forbids(
    git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    git_server.answers["/small.git"] = (403, {})
    done = run(tmp_path / "run", "true", origin_repo.url, GITHUB_TOKEN=git_server.token)
    assert_failed(done, Cause.CLONE_AUTH, "403")


def test_a_repository_that_isnt_there(git_server: GitServer, tmp_path: Path) -> None:
    url = git_server.repo_url("nothing")
    done = run(tmp_path / "run", "true", url, GITHUB_TOKEN=git_server.token)
    assert_failed(done, Cause.CLONE_NOT_FOUND, "not found")


@pytest.mark.parametrize(
    "name", ["nothing.git", "Authentication failed", "No space left on device"]
)
def test_a_folder_that_isnt_there(name: str, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/{name}"
    assert_failed(run(tmp_path / "run", "true", url), Cause.CLONE_NOT_FOUND, name)


@pytest.mark.parametrize(
    "branch", ["a", "repository not found", "--upload-pack=x", "refs/heads/main"]
)
def test_a_branch_that_isnt_there(branch: str, file_repo: OriginRepo, tmp_path: Path) -> None:
    done = run(tmp_path / "run", "true", file_repo.file_url, REPO_BRANCH=branch)
    assert_failed(done, Cause.CLONE_BRANCH, branch)


def test_a_server_that_isnt_there(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/small.git"
        assert_failed(run(tmp_path / "run", "true", url), Cause.CLONE_NETWORK, "Failed to connect")


@pytest.fixture
def answering_rubbish() -> Iterator[str]:
    """The address of a server that accepts connections and closes them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1000)
                    connection.sendall(b"rubbish\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/small.git"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_a_server_that_answers_rubbish(answering_rubbish: str, tmp_path: Path) -> None:
    assert_failed(
        run(tmp_path / "run", "true", answering_rubbish), Cause.CLONE_NETWORK, "unable to access"
    )


@pytest.mark.parametrize("status", [500, 502])
def test_a_server_in_trouble(
    status: int, git_server: GitServer, origin_repo: OriginRepo, tmp_path: Path
) -> None:
    git_server.answers["/small.git"] = (status, {})
    done = run(tmp_path / "run", "true", origin_repo.url, GITHUB_TOKEN=git_server.token)
    assert_failed(done, Cause.CLONE_NETWORK, str(status))


def test_a_clone_is_never_made_over_something_that_is_there(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    taken = tmp_path / "run" / "workspace" / "repo"
    taken.mkdir(parents=True)
    (taken / "precious").write_text("x")
    done = run(tmp_path / "run", "echo 1 > one; pwd > ../where", file_repo.file_url)
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert (done.workspace / "where").read_text().strip() != str(taken)
    assert (taken / "precious").read_text() == "x"


def test_the_agent_sees_the_whole_history_on_a_branch_of_the_run(
    file_repo: OriginRepo, tmp_path: Path
) -> None:
    for number in range(3):
        file_repo.commit({"n": str(number)}, f"Number {number}")
    script = "git log --oneline | wc -l > ../count; git rev-parse --abbrev-ref HEAD > ../branch; git status --short > ../status"
    done = run(tmp_path / "run", script, file_repo.file_url)
    assert (done.workspace / "count").read_text().strip() == "4"
    assert (done.workspace / "branch").read_text().strip() == "claude/abcd2345-mend-the-roof"
    assert (done.workspace / "status").read_text() == ""


@pytest.mark.parametrize(
    ("errors", "cause"),
    [
        ("fatal: write error: No space left on device\nfatal: fetch-pack failed", Cause.DISK_FULL),
        (
            "git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.",
            Cause.CLONE_AUTH,
        ),
        (
            "Host key verification failed.\nfatal: Could not read from remote repository.",
            Cause.CLONE_AUTH,
        ),
        (
            "ssh: connect to host x port 22: Connection timed out\nfatal: Could not read from remote repository.",
            Cause.CLONE_NETWORK,
        ),
        (
            "ERROR: Repository not found.\nfatal: Could not read from remote repository.",
            Cause.CLONE_NOT_FOUND,
        ),
        (
            "remote: Repository not found.\nfatal: repository 'https://github.com/a/b/' not found",
            Cause.CLONE_NOT_FOUND,
        ),
        ("fatal: unable to access 'https://x/': Could not resolve host: x", Cause.CLONE_NETWORK),
        (
            "error: RPC failed; curl 92 HTTP/2 stream 0 was not closed cleanly\nfatal: early EOF",
            Cause.CLONE_NETWORK,
        ),
        ("fatal: transport 'ext' not allowed", Cause.CLONE_FAILED),
        ("fatal: something new", Cause.CLONE_FAILED),
    ],
)
def test_gits_words_name_the_cause(errors: str, cause: Cause) -> None:
    task = Task("https://github.com/a/b", "mend the roof", branch="main")
    assert cause_of(GitFailed(errors), task) is cause


def test_gits_own_last_lines_are_the_error_without_the_token(tmp_path: Path) -> None:
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(
        "#!/bin/sh\nprintf 'progress 1%%\\rprogress 2%%\\nfatal: new: %s' $GITHUB_TOKEN >&2; exit 128\n"
    )
    fake.chmod(0o755)
    path = f"{fake.parent}:/usr/bin:/bin"
    done = run(
        tmp_path / "run", "true", "https://127.0.0.1/x", PATH=path, GITHUB_TOKEN="secret-secret"
    )
    assert_failed(done, Cause.CLONE_FAILED, "fatal: new: [redacted]")
    assert "progress 1%" not in (done.report.error or "")
