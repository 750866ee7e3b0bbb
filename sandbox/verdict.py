"""What a run came to, from how its agent ended and what became of the work. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sandbox.agents import AgentResult
from sandbox.broker.state import State
from sandbox.deliver import Delivery
from sandbox.process import Ended
from sandbox.question import closing_question
from sandbox.report import Cause, Report, Verdict
from sandbox.task import Assignment
from sandbox.words import printable

MAX_ERROR = 600
_MAX_SUMMARY = 8000
_MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class AgentEnd:
    """How the agent's part ended: its own result, and who ended its process."""

    result: AgentResult
    ended: Ended


def told_by_agent(report: Report, end: AgentEnd, clean: Callable[[str], str]) -> Report:
    """Return the Report with what only the agent can say; `clean` makes a text fit to be shown."""
    result = end.result
    return replace(
        report,
        summary=clean(result.summary[:_MAX_SUMMARY]),
        cost_usd=result.cost_usd,
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
        turns=result.turns,
        model=None if result.model is None else clean(result.model)[:_MAX_NAME],
        session_id=None if result.session_id is None else clean(result.session_id)[:_MAX_NAME],
        denied=tuple(clean(name)[:_MAX_NAME] for name in result.denied),
        agent_ended_well=result.ended_well and end.ended is Ended.BY_ITSELF,
    )


def measured(report: Report, state: State | None) -> Report:
    """Return the Report with what the broker measured, in the place of what the agent claims."""
    if state is None or not state.calls:
        return report
    return replace(
        report,
        cost_usd=state.cost_usd,
        input_tokens=state.input_tokens,
        output_tokens=state.output_tokens,
    )


def over_budget(end: AgentEnd, state: State | None) -> AgentEnd:
    """Return the agent's end with the true cause of a failure after the broker refused to spend more."""
    if state is None or not state.over_budget or end.result.ended_well:
        return end
    error = f"calls of the model for ${state.cost_usd:.2f} went through; then the broker let no more through"
    return replace(end, result=replace(end.result, cause=Cause.BUDGET, error=error))


def settle(report: Report, end: AgentEnd, delivery: Delivery, assignment: Assignment) -> Report:
    """Return the Report with its verdict.

    Only a Delivery that the remote confirmed makes PUSHED, and only an agent that ended well makes anything but
    FAILED.
    """
    settled = replace(
        report,
        summary="\n\n".join(part for part in (report.summary, *delivery.notes) if part),
        branch=delivery.branch,
        pushed=delivery.pushed,
        commits=delivery.commits,
        files=delivery.files,
        insertions=delivery.insertions,
        deletions=delivery.deletions,
    )
    cause, error = _agent_failure(end, assignment)
    if cause is not None:
        if delivery.changed and not delivery.pushed:
            error = f"{error}\nThe unfinished work isn't on the remote: {delivery.error}"
        return replace(settled, verdict=Verdict.FAILED, cause=cause, error=error)
    if delivery.pushed or not delivery.changed:
        verdict = Verdict.PUSHED if delivery.pushed else Verdict.NOTHING_CHANGED
        question = closing_question(end.result.summary, changed=delivery.changed)
        return replace(settled, verdict=verdict, question=question)
    # Without a branch it didn't come to a push: there are no commits that could be told of.
    verdict = Verdict.FAILED if delivery.branch is None else Verdict.NOT_PUSHED
    return replace(settled, verdict=verdict, cause=delivery.cause, error=delivery.error)


def ended_well(end: AgentEnd) -> bool:
    """Say whether the agent finished, by itself and by its own word."""
    return end.ended is Ended.BY_ITSELF and end.result.ended_well


def shown(text: str) -> str:
    """Return a text of several lines without what a terminal or a chat would not show."""
    return "\n".join(printable(line) for line in text.split("\n"))


def _agent_failure(end: AgentEnd, assignment: Assignment) -> tuple[Cause | None, str]:
    if end.ended is Ended.DEADLINE:
        return Cause.DEADLINE, f"the time of {assignment.task.timeout_seconds} seconds was over"
    if end.ended is Ended.SILENT:
        return Cause.AGENT_HANGS, f"the agent printed nothing for {assignment.silence_seconds} s"
    if end.ended is Ended.STOPPED:
        return Cause.CANCELLED, "stopped from outside"
    if end.result.ended_well:
        return None, ""
    return end.result.cause or Cause.AGENT_FAILED, end.result.error or "the agent failed"
