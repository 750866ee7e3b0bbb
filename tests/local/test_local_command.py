"""`claude-sandbox local` as a bare process, from a git folder: what it prints, how it ends, and that nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest

from cli.exits import Failure
from cli.local.command import Wish, run_local
from cli.local.way import With
from cli.screen import Screen
from tests.parts.git_server import OriginRepo, run_git

LIMIT_SECONDS = 240.0
AT_ONCE_SECONDS = 60.0
"""Less than the 90 s that a run has to push what it has, and a hundred times what its end takes."""


class Folder:
    """A clone, in which the command is given."""

    def __init__(self, origin: OriginRepo, folder: Path) -> None:
        self.origin = origin
        self.path = folder / "clone"
        self.state = folder / "state" / "command-line"
        run_git(None, "clone", "--quiet", str(origin.path), str(self.path))
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "HOME": str(folder),
            "SANDBOX_STATE": str(folder / "state"),
            "SANDBOX_AGENT": "scripted",
        }

    def start(
        self, *arguments: str, output: IO[str] | int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        bare = () if "--compose" in arguments else ("--bare",)
        return subprocess.Popen(
            [sys.executable, "-m", "cli", "local", *bare, *arguments],
            cwd=self.path,
            env=self.environment,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=LIMIT_SECONDS)
        return process.returncode, out, err

    def tell(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Give another command, as from another terminal."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=LIMIT_SECONDS,
        )

    @property
    def left(self) -> list[str]:
        folders = ("runs", "new", "trash")
        return [path.name for name in folders for path in (self.state / name).iterdir()]


@pytest.fixture
def folder(file_repo: OriginRepo, tmp_path: Path) -> Folder:
    return Folder(file_repo, tmp_path)


def test_the_log_comes_as_it_is_printed_and_then_the_end_in_the_words_of_the_chat(
    folder: Folder,
) -> None:
    code, out, _ = folder.run("add a readme and commit it")
    assert code == 0
    assert out.index("▶ clone") < out.index("▶ agent") < out.index("✅ Done")
    (branch,) = set(folder.origin.branches()) - {folder.origin.branch}
    assert f"🌿 {branch}" in out
    run_git(folder.path, "fetch", "--quiet", "--all")
    assert out.rstrip().endswith(f"git fetch --all && git switch {branch}")
    run_git(folder.path, "switch", "--quiet", branch)
    assert folder.left == []
    (log,) = (folder.state / "kept").glob("*.log")
    assert out.startswith(log.read_text())
    assert log.read_text().splitlines()[-1].startswith("▶ done pushed")


def test_a_script_gets_one_json_value_and_the_log_beside_it(folder: Folder) -> None:
    code, out, err = folder.run("fail", "--json", "--memory", "8Gi")
    told = json.loads(out)
    assert (code, told["ending"], told["with"]) == (1, "failed", "bare")
    assert told["branch"] in folder.origin.branches()
    assert "▶ agent" in err
    assert "A plain process has none of its own: --memory." in err


def test_ctrl_c_pushes_what_there_is_and_says_so(folder: Folder) -> None:
    process = folder.start("wait 300", "--json")
    assert process.stderr is not None
    assert any(line.startswith("│ ✎") for line in process.stderr)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT_SECONDS)
    told = json.loads(out)
    assert (process.returncode, told["ending"]) == (130, "cancelled")
    assert "Stopping: what the agent has done so far, if anything, is pushed." in err
    assert told["branch"] in folder.origin.branches()
    assert folder.left == []


def test_a_second_ctrl_c_ends_it_while_what_it_has_is_pushed(folder: Folder) -> None:
    hook = folder.origin.path / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexec sleep 600\n")
    hook.chmod(0o755)
    process = folder.start("wait 300", "--json")
    assert process.stderr is not None
    assert any(line.startswith("│ ✎") for line in process.stderr)
    process.send_signal(signal.SIGINT)
    assert any(line.startswith("▶ deliver") for line in process.stderr)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=AT_ONCE_SECONDS)
    assert (process.returncode, json.loads(out)["ending"]) == (130, "cancelled")
    assert "Ending at once" in err
    assert folder.left == []


def test_what_a_killed_command_left_is_stopped_and_removed_by_the_next_ones(folder: Folder) -> None:
    killed = folder.start("wait 300", "--json")
    assert killed.stderr is not None
    assert any(line.startswith("│ ✎") for line in killed.stderr)
    killed.kill()
    killed.communicate(timeout=LIMIT_SECONDS)
    (left,) = folder.left
    said = ""
    deadline = time.monotonic() + LIMIT_SECONDS
    while left in (now := folder.left):
        assert time.monotonic() < deadline, f"{now} are left\n{said}"
        said += folder.run("add a readme and commit it")[1]
    assert f"· run {left}, whose command was killed, pushes what it has and ends" in said
    assert f"· removed what was left of run {left}" in said
    assert folder.left == []
    assert any(left in branch and branch.endswith("-wip") for branch in folder.origin.branches())


def test_a_command_that_lives_keeps_its_run_when_another_is_given(folder: Folder) -> None:
    process = folder.start("wait 300", "--json")
    assert process.stderr is not None
    assert any(line.startswith("│ ✎") for line in process.stderr)
    code, out, _ = folder.run("add a readme and commit it")
    assert (code, "whose command was killed" in out) == (0, False)
    assert len(folder.left) == 1
    (going,) = folder.left
    log = folder.tell("logs", going)
    assert "│ ✎" in log.stdout
    assert f"claude-sandbox logs {going} -f" in log.stderr
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert (process.returncode, json.loads(out)["ending"]) == (130, "cancelled")
    assert folder.left == []
    listed = json.loads(folder.tell("jobs", "--local", "--json").stdout)
    assert [each["ending"] for each in listed] == ["pushed", "cancelled"]


def test_a_pipe_that_is_closed_early_ends_the_run_with_its_work_pushed(folder: Folder) -> None:
    process = folder.start("noise 1 wait 300")
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stderr:
        process.stdout.readline()
        process.stdout.close()
        process.stderr.read()
    assert process.wait(LIMIT_SECONDS) == 141
    check_pushed_and_kept(folder)


def test_a_full_disk_behind_the_output_ends_the_run_with_its_work_pushed(folder: Folder) -> None:
    with Path("/dev/full").open("w") as full:
        process = folder.start("noise 1 wait 300", output=full)
    _, err = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 3
    assert "The output can't be written" in err
    check_pushed_and_kept(folder)


def check_pushed_and_kept(folder: Folder) -> None:
    """See that a run which nobody read was stopped, and is known with its log."""
    assert folder.left == []
    (run,) = json.loads(folder.tell("jobs", "--local", "--json").stdout)
    assert run["ending"] == "cancelled"
    assert "▶ done" in folder.tell("logs", run["run"]).stdout


def test_a_terminal_that_is_closed_stops_the_run_however_often_it_says_so(folder: Folder) -> None:
    process = folder.start("wait 300", "--json")
    assert process.stderr is not None
    assert any(line.startswith("│ ✎") for line in process.stderr)
    process.send_signal(signal.SIGHUP)
    assert any(line.startswith("Stopping") for line in process.stderr)
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=LIMIT_SECONDS)
    assert (process.returncode, json.loads(out)["pushed"]) == (130, True)
    assert "Ending at once" not in err
    assert folder.left == []


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish("x", way=With.DOCKER, bare=True), "Either --bare or --with docker"),
        (Wish("x", bare=True, network="mine"), "A plain process joins no network"),
        (Wish("x", way=With.BARE, network="mine"), "A plain process joins no network"),
        (Wish("x", network="mine", compose=True), "leave --network out"),
        (Wish("x", bare=True, compose=True), "leave --bare out"),
    ],
)
def test_what_can_not_be_had_together_is_refused(wish: Wish, words: str) -> None:
    with pytest.raises(Failure, match=words):
        run_local({"HOME": "/", "PATH": ""}, wish, Screen())


def test_an_empty_task_is_answered_without_another_commands_name(folder: Folder) -> None:
    code, _, err = folder.run(" ")
    assert (code, "remote" in err) == (2, False)
    assert err.startswith("Say what to do.\n➜ ")


def test_a_folder_that_is_named_is_answered_without_the_words_of_the_chat(folder: Folder) -> None:
    for named in (folder.origin.path.as_uri(), str(folder.origin.path), "../origin"):
        code, _, err = folder.run("do it", "--repo", named)
        assert (code, "chat" in err) == (2, False)
        assert "go into a clone of it" in err


def test_the_compose_file_is_printed_and_nothing_is_started(folder: Folder) -> None:
    url = "https://git.example/owner/name"
    code, out, _ = folder.run("do it", "--repo", url, "--services", "redis", "--compose", "--json")
    assert code == 0
    assert "redis-sidecar:" in json.loads(out)["compose"]
    code, _, err = folder.run("do it", "--compose")
    assert code == 2
    assert "--bare" in err
