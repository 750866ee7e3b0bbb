"""What a run came to: the table of all ends."""

from __future__ import annotations

import pytest

from sandbox.agents import AgentResult
from sandbox.deliver import Delivery
from sandbox.process import Ended
from sandbox.report import Cause, Phase, Report, Verdict
from sandbox.task import Assignment, Task
from sandbox.verdict import AgentEnd, settle, told_by_agent

ASSIGNMENT = Assignment(
    "x", Task("u", "p", timeout_seconds=60), "claude", "/report", "/workspace", silence_seconds=30
)
WELL = AgentEnd(AgentResult(True, summary="Done."), Ended.BY_ITSELF)
BADLY = AgentEnd(AgentResult(False, cause=Cause.BUDGET, error="spent"), Ended.BY_ITSELF)
UNEXPLAINED = AgentEnd(AgentResult(False), Ended.BY_ITSELF)
SILENT = AgentEnd(AgentResult(False, cause=Cause.AGENT_KILLED), Ended.SILENT)
LATE = AgentEnd(AgentResult(True, summary="Done."), Ended.DEADLINE)
STOPPED = AgentEnd(AgentResult(False, cause=Cause.AGENT_KILLED), Ended.STOPPED)

ON_REMOTE = Delivery(True, "b", pushed=True, commits=1)
REFUSED = Delivery(True, "b", commits=1, cause=Cause.PUSH_REFUSED, error="protected")
NOT_COMMITTED = Delivery(True, cause=Cause.DISK_FULL, error="no room")
NOTHING = Delivery(False)


@pytest.mark.parametrize(
    ("end", "delivery", "verdict", "cause", "error"),
    [
        (WELL, ON_REMOTE, Verdict.PUSHED, None, ""),
        (WELL, NOTHING, Verdict.NOTHING_CHANGED, None, ""),
        (WELL, REFUSED, Verdict.NOT_PUSHED, Cause.PUSH_REFUSED, "protected"),
        (WELL, NOT_COMMITTED, Verdict.FAILED, Cause.DISK_FULL, "no room"),
        (BADLY, ON_REMOTE, Verdict.FAILED, Cause.BUDGET, "spent"),
        (BADLY, NOTHING, Verdict.FAILED, Cause.BUDGET, "spent"),
        (BADLY, REFUSED, Verdict.FAILED, Cause.BUDGET, "protected"),
        (UNEXPLAINED, NOTHING, Verdict.FAILED, Cause.AGENT_FAILED, "failed"),
        (LATE, ON_REMOTE, Verdict.FAILED, Cause.DEADLINE, "60 seconds"),
        (LATE, NOTHING, Verdict.FAILED, Cause.DEADLINE, "60 seconds"),
        (SILENT, ON_REMOTE, Verdict.FAILED, Cause.AGENT_HANGS, "nothing for 30 s"),
        (STOPPED, ON_REMOTE, Verdict.FAILED, Cause.CANCELLED, "stopped"),
        (STOPPED, NOT_COMMITTED, Verdict.FAILED, Cause.CANCELLED, "no room"),
    ],
)
def test_the_verdict_of_every_end(
    end: AgentEnd, delivery: Delivery, verdict: Verdict, cause: Cause | None, error: str
) -> None:
    report = settle(Report("x", Phase.DELIVER), end, delivery, ASSIGNMENT)
    assert (report.verdict, report.cause, report.pushed) == (verdict, cause, delivery.pushed)
    assert error in (report.error or "")


@pytest.mark.parametrize(
    ("summary", "delivery", "question"),
    [
        ("There are two. Which one?", NOTHING, "There are two. Which one?"),
        ("There are two. Which one?", ON_REMOTE, "There are two. Which one?"),
        ("Done. Would you like me to add tests?", ON_REMOTE, None),
        ("Would you like me to go ahead?", NOTHING, "Would you like me to go ahead?"),
        ("There are two. Which one?", REFUSED, None),
        ("Done.", NOTHING, None),
    ],
)
def test_an_agent_that_ends_well_with_a_question_asks_it(
    summary: str, delivery: Delivery, question: str | None
) -> None:
    end = AgentEnd(AgentResult(True, summary=summary), Ended.BY_ITSELF)
    assert settle(Report("x", Phase.DELIVER), end, delivery, 60).question == question
    failed = AgentEnd(AgentResult(False, summary=summary), Ended.BY_ITSELF)
    assert settle(Report("x", Phase.DELIVER), failed, delivery, 60).question is None


def test_an_agent_that_was_made_to_end_didnt_end_well() -> None:
    for end, well in ((WELL, True), (LATE, False), (STOPPED, False), (BADLY, False)):
        assert told_by_agent(Report("x", Phase.AGENT), end, str).agent_ended_well is well


def test_what_the_agent_says_is_cleaned_and_bounded() -> None:
    result = AgentResult(
        True, summary="s" * 100_000, model="m" * 1000, session_id="i" * 1000, denied=("d" * 1000,)
    )
    report = told_by_agent(Report("x", Phase.AGENT), AgentEnd(result, Ended.BY_ITSELF), str.upper)
    assert (len(report.summary), len(report.model or ""), len(report.denied[0])) == (8000, 100, 100)
    assert report.summary[0] + (report.model or "")[0] + (report.session_id or "")[0] == "SMI"


def test_notes_of_the_delivery_stand_below_the_summary() -> None:
    delivery = Delivery(True, "b", pushed=True, notes=("One.", "Two."))
    report = settle(Report("x", Phase.DELIVER, summary="Done."), WELL, delivery, ASSIGNMENT)
    assert report.summary == "Done.\n\nOne.\n\nTwo."
