"""The task that goes on with an answer: what the agent is told, from which branch it starts, where it is merged to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.continuation import MOST_BYTES, continued, gone_on
from bot.question import question_apart
from runs.outcome import Ending, Outcome
from runs.run import Run
from sandbox.agents.scripted import read_task
from sandbox.report import Cause, Phase, Report, Verdict
from sandbox.task import Task
from sandbox.words import title
from tests.bot.sample_runs import GOOD, ID, QUESTION, TASK, ended

NOTHING = Report(ID, Phase.DONE, Verdict.NOTHING_CHANGED, "…", base="main", question=QUESTION)
WORK = replace(GOOD, question=QUESTION)


def asking(report: Report | None, task: Task = TASK) -> Run:
    return ended(Outcome(Ending.ASKS, report), task=task)


def test_the_agent_gets_task_question_and_answer_apart_and_in_their_order() -> None:
    task = continued(asking(NOTHING), "  The first.\n")
    assert task.prompt == (
        f"{TASK.prompt}\n\n--- You began that, and ended with this question ---\n\n{QUESTION}"
        "\n\n--- The answer ---\n\nThe first."
    )
    assert title(task.prompt) == title(TASK.prompt)
    assert replace(task, prompt=TASK.prompt) == TASK


def test_it_goes_on_from_what_was_pushed_and_is_merged_where_that_was_to_be() -> None:
    task = continued(asking(WORK, replace(TASK, pull_request=True)), "The first.")
    assert (task.branch, task.base) == (GOOD.branch, "main")
    assert task.prompt.endswith("is in the branch that you start from. ---")
    second = replace(WORK, branch="claude/second", base=GOOD.branch)
    again = continued(asking(second, task), "The second.")
    assert (again.branch, again.base) == ("claude/second", "main")


def test_an_open_pull_request_grows_by_what_comes() -> None:
    opened = replace(WORK, pull_request="https://github.com/acme/demo/pull/17")
    assert continued(asking(opened), "x").base is None


def test_unfinished_work_goes_on_with_the_same_task_however_often() -> None:
    late = Outcome(Ending.FAILED, GOOD, Cause.DEADLINE)
    task = gone_on(ended(late))
    assert task is not None
    assert (task.branch, task.base) == (GOOD.branch, "main")
    again = gone_on(ended(late, task=task))
    assert again is not None
    assert again.prompt == task.prompt
    assert gone_on(ended(Outcome(Ending.FAILED))) is None


@pytest.mark.parametrize(
    "report", [None, replace(WORK, pushed=False), replace(WORK, branch=None), NOTHING]
)
def test_without_a_branch_it_starts_where_the_first_one_did(report: Report | None) -> None:
    task = continued(asking(report), "x")
    assert (task.branch, task.base) == (TASK.branch, None)


def test_many_rounds_stay_in_order_and_the_oldest_go_where_it_gets_too_long() -> None:
    task = TASK
    for number in range(60):
        task = continued(asking(NOTHING, task), f"answer {number} " + "答" * 1000)
    assert len(task.prompt.encode()) <= MOST_BYTES
    assert task.prompt.startswith(TASK.prompt)
    assert "answer 0 " not in task.prompt
    assert task.prompt.index("answer 58 ") < task.prompt.index("answer 59 ")


def test_the_agent_of_the_demo_asks_once() -> None:
    task = replace(TASK, prompt="ask me, then add a farewell")
    assert read_task(task.prompt).edit == "ask"
    assert read_task(continued(asking(NOTHING, task), "formally").prompt).edit == "farewell"


@pytest.mark.parametrize(
    ("summary", "question", "apart"),
    [
        ("A.\n\nWhich?", "Which?", ("A.", "Which?")),
        ("Which?", "Which?", ("", "Which?")),
        ("A.\n\nWhich?\n\na note", "Which?", ("A.\n\na note", "Which?")),
        ("A.", "", ("A.", "")),
        ("A long text that was cut …", "Which?", ("A long text that was cut …", "Which?")),
        ("A.", "**Which** `x`?\n\n## Or", ("A.", "Which x?\n\nOr")),
        ("A.", "__init__.py or `__main__`?", ("A.", "__init__.py or __main__?")),
    ],
)
def test_the_question_is_told_once(summary: str, question: str, apart: tuple[str, str]) -> None:
    report = replace(NOTHING, summary=summary, question=question)
    assert question_apart(report) == apart
