"""The scripted agent as a real process in a copy of the demo project."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.agents import AgentResult
from sandbox.agents.choose import choose
from sandbox.agents.scripted import Script, read_task
from sandbox.question import closing_question
from sandbox.report import Cause
from sandbox.task import Assignment, Task

DEMO_PROJECT = Path(__file__).parents[2] / "cli" / "demo_project"
HOSTILE = '-x "$(id)" \\ {{7*7}}\n\n--\n● 😀'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A git clone of the demo project, with nothing uncommitted."""
    folder = tmp_path / "project"
    shutil.copytree(DEMO_PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__"))
    git(folder, "init", "--quiet", "-b", "main")
    git(folder, "config", "user.name", "Somebody")
    git(folder, "config", "user.email", "somebody@example.org")
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", "Start")
    return folder


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def changed(folder: Path) -> list[str]:
    return sorted(line[3:] for line in git(folder, "status", "--porcelain", "-uall").splitlines())


@contextmanager
def started(folder: Path, task: str) -> Iterator[subprocess.Popen[bytes]]:
    agent = choose(Assignment("run1", Task("file:///x", task), "scripted", "/report", "/w"), {})
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
    with subprocess.Popen(
        agent.command(),
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def work(folder: Path, task: str) -> tuple[list[str], AgentResult]:
    agent = choose(Assignment("run1", Task("file:///x", task), "scripted", "/report", "/w"), {})
    with started(folder, task) as process:
        assert process.stdout is not None
        lines = [line for row in process.stdout for line in agent.read(row)]
        return lines, agent.result(process.wait(timeout=120))


@pytest.mark.parametrize(
    ("task", "script"),
    [
        ("Add a FAREWELL, please", Script("farewell")),
        ("improve the readme", Script("readme")),
        ("change nothing", Script("nothing")),
        ("make it faster", Script("note")),
        ("", Script("note")),
        ("fail", Script("note", fails=True)),
        ("failure is no option", Script("note")),
        ("be slow", Script("note", wait_seconds=30)),
        ("wait 5 seconds, then a farewell", Script("farewell", wait_seconds=5)),
        ("stubborn, wait 2", Script("note", wait_seconds=2, stubborn=True)),
        ("stubborn", Script("note", wait_seconds=30, stubborn=True)),
        ("noise 200", Script("note", noise_megabytes=200)),
        ("farewell and commit", Script("farewell", commits=True)),
        ("ask before the farewell", Script("ask")),
        ("ask before the farewell\n\n--- The answer ---\n\n1", Script("farewell")),
    ],
)
def test_the_words_of_a_task_choose_what_is_done(task: str, script: Script) -> None:
    assert read_task(task) == script


def test_a_farewell_is_real_code_with_real_tests(project: Path) -> None:
    lines, result = work(project, "Add a farewell to the greeter")
    assert result == AgentResult(
        ended_well=True,
        summary="Added farewell(name) to greeter, with two tests; all 5 tests of the project pass.",
        cost_usd=0.0,
        input_tokens=0,
        output_tokens=0,
        turns=5,
        model="scripted",
    )
    assert "✎ Write greeter/__init__.py" in lines
    assert "$ python -m unittest discover -s tests" in lines
    assert changed(project) == ["greeter/__init__.py", "tests/test_farewell.py"]
    assert list(project.rglob("__pycache__")) == []
    says = "import greeter; print(greeter.farewell('Ada'), greeter.__all__)"
    done = subprocess.run(
        [sys.executable, "-Bc", says], cwd=project, capture_output=True, text=True
    )
    assert done.stdout == "Goodbye, Ada! ['farewell', 'greet']\n"


def test_a_farewell_that_is_there_already_changes_nothing_more(project: Path) -> None:
    work(project, "farewell and commit")
    _, result = work(project, "farewell")
    assert result.summary.startswith("greeter has farewell(name) already; all 5 tests")
    assert changed(project) == []


def test_a_question_changes_nothing_and_is_taken_for_one(project: Path) -> None:
    _, result = work(project, "ask me first")
    assert result.ended_well
    assert closing_question(result.summary, changed=False) == (
        "Which one shall it be?\n\n1. formally\n2. casually"
    )
    assert changed(project) == []


def test_tests_that_fail_are_told_in_the_summary(project: Path) -> None:
    (project / "tests" / "test_broken.py").write_text("import nothing_that_exists\n")
    lines, result = work(project, "farewell")
    assert "the project's tests fail: FAILED (errors=1)" in result.summary
    ran = lines.index("$ python -m unittest discover -s tests")
    assert lines[ran + 1].startswith("  ERROR: test_")
    assert "  FAILED (errors=1)" in lines[ran:]


def test_the_readme_gets_what_it_lacks_once(project: Path) -> None:
    work(project, "improve the README and commit")
    assert "python -m unittest" in (project / "README.md").read_text()
    _, result = work(project, "improve the README")
    assert (result.ended_well, changed(project)) == (True, [])


def test_nothing_changes_nothing(project: Path) -> None:
    _, result = work(project, "change nothing")
    assert (result.ended_well, changed(project)) == (True, [])


@pytest.mark.parametrize("task", ["make it faster", HOSTILE, "line\r\nline"])
def test_any_other_task_is_noted_as_it_is(project: Path, task: str) -> None:
    _, result = work(project, task)
    assert (result.ended_well, changed(project)) == (True, ["NOTES.md"])
    noted = (project / "NOTES.md").read_bytes().decode()
    assert noted == "# Notes\n\n- " + task.replace("\n", "\n  ") + "\n"


def test_notes_of_any_bytes_are_kept(project: Path) -> None:
    (project / "NOTES.md").write_bytes(b"\xff old\r\n")
    work(project, "new")
    assert (project / "NOTES.md").read_bytes() == b"\xff old\r\n\n- new\n"


def test_a_failing_task_has_done_its_edit_and_says_why(project: Path) -> None:
    _, result = work(project, "add a farewell, then fail")
    assert (result.ended_well, result.cause) == (False, Cause.AGENT_FAILED)
    assert result.error == "The task asked for a failure, and here it is."
    assert "greeter/__init__.py" in changed(project)


def test_it_commits_only_when_asked(project: Path) -> None:
    work(project, "farewell and commit")
    assert changed(project) == []
    assert git(project, "log", "--format=%s").splitlines() == ["Do the task", "Start"]


def test_a_module_of_the_clone_cannot_take_the_agents_place(project: Path) -> None:
    for name in ("sandbox.py", "json.py", "re.py"):
        (project / name).write_text("raise SystemExit('taken over')\n")
    _, result = work(project, "change nothing")
    assert result.ended_well


def test_waiting_is_a_step_per_second_after_the_edit_and_ends_with_sigterm(project: Path) -> None:
    with started(project, "wait 30") as process:
        read_until(process, b"Waiting, 1 of 30 s")
        assert changed(project) == ["NOTES.md"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == -signal.SIGTERM


def test_a_stubborn_agent_outlives_sigterm_fault_37(project: Path) -> None:
    with started(project, "stubborn, wait 60") as process:
        read_until(process, b"Waiting, 1 of 60 s")
        process.send_signal(signal.SIGTERM)
        read_until(process, b"Waiting, 2 of 60 s")
        assert process.poll() is None


def test_noise_is_as_long_as_asked_and_then_the_edit_is_done(project: Path) -> None:
    lines, result = work(project, "noise 1, then change nothing")
    noise = [line for line in lines if line.startswith("noise ")]
    assert sum(len(line) + 1 for line in noise) == 1_000_000
    assert result.ended_well


def read_until(process: subprocess.Popen[bytes], words: bytes) -> None:
    assert process.stdout is not None
    assert any(words in row for row in process.stdout), "the agent ended before it said so"
