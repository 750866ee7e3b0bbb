"""The Task that goes on where another Run stopped, also with a person's answer to what its agent asked. Pure."""

from __future__ import annotations

from dataclasses import replace

from runs.run import Run
from sandbox.task import Task

MOST_BYTES = 100_000
"""A longer task would not fit into one variable of a process (MAX_ARG_STRLEN, 128 KiB) beside what is added here."""

_BEGUN = "\n\n--- You began that, and ended with this question ---\n\n"
_ANSWER = "\n\n--- The answer ---\n\n"
_PUSHED = (
    "\n\n--- You began that: what you had done by then is in the branch that you start from. ---"
)


def continued(parent: Run, answer: str) -> Task:
    """Return the Task that goes on with an answer to the parent's question.

    It begins with the first task, whose words name the branch and the commit; then come the questions and answers in
    their order, the newest of them where all would be too long. It starts from what the parent pushed, if it did.
    """
    report = parent.outcome.report if parent.outcome else None
    question = report.question if report and report.question else "(the question is lost)"
    before = parent.task.prompt
    prompt = _without_old_rounds(before + _BEGUN + question + _ANSWER + answer.strip())
    task = replace(parent.task, prompt=prompt)
    return _from_branch(parent, task) or task


def gone_on(parent: Run) -> Task | None:
    """Return the parent's Task, to be gone on with from what it pushed; None where it pushed nothing."""
    return _from_branch(parent, parent.task)


def _from_branch(parent: Run, task: Task) -> Task | None:
    report = parent.outcome.report if parent.outcome else None
    if report is None or not (report.pushed and report.branch):
        return None
    # A pull request of the parent grows by ours, when ours is merged into its branch; without one ours goes to the base.
    base = None if report.pull_request else (task.base or report.base)
    prompt = task.prompt.removesuffix(_PUSHED) + _PUSHED
    return replace(task, prompt=prompt, branch=report.branch, base=base)


def _without_old_rounds(prompt: str) -> str:
    first, *rounds = prompt.split(_BEGUN)
    while len(rounds) > 1 and _size(_BEGUN.join([first, *rounds])) > MOST_BYTES:
        rounds = rounds[1:]
    return _BEGUN.join([first, *rounds])


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
