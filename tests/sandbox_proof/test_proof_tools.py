"""The lines that prove a failure, of every tool that can fail here.

The samples in tests/data/proof are what these tests made the tools print; UPDATE_GOLDEN=1 keeps them anew, and each
whose tool isn't installed as it is.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox.log import Log
from sandbox.proof import MOST, proving_lines
from sandbox.redaction import Redactor
from tests.sandbox_proof.failing import Failing, output_of
from tests.sandbox_proof.failing_compiled import COMPILED
from tests.sandbox_proof.failing_machine import MACHINE
from tests.sandbox_proof.failing_scripts import JAVASCRIPT, PYTHON, RUBY

SAMPLES = Path(__file__).parents[1] / "data" / "proof"
GOLDEN = Path(__file__).parent / "golden" / "lines.txt"
CASES = (*PYTHON, *JAVASCRIPT, *RUBY, *COMPILED, *MACHINE)
UPDATING = bool(os.environ.get("UPDATE_GOLDEN"))
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def sample(case: Failing) -> str:
    return (SAMPLES / f"{case.name}.txt").read_text(encoding="utf-8")


def assert_proved(case: Failing, lines: list[str]) -> None:
    """Look for what tells of the failure, in its order, and for what only takes room."""
    assert len(lines) <= MOST
    text, start = "\n".join(lines), 0
    for told in case.tells:
        start = text.find(told, start)
        assert start >= 0, f"{told!r} isn't in, or not behind the others:\n{text}"
    assert not [hidden for hidden in case.hides if hidden in text], text


@every_case
def test_what_a_tool_prints_when_it_fails_is_proved_by_its_own_lines(
    case: Failing, tmp_path: Path
) -> None:
    if missing := case.missing():
        pytest.skip(
            f"{' and '.join(missing)} not installed here: only its kept sample is looked at"
        )
    output = output_of(case, tmp_path)
    if UPDATING:
        SAMPLES.mkdir(exist_ok=True)
        (SAMPLES / f"{case.name}.txt").write_text(output, encoding="utf-8")
    assert_proved(case, proving_lines(output))


@every_case
def test_a_kept_sample_is_proved_by_the_same_lines(case: Failing) -> None:
    assert_proved(case, proving_lines(sample(case)))


def test_every_sample_has_the_test_that_makes_it() -> None:
    assert {path.stem for path in SAMPLES.glob("*")} == {case.name for case in CASES}


def test_the_lines_of_every_sample_golden() -> None:
    told = {case.name: "\n".join(proving_lines(sample(case))) for case in CASES}
    text = "\n".join(f"##### {name}\n{lines}\n" for name, lines in told.items())
    if UPDATING:
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), (
        "other lines; read them, then: UPDATE_GOLDEN=1 .venv/bin/pytest tests/sandbox_proof"
    )


@every_case
def test_what_was_printed_before_and_behind_changes_no_verdict(case: Failing) -> None:
    before = "".join(f"step {number} of 900 went on as it should\n" for number in range(900))
    bars = "".join(f"Downloading part {n:3} [{'#' * (n // 5):20}] {n}%\r\n" for n in range(100))
    behind = "".join(f"put part {number} of 90 away\n" for number in range(90))
    lines = proving_lines(before + sample(case) + bars + behind)
    assert_proved(case, lines)
    assert not [line for line in lines if line.startswith("Downloading")]


@every_case
def test_the_same_lines_are_found_in_the_frame_of_the_sandbox(case: Failing) -> None:
    printed = bytearray()
    log = Log(Redactor(()), printed.extend)
    log.phase("environment", "run k7f3q2ab")
    log.phase("clone", "https://git.example/demo.git")
    log.phase("agent", "claude")
    log.agent("I will look around first.")
    for line in sample(case).splitlines():
        log.agent(line)
    log.agent_ended()
    log.phase("deliver", "claude/k7f3q2ab-demo-wip")
    log.note("remote: the unfinished work is there")
    log.phase("done", "failed, agent-failed")
    lines = proving_lines(printed.decode())
    assert_proved(case, lines)
    assert not [line for line in lines if "unfinished work" in line or line.startswith("│")]
