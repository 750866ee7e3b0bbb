"""A Run in each state, with fixed ids and times, for what is rendered of it."""

from __future__ import annotations

from dataclasses import replace

from runs.outcome import Ending, Exit, Outcome, Seen
from runs.run import Origin, Run, State
from sandbox.report import Cause, Phase, Report, Verdict
from sandbox.task import Task

NOW = 1_700_000_000.0
ID = "k7f3q2ab"
TASK = Task(
    "https://github.com/acme/demo.git",
    "add a farewell to the greeter,\nand a test of it",
    repo_name="demo",
    branch="main",
)
ORIGIN = Origin(-1001, 7, 42, "Ada")
RUNNING = Run(ID, "k", TASK, ORIGIN, State.RUNNING, NOW - 200, version="1", started_at=NOW - 185)
QUEUED = replace(RUNNING, state=State.QUEUED, started_at=None, place=3)
GOOD = Report(
    ID,
    Phase.DONE,
    Verdict.PUSHED,
    summary="Added `farewell()` beside `greet()`.\n\nAll 12 tests pass.",
    branch="claude/k7f3q2ab-add-a-farewell",
    base="main",
    commits=2,
    pushed=True,
    files=2,
    insertions=41,
    deletions=7,
    cost_usd=0.4234,
    input_tokens=51_000,
    output_tokens=2_400,
    turns=9,
    model="claude-opus",
    agent_ended_well=True,
)
QUESTION = "Which **farewell** shall it be?\n\n1. `Goodbye`\n2. See <you>"
ERROR = "fatal: the words of\nthe program <that> failed & why"


def ended(outcome: Outcome, **changes: object) -> Run:
    """Return the Run with an end."""
    run = replace(RUNNING, state=State.ENDED, ended_at=NOW, report=outcome.report, outcome=outcome)
    return replace(run, **changes)  # type: ignore[arg-type]


def failed(cause: Cause | Seen, error: str | None = ERROR) -> Run:
    """Return a Run that failed for a reason that the sandbox or only the outside saw."""
    report = Report(ID, Phase.AGENT, Verdict.FAILED)
    if isinstance(cause, Cause):
        report = replace(report, cause=cause, error=error)
    ending = Ending.CANCELLED if cause is Cause.CANCELLED else Ending.FAILED
    signal = 9 if cause is Seen.KILLED else None
    return ended(Outcome(ending, report, cause, error, Exit(None if signal else 1, signal)))


PUSHED = ended(Outcome(Ending.PUSHED, GOOD))
ENDS: dict[str, Run] = {
    "pushed": PUSHED,
    "pushed, with a pull request": ended(
        Outcome(
            Ending.PUSHED,
            replace(GOOD, pull_request="https://github.com/acme/demo/pull/17", files=1),
        )
    ),
    "pushed, but no pull request, and a tool refused": ended(
        Outcome(
            Ending.PUSHED,
            replace(GOOD, pull_request_error="422: no permission", denied=("Bash", "WebFetch")),
        )
    ),
    "pushed, with a remark": ended(
        Outcome(Ending.PUSHED, replace(GOOD, remark="No network policy kept <this> run away."))
    ),
    "pushed to a server whose pages nobody knows": ended(
        Outcome(Ending.PUSHED, GOOD), task=replace(TASK, repo_url="git@git.example:a/b.git")
    ),
    "nothing changed": ended(
        Outcome(
            Ending.NOTHING_CHANGED,
            Report(ID, Phase.DONE, Verdict.NOTHING_CHANGED, "There is one already.", turns=1),
        )
    ),
    "asks back, nothing changed": ended(
        Outcome(
            Ending.ASKS,
            Report(
                ID,
                Phase.DONE,
                Verdict.NOTHING_CHANGED,
                f"The greeter is used in **two** places.\n\n{QUESTION}",
                question=QUESTION,
                turns=3,
            ),
        )
    ),
    "asks back, its work pushed": ended(
        Outcome(
            Ending.ASKS,
            replace(
                GOOD,
                summary=f"{GOOD.summary}\n\nWhich license?\n\nthe agent's branch x is on y",
                question="Which license?",
            ),
        )
    ),
    "finished by an image's own program": ended(Outcome(Ending.FINISHED, exit=Exit(0))),
    "not pushed": ended(
        Outcome(
            Ending.NOT_PUSHED,
            replace(GOOD, verdict=Verdict.NOT_PUSHED, pushed=False, cause=Cause.PUSH_REFUSED),
            Cause.PUSH_REFUSED,
            "remote: error: GH013: Repository rule violations found",
        )
    ),
    "stopped by somebody, its work pushed": ended(
        Outcome(
            Ending.CANCELLED,
            replace(GOOD, branch="claude/k7f3q2ab-add-a-farewell-wip", cause=Cause.CANCELLED),
            Cause.CANCELLED,
        ),
        cancelled_by="Grace",
    ),
    "stopped while it waited": ended(
        Outcome(Ending.CANCELLED, None, Cause.CANCELLED), started_at=None
    ),
    "failed, its unfinished work pushed": ended(
        Outcome(
            Ending.FAILED,
            replace(GOOD, phase=Phase.AGENT, verdict=Verdict.FAILED, cause=Cause.DEADLINE),
            Cause.DEADLINE,
        )
    ),
    "failed without a report": ended(Outcome(Ending.FAILED, None, Seen.LOST)),
}
