"""Every reason for which a run can fail has its own sentence and its own next step."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bot.explain import duration, explain, seen_in_log
from runs.outcome import Ending, Exit, Outcome, Seen
from sandbox.report import Cause, Phase, Report
from tests.bot.sample_runs import ID, TASK

CAUSES: list[Cause | Seen] = [*Cause, *Seen]


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.value)
def test_every_cause_has_a_sentence_and_a_next_step(cause: Cause | Seen) -> None:
    words = explain(Outcome(Ending.FAILED, None, cause), TASK)
    texts = [words.sentence] if cause is Seen.UNKNOWN else [words.sentence, words.advice]
    assert bool(words.advice) is (cause is not Seen.UNKNOWN)
    for text in texts:
        assert len(text) > 10
        assert not re.search("<[a-z]+>", text), "a placeholder that nobody fills"
        assert text[0].isupper()
        assert "  " not in text
    assert words.sentence.endswith(".")


def test_no_two_causes_share_a_sentence() -> None:
    sentences = [explain(Outcome(Ending.FAILED, None, cause), TASK).sentence for cause in CAUSES]
    assert len(set(sentences)) == len(CAUSES)


def test_a_failure_without_a_cause_still_has_words() -> None:
    words = explain(Outcome(Ending.FAILED), TASK)
    assert words.sentence
    assert words.advice


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (Cause.CLONE_BRANCH, "no branch main in demo"),
        (Cause.DEADLINE, "45 min"),
        (Cause.BUDGET, "budget of $2.5"),
        (Cause.API_NOT_FOUND, "opus"),
        (Seen.KILLED, "signal 15"),
    ],
)
def test_the_sentence_names_what_was_asked_for(cause: Cause | Seen, words: str) -> None:
    task = replace(TASK, timeout_seconds=2700, budget_usd=2.5, model="opus")
    outcome = Outcome(Ending.FAILED, None, cause, exit=Exit(None, 15))
    assert words in explain(outcome, task).sentence


def test_what_was_not_asked_for_is_named_by_what_it_was() -> None:
    task = replace(TASK, branch=None, repo_name="")
    branch = explain(Outcome(Ending.FAILED, None, Cause.CLONE_BRANCH), task)
    assert "the default branch in https://github.com/acme/demo.git" in branch.sentence
    report = Report(ID, Phase.AGENT, model="claude-x")
    model = explain(Outcome(Ending.FAILED, report, Cause.API_NOT_FOUND), TASK)
    assert "claude-x" in model.sentence
    assert explain(Outcome(Ending.FAILED, None, Cause.BUDGET), TASK).sentence.endswith("budget.")


@pytest.mark.parametrize(
    ("pushed", "advice"),
    [
        (False, "Look for a branch claude/k7f3q2ab-…, or send the task again."),
        (True, "Go on from what it had, or send the task again."),
    ],
)
def test_a_run_that_was_lost_leads_to_what_it_had(pushed: bool, advice: str) -> None:
    report = Report(ID, Phase.DELIVER, branch="claude/k7f3q2ab-add-wip", pushed=pushed)
    assert explain(Outcome(Ending.FAILED, report, Seen.LOST), TASK, ID).advice == advice


@pytest.mark.parametrize(
    ("error", "whose", "name"),
    [("redis-sidecar: not found", "redis-sidecar", "redis"), ("claude: gone", "the run", "NAME")],
)
def test_a_service_is_called_by_its_name(error: str, whose: str, name: str) -> None:
    pull = explain(Outcome(Ending.FAILED, None, Seen.IMAGE_PULL, error), TASK, ID)
    assert f"image of {whose} " in pull.sentence
    ready = explain(Outcome(Ending.FAILED, None, Seen.SERVICE_NOT_READY, error), TASK, ID)
    assert f"`/logs {ID} sidecar {name}`" in ready.advice


def test_a_placeholder_in_a_name_is_only_letters() -> None:
    task = replace(TASK, branch="<repo>")
    words = explain(Outcome(Ending.FAILED, None, Cause.CLONE_BRANCH), task)
    assert words.sentence == "There is no branch <repo> in demo."


def test_braces_in_a_name_are_only_letters() -> None:
    task = replace(TASK, branch="{0} %s {task.prompt}")
    words = explain(Outcome(Ending.FAILED, None, Cause.CLONE_BRANCH), task)
    assert "{0} %s {task.prompt}" in words.sentence


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (185, "3 min 5 s"),
        (3600, "1 h"),
        (7800, "2 h 10 min"),
        (90_000, "25 h"),
    ],
)
def test_a_time_is_said_as_people_say_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("cause", "log", "seen"),
    [
        (Seen.EXIT_CODE, "exec /x: exec format error\n", Seen.EXEC_FORMAT),
        (Seen.EXIT_CODE, "exec format error, said the task\nthen it went on", Seen.EXIT_CODE),
        (Cause.AGENT_FAILED, "exec /x: exec format error", Cause.AGENT_FAILED),
    ],
)
def test_a_runtime_may_tell_in_the_log_alone_why_a_program_did_not_start(
    cause: Cause | Seen, log: str, seen: Cause | Seen
) -> None:
    assert seen_in_log(Outcome(Ending.FAILED, None, cause), log).cause is seen
