from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from runs.outcome import Ending, Exit, Outcome, Seen, judge, judge_by_exit
from sandbox.report import Cause, Phase, Report, Verdict

RUN = "abcdefgh"


def report(verdict: Verdict, cause: Cause | None = None, error: str | None = None) -> Report:
    """Return a Report that claims all that can be claimed."""
    return Report(
        RUN,
        Phase.DELIVER,
        verdict,
        summary="I did it",
        branch="claude/x",
        base="main",
        commits=3,
        pushed=True,
        pull_request="https://example.org/1",
        cost_usd=1.0,
        cache="hit",
        dependency_seconds=3.0,
        cause=cause,
        error=error,
    )


HOW_FAR = Report(RUN, Phase.DELIVER, base="main", cache="hit", dependency_seconds=3.0)
PUSHED = report(Verdict.PUSHED)
NOTHING = report(Verdict.NOTHING_CHANGED)
NOT_PUSHED = report(Verdict.NOT_PUSHED, Cause.PUSH_REFUSED, "protected branch")
ASKS = replace(PUSHED, question="Which one?")
FAILED = report(Verdict.FAILED, Cause.BUDGET, "budget reached")
STOPPED = report(Verdict.FAILED, Cause.CANCELLED)
UNFINISHED = report(Verdict.UNFINISHED)

GOOD, BAD, KILL = Exit(0), Exit(1), Exit(None, 9)


def contradicted(said: str, program_exit: Exit) -> Outcome:
    """Return what becomes of a Report that its exit code denies: both are shown as the proof."""
    proof = f"its report says {said}, its exit code is {program_exit.code}"
    return Outcome(Ending.FAILED, HOW_FAR, Seen.FORGED_REPORT, proof, program_exit)


@pytest.mark.parametrize(
    ("found", "program_exit", "cancelled", "expected"),
    [
        (PUSHED, GOOD, False, Outcome(Ending.PUSHED, PUSHED, exit=GOOD)),
        (NOTHING, GOOD, False, Outcome(Ending.NOTHING_CHANGED, NOTHING, exit=GOOD)),
        (ASKS, GOOD, False, Outcome(Ending.ASKS, ASKS, exit=GOOD)),
        (ASKS, BAD, False, contradicted("pushed", BAD)),
        (ASKS, KILL, True, Outcome(Ending.CANCELLED, HOW_FAR, Seen.KILLED, exit=KILL)),
        (
            NOT_PUSHED,
            BAD,
            False,
            Outcome(Ending.NOT_PUSHED, NOT_PUSHED, Cause.PUSH_REFUSED, "protected branch", BAD),
        ),
        (
            FAILED,
            BAD,
            False,
            Outcome(Ending.FAILED, FAILED, Cause.BUDGET, "budget reached", BAD),
        ),
        (
            report(Verdict.FAILED),
            BAD,
            False,
            Outcome(Ending.FAILED, report(Verdict.FAILED), Cause.INTERNAL, None, BAD),
        ),
        # asked to stop, and it did, or it was done before
        (STOPPED, BAD, True, Outcome(Ending.CANCELLED, STOPPED, Cause.CANCELLED, None, BAD)),
        (PUSHED, GOOD, True, Outcome(Ending.PUSHED, PUSHED, exit=GOOD)),
        (
            FAILED,
            BAD,
            True,
            Outcome(Ending.FAILED, FAILED, Cause.BUDGET, "budget reached", BAD),
        ),
        # the machine was shut down: stopped, though nobody asked
        (STOPPED, BAD, False, Outcome(Ending.CANCELLED, STOPPED, Cause.CANCELLED, None, BAD)),
        # killed: whatever stands in the file, only how far it came is believed
        (UNFINISHED, KILL, False, Outcome(Ending.FAILED, HOW_FAR, Seen.KILLED, None, KILL)),
        (PUSHED, KILL, False, Outcome(Ending.FAILED, HOW_FAR, Seen.KILLED, None, KILL)),
        (None, KILL, False, Outcome(Ending.FAILED, None, Seen.KILLED, None, KILL)),
        (UNFINISHED, KILL, True, Outcome(Ending.CANCELLED, HOW_FAR, Seen.KILLED, None, KILL)),
        # no final Report
        (None, GOOD, False, Outcome(Ending.FAILED, None, Seen.NO_REPORT, None, GOOD)),
        (None, BAD, True, Outcome(Ending.CANCELLED, None, Seen.NO_REPORT, None, BAD)),
        (UNFINISHED, GOOD, False, Outcome(Ending.FAILED, HOW_FAR, Seen.NO_REPORT, None, GOOD)),
        # the Report and the exit code contradict each other
        (PUSHED, BAD, False, contradicted("pushed", BAD)),
        (NOTHING, BAD, True, contradicted("nothing-changed", BAD)),
        (FAILED, GOOD, False, contradicted("failed", GOOD)),
        (STOPPED, GOOD, True, contradicted("failed", GOOD)),
        # nobody saw how it ended
        (PUSHED, None, False, Outcome(Ending.FAILED, HOW_FAR, Seen.LOST)),
        (None, None, False, Outcome(Ending.FAILED, None, Seen.LOST)),
        (UNFINISHED, None, True, Outcome(Ending.CANCELLED, HOW_FAR, Seen.LOST)),
    ],
)
def test_a_run_is_judged_by_report_and_exit_fault_32_fault_33(
    found: Report | None, program_exit: Exit | None, cancelled: bool, expected: Outcome
) -> None:
    assert judge(found, program_exit, cancelled=cancelled) == expected


@pytest.mark.parametrize(
    ("program_exit", "cancelled", "expected"),
    [
        (GOOD, False, Outcome(Ending.FINISHED, exit=GOOD)),
        (GOOD, True, Outcome(Ending.FINISHED, exit=GOOD)),
        (BAD, False, Outcome(Ending.FAILED, cause=Seen.EXIT_CODE, exit=BAD)),
        (BAD, True, Outcome(Ending.CANCELLED, cause=Seen.EXIT_CODE, exit=BAD)),
        (KILL, False, Outcome(Ending.FAILED, cause=Seen.KILLED, exit=KILL)),
        (KILL, True, Outcome(Ending.CANCELLED, cause=Seen.KILLED, exit=KILL)),
    ],
)
def test_a_program_of_its_own_is_judged_by_its_exit_alone_fault_33(
    program_exit: Exit, cancelled: bool, expected: Outcome
) -> None:
    assert judge_by_exit(program_exit, cancelled=cancelled) == expected


REPORTS = [None, *(report(verdict, cause) for verdict in Verdict for cause in (None, *Cause))]
EXITS = [None, GOOD, BAD, Exit(143), KILL, Exit(None, 15)]


def test_no_report_whatever_it_claims_makes_a_bad_exit_good_fault_32() -> None:
    for found, program_exit, cancelled in itertools.product(REPORTS, EXITS, (False, True)):
        outcome = judge(found, program_exit, cancelled=cancelled)
        assert not outcome.ended_well or program_exit == GOOD
        assert outcome.ended_well is (outcome.cause is None)
        assert outcome.exit == program_exit
        if isinstance(outcome.cause, Seen):
            assert outcome.report in (None, HOW_FAR)
