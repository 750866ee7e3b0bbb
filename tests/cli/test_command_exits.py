"""How a command ends: every failure is told in words with the next step, and has its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.address import BadRepo
from bot.mistake import Mistake
from cli.exits import Exit, Failure
from cli.guard import guarded
from cli.main import app
from cli.screen import Column, Screen, fitting
from k8s.api import Rejected
from runs.backend import Unavailable, UnknownRun


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (Failure("That is wrong.", "Do this."), Exit.USAGE, "That is wrong.\n➜ Do this.\n"),
        (Mistake("Not so.", "/run x"), Exit.USAGE, "Not so.\n"),
        (UnknownRun("There is no run a."), Exit.USAGE, "➜ These there are: claude-sandbox jobs"),
        (Rejected(403, "Forbidden", "jobs is forbidden"), Exit.CLUSTER, "auth can-i"),
        (Unavailable("The cluster doesn't answer now (401): Unauthorized"), 3, "Log in anew"),
        (Unavailable("ssl:True [certificate has expired]"), 3, "clock"),
        (Unavailable("Cannot connect to host 127.0.0.1:1 ssl:default [refused]"), 3, "does it run"),
        (Rejected(404, "NotFound", 'namespaces "x" not found'), Exit.CLUSTER, "init"),
        (BadRepo("A repo can't begin with a dash."), Exit.USAGE, "with a dash"),
        (Unavailable("Cannot connect to host"), 3, "--context"),
        (Unavailable("(500): failed calling webhook x: certificate"), 3, "Does it run?"),
        (KeyboardInterrupt(), Exit.INTERRUPTED, "Stopped.\n"),
    ],
)
def test_a_command_that_fails_says_why_and_what_to_do(
    error: BaseException, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> Exit:
        raise error

    assert guarded(work, Screen()) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err


def test_a_script_gets_the_failure_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> Exit:
        raise Failure("That is wrong.", "Do this.", Exit.CLUSTER)

    assert guarded(work, Screen(as_json=True)) == Exit.CLUSTER
    found = json.loads(capsys.readouterr().out)
    assert found == {"error": "That is wrong.", "advice": "Do this.", "exit": 3}


def test_a_bug_keeps_its_traceback() -> None:
    def work() -> Exit:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        guarded(work, Screen())


def test_a_pipe_that_is_closed_early_ends_a_command_silently() -> None:
    program = (
        "from cli.exits import Exit\nfrom cli.guard import guarded\n"
        "from cli.screen import Screen\n"
        "screen = Screen()\n"
        "def work():\n"
        "    while True: screen.say('y' * 1000)\n"
        "raise SystemExit(guarded(work, screen))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(120) == Exit.PIPE_CLOSED


SAYING = """
from cli.exits import Exit
from cli.guard import guarded
from cli.screen import Screen
screen = Screen(as_json={as_json})
def work():
    screen.say("said")
    screen.json("said")
    return Exit.OK
raise SystemExit(guarded(work, screen))
"""


@pytest.mark.parametrize("as_json", [False, True])
def test_a_full_disk_is_told(as_json: bool) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", SAYING.format(as_json=as_json)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == Exit.CLUSTER
    assert done.stderr == "The output can't be written: No space left on device.\n"


@pytest.mark.parametrize(
    ("closed", "told"), [(">&-", True), ("2>&-", False), ("<&-", True), ("<&- >&- 2>&-", False)]
)
def test_a_closed_input_or_output_is_no_mistake_of_the_program(
    closed: str, told: bool, tmp_path: Path
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m cli jobs {closed}', sys.executable],
        env={**os.environ, "KUBECONFIG": str(tmp_path / "nowhere"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert done.stderr.startswith("There is no kubeconfig at") == told
    assert "Traceback" not in done.stderr


def test_foreign_text_can_not_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.say("a\x1b[2Jb\rc\u202ed")
    screen.table([Column("X")], [["a\x1b[31mb\nc"]])
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\r" not in printed
    assert printed.count("\n") == 3


def test_a_narrow_screen_leaves_out_what_matters_least() -> None:
    columns = [Column("RUN"), Column("STATE", 1), Column("TASK", 2, grows=True), Column("BY", 3)]
    rows = [["abcdefgh", "running, 5 min", "a very long task indeed", "somebody"]]
    assert fitting(columns, rows, 200) == {0: 8, 1: 14, 2: 23, 3: 8}
    assert fitting(columns, rows, 47) == {0: 8, 1: 14, 2: 21}
    assert fitting(columns, rows, 30) == {0: 8, 1: 14}
    assert fitting(columns, rows, 4) == {0: 8}


def test_one_long_name_takes_no_other_column_from_the_screen() -> None:
    columns = [
        Column("RUN"),
        Column("REPO", 1, grows=True),
        Column("AGE", 2),
        Column("TASK", 3, grows=True),
    ]
    rows = [["abcdefgh", "r" * 70, "5m", "t" * 200], ["abcdefgh", "short", "5m", "short"]]
    assert fitting(columns, rows, 80) == {0: 8, 1: 32, 2: 2, 3: 32}
    assert fitting(columns, rows, 40) == {0: 8, 1: 12, 2: 2, 3: 12}
    assert fitting(columns, rows, 30) == {0: 8, 1: 16, 2: 2}
    assert fitting(columns, rows, 15) == {0: 8, 2: 2}


def test_what_may_be_left_out_stands_in_one_pair_of_brackets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in ("logs", "clean"):
        with pytest.raises(SystemExit):
            app([command, "--help"], prog_name="claude-sandbox")
        usage = capsys.readouterr().out
        assert "[RUN]" in usage
        assert "[[" not in usage
