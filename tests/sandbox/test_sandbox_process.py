"""Running one program: output, ends, limits."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from sandbox.process import Command, Ended, Execution, Limits, ProgramMissing, run


def run_shell(
    script: str, folder: Path, *, seconds: float = 30, grace: float = 10
) -> tuple[Execution, bytes, bytes]:
    stdout, stderr = bytearray(), bytearray()
    command = Command(["sh", "-c", script], str(folder), {"PATH": os.environ["PATH"]})
    limits = Limits(time.monotonic() + seconds, grace)
    execution = run(command, limits, stdout.extend, stderr.extend)
    return execution, bytes(stdout), bytes(stderr)


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", -15), ("kill -KILL $$", -9)],
)
def test_the_exit_code_is_the_programs(script: str, code: int, tmp_path: Path) -> None:
    assert run_shell(script, tmp_path)[0] == Execution(code, Ended.BY_ITSELF)


def test_all_output_is_handed_on_even_what_comes_last(tmp_path: Path) -> None:
    _, stdout, stderr = run_shell("seq 1 50000; echo last >&2", tmp_path)
    assert stdout.endswith(b"\n50000\n")
    assert stderr == b"last\n"


def test_a_program_that_closes_its_output_is_still_waited_for(tmp_path: Path) -> None:
    execution, _, _ = run_shell("exec >&- 2>&-; sleep 0.2; touch done; exit 3", tmp_path)
    assert execution.exit_code == 3
    assert (tmp_path / "done").exists()


def test_what_it_left_in_the_background_is_ended_with_it(tmp_path: Path) -> None:
    _, stdout, _ = run_shell("sleep 1000 & echo $!", tmp_path)
    until = time.monotonic() + 10
    while is_running(int(stdout)):
        assert time.monotonic() < until


def is_running(process: int) -> bool:
    """Say whether a process runs; one that only waits to be reaped doesn't."""
    if sys.platform == "linux":
        try:
            return ") Z " not in Path(f"/proc/{process}/stat").read_text()
        except FileNotFoundError:
            return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_deadline_gives_it_a_grace(tmp_path: Path) -> None:
    execution, stdout, _ = run_shell(
        "trap 'echo tidy; exit 5' TERM; while :; do sleep 0.02; done", tmp_path, seconds=0.3
    )
    assert (execution, stdout) == (Execution(5, Ended.DEADLINE), b"tidy\n")


def test_after_the_grace_it_is_killed(tmp_path: Path) -> None:
    execution, _, _ = run_shell(
        "trap '' TERM; while :; do sleep 0.02; done", tmp_path, seconds=0.2, grace=0.2
    )
    assert execution == Execution(-9, Ended.DEADLINE)


def test_it_is_given_no_input_and_no_descriptor_of_ours(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    _, stdout, _ = run_shell(f"cat; test -e /dev/fd/{writing} || echo closed", tmp_path)
    os.close(reading)
    os.close(writing)
    assert stdout == b"closed\n"


@pytest.mark.parametrize("program", ["no-such-program", "/etc/passwd", "nul\0"])
def test_a_program_that_cant_be_started_is_missing(program: str, tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing, match="can't be started"):
        run(Command([program], str(tmp_path), {}), Limits(time.monotonic() + 5), print, print)


def test_a_mistake_in_taking_output_ends_the_program(tmp_path: Path) -> None:
    def stumble(_chunk: bytes) -> None:
        raise ZeroDivisionError

    command = Command(
        ["sh", "-c", "echo $$ > pid; echo x; exec sleep 1000"], str(tmp_path), dict(os.environ)
    )
    with pytest.raises(ZeroDivisionError):
        run(command, Limits(time.monotonic() + 30), stumble, stumble)
    assert not is_running(int((tmp_path / "pid").read_text()))
