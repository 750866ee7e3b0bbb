"""The setup of a repository and the services beside it, in whole runs of the sandbox program."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from sandbox.report import Cause, Phase, Verdict
from sandbox.setup import find_setup
from tests.sandbox.running import run, start
from tests.sandbox_project.project_repo import repo_of

KEYS = {"ANTHROPIC_API_KEY": "sk-ant-api03-held-held-held", "GITHUB_TOKEN": "ghp_held_held_held"}


def test_a_setup_runs_before_the_agent_in_the_clone_without_any_key(tmp_path: Path) -> None:
    repo = repo_of(tmp_path, {".claude-sandbox/setup": "pwd > ../where; env > ../seen; exit 0\n"})
    done = run(tmp_path / "run", "cat ../where", repo.file_url, **KEYS)
    assert "▶ setup .claude-sandbox/setup" in done.log
    assert done.report.summary == str(done.workspace / "repo")
    assert "held" not in (done.workspace / "seen").read_text()


def test_the_setup_of_the_repos_own_file_is_a_shell_command_that_ends_at_its_first_failure(
    tmp_path: Path,
) -> None:
    setup = "echo one > ../one\nfalse\necho two > ../two"
    repo = repo_of(tmp_path, {"a": "b"})
    done = run(tmp_path / "run", "true", repo.file_url, SANDBOX_SETUP=setup)
    assert (done.report.verdict, done.report.cause) == (Verdict.FAILED, Cause.SETUP_FAILED)
    assert (done.workspace / "one").exists() and not (done.workspace / "two").exists()


def test_a_setup_that_fails_ends_the_run_with_the_lines_that_prove_it(tmp_path: Path) -> None:
    script = "echo working\necho 'psql: error: connection refused' >&2\nexit 3\n"
    repo = repo_of(tmp_path, {".claude-sandbox/setup": script})
    done = run(tmp_path / "run", "echo never > never", repo.file_url)
    report = done.report
    assert (done.exit_code, report.verdict, report.phase) == (1, Verdict.FAILED, Phase.SETUP)
    assert report.cause is Cause.SETUP_FAILED
    assert "failed (exit code 3)" in str(report.error)
    assert "psql: error: connection refused" in str(report.error)
    assert "▶ agent" not in done.log


def test_a_setup_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    script = "(sleep 300; echo late > ../late) & sleep 301\n"
    repo = repo_of(tmp_path, {".claude-sandbox/setup": script})
    done = run(tmp_path / "run", "true", repo.file_url, SANDBOX_TIMEOUT="15", GRACE="0.2")
    assert done.report.cause is Cause.SETUP_FAILED
    assert "took too long and was ended" in str(done.report.error)


def test_a_run_that_is_stopped_in_its_setup_says_so(tmp_path: Path) -> None:
    repo = repo_of(tmp_path, {".claude-sandbox/setup": "touch ../begun; sleep 300\n"})
    started = start(tmp_path / "run", "true", repo.file_url, GRACE="0.2")
    started.wait_for((started.workspace / "begun").exists)
    started.process.terminate()
    assert started.finish().report.cause is Cause.CANCELLED


@pytest.mark.parametrize(
    ("names", "url", "found"),
    [
        (["bin/rails", "config.ru"], "postgres://localhost/x", "bin/rails db:prepare"),
        (["bin/rails", "config.ru"], "mysql2://localhost/x", "bin/rails db:prepare"),
        (["bin/rails", "config.ru"], "", None),
        (["bin/rails", "config.ru"], "redis://localhost", None),
        (["bin/rails"], "postgres://localhost/x", None),
        (["config.ru"], "postgres://localhost/x", None),
        (
            ["bin/rails", "config.ru", ".claude-sandbox/setup"],
            "postgres://localhost/x",
            ".claude-sandbox/setup",
        ),
    ],
)
def test_rails_prepares_its_database_where_there_is_one(
    tmp_path: Path, names: list[str], url: str, found: str | None
) -> None:
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    setup = find_setup(tmp_path, None, {"DATABASE_URL": url})
    assert (setup and setup.name) == found


def test_a_guess_of_ours_that_fails_is_told_and_left_to_the_agent(tmp_path: Path) -> None:
    files = {"bin/rails": "#!/bin/sh\necho 'PG::ConnectionBad' >&2; exit 1\n", "config.ru": ""}
    repo = repo_of(tmp_path, files)
    script = (
        "git update-index --chmod=+x bin/rails && git commit -qm x && git push -q origin HEAD:main"
    )
    assert run(tmp_path / "one", script, repo.file_url).report.verdict is not Verdict.FAILED
    url = "postgres://localhost:1/x"
    done = run(tmp_path / "two", "echo x > x", repo.file_url, DATABASE_URL=url)
    assert done.report.verdict is Verdict.PUSHED
    assert done.report.remark == "bin/rails db:prepare failed; the agent works without."
    assert "PG::ConnectionBad" in done.log


def test_services_are_waited_for_and_the_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    repo = repo_of(tmp_path, {"a": "b"})
    with socket.create_server(("127.0.0.1", 0)) as there, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        here, gone = there.getsockname()[1], bound.getsockname()[1]
        good = {"SANDBOX_SERVICES": f"mongodb:{here}"}
        done = run(tmp_path / "one", "echo x > x", repo.file_url, **good)
        assert re.search(r"▶ services mongodb\n.*ready after [0-9.]+ s", done.log)
        assert done.report.verdict is Verdict.PUSHED
        bad = {
            "SANDBOX_SERVICES": f"mongodb:{here} postgres:{gone}",
            "SANDBOX_SERVICES_SECONDS": "1",
        }
        done = run(tmp_path / "two", "echo x > x", repo.file_url, **bad)
    assert done.report.cause is Cause.SERVICE_UNREACHABLE
    assert done.report.error == f"postgres (127.0.0.1:{gone}): Connection refused"
    assert re.search(r"not ready after [0-9]+ s", done.log)
