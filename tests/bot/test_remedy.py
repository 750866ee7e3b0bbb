"""What a button of a failure may change: by the cause, up to what a person may ask for, and only where it applies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.buttons import end_buttons
from bot.config import RunLimits
from bot.remedy import REMEDIES, Change, changed, remedy, with_change
from runs.outcome import Ending, Outcome, Seen
from runs.run import Run
from sandbox.report import Cause
from tests.bot.sample_runs import ENDS, TASK, failed

EVERYWHERE: frozenset[str] = frozenset()
ON_A_MACHINE = frozenset({"memory", "cpu", "image", "services"})
CAUSES: list[Cause | Seen] = [*Cause, *Seen]


def labels(run: Run, ignored: frozenset[str] = EVERYWHERE) -> list[list[str]]:
    return [[button.text for button in row] for row in end_buttons(run, ignored)]


@pytest.mark.parametrize(
    ("cause", "ignored", "label"),
    [
        (Seen.OUT_OF_MEMORY, EVERYWHERE, "🔁 with 8 GiB"),
        (Cause.AGENT_KILLED, EVERYWHERE, "🔁 with 8 GiB"),
        (Seen.OUT_OF_MEMORY, ON_A_MACHINE, None),
        (Cause.DEADLINE, EVERYWHERE, "🔁 with 2 h"),
        (Cause.DEADLINE, ON_A_MACHINE, "🔁 with 2 h"),
        (Seen.DEADLINE_BY_CLUSTER, EVERYWHERE, "🔁 with 2 h"),
        (Seen.IMAGE_PULL, EVERYWHERE, "🔁 usual image"),
        (Cause.TOOLS_MISSING, EVERYWHERE, "🔁 usual image"),
        (Cause.TOOLS_MISSING, ON_A_MACHINE, None),
        (Cause.AGENT_FAILED, EVERYWHERE, None),
        (Cause.PUSH_REFUSED, EVERYWHERE, None),
        (Seen.MISSING_SECRET, EVERYWHERE, None),
    ],
)
def test_a_failure_offers_what_helps_against_its_cause(
    cause: Cause | Seen, ignored: frozenset[str], label: str | None
) -> None:
    run = replace(failed(cause), task=replace(TASK, image="ghcr.io/acme/own:1"))
    assert labels(run, ignored) == [
        ["🔁 Retry", *([label] if label else [])],
        ["📄 Logs", "📎 Full log"],
    ]


def test_what_ended_well_is_not_tried_again() -> None:
    for name, run in ENDS.items():
        assert run.outcome is not None
        well = run.outcome.ended_well
        assert (labels(run) == [["📄 Logs"]]) is well, name


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.value)
def test_a_button_fits_and_what_it_promises_is_what_is_done(cause: Cause | Seen) -> None:
    run = replace(failed(cause), task=replace(TASK, image="x"))
    for row in end_buttons(run):
        assert all(len(button.data.encode()) <= 64 for button in row)
        room = 15 if len(row) > 1 else 30
        assert all(len(button.text) <= room for button in row), "a phone cuts it"
    change = REMEDIES.get(cause)
    if change is not None:
        task = changed(run.task, change)
        assert task is not None
        assert with_change(task, change) in labels(run)[0][1]


@pytest.mark.parametrize(
    ("change", "before", "after", "words"),
    [
        (Change.MEMORY, {"memory": None}, {"memory": "8Gi"}, "with 8 GiB"),
        (Change.MEMORY, {"memory": "512Mi"}, {"memory": "1Gi"}, "with 1 GiB"),
        (Change.MEMORY, {"memory": "768Mi"}, {"memory": "1536Mi"}, "with 1536 MiB"),
        (Change.MEMORY, {"memory": "40Gi"}, {"memory": "64Gi"}, "with 64 GiB"),
        (Change.MEMORY, {"memory": "64Gi"}, None, ""),
        (Change.MEMORY, {"memory": "100Gi"}, None, ""),
        (Change.MEMORY, {"memory": "4e9"}, None, ""),
        (Change.TIME, {"timeout_seconds": 2700}, {"timeout_seconds": 5400}, "with 90 min"),
        (Change.TIME, {"timeout_seconds": 75}, {"timeout_seconds": 150}, "with 150 s"),
        (Change.TIME, {"timeout_seconds": 60_000}, {"timeout_seconds": 86_400}, "with 24 h"),
        (Change.TIME, {"timeout_seconds": 86_400}, None, ""),
        (Change.IMAGE, {"image": "x"}, {"image": "usual"}, "usual image"),
        (Change.IMAGE, {"image": "usual"}, {"image": None}, "usual image"),
        (Change.IMAGE, {"image": None}, None, ""),
    ],
)
def test_a_change_stays_within_what_a_person_may_ask_for(
    change: Change, before: dict[str, Any], after: dict[str, Any] | None, words: str
) -> None:
    task = replace(TASK, **before)
    found = changed(task, change, "usual")
    assert found == (None if after is None else replace(TASK, **after))
    if found is not None:
        assert with_change(found, change) == words


def test_what_was_pushed_can_be_gone_on_from() -> None:
    for name in ("stopped by somebody, its work pushed", "failed, its unfinished work pushed"):
        assert labels(ENDS[name])[1:] == [["▶ Go on from there"], ["📄 Logs", "📎 Full log"]]
    assert all("▶ Go on from there" not in row for row in labels(ENDS["not pushed"]))


def test_the_operator_says_how_much_another_try_may_have() -> None:
    limits = RunLimits(memory="6Gi", timeout_seconds=5400)
    for cause, label in ((Seen.OUT_OF_MEMORY, "🔁 with 6 GiB"), (Cause.DEADLINE, "🔁 with 90 min")):
        run = replace(failed(cause), task=TASK)
        assert label in [button.text for button in end_buttons(run, EVERYWHERE, limits)[0]]
        used_up = replace(TASK, memory="6Gi", timeout_seconds=5400)
        (row, _) = end_buttons(replace(run, task=used_up), EVERYWHERE, limits)
        assert [button.text for button in row] == ["🔁 Retry"]


def test_what_is_used_up_is_not_offered() -> None:
    outcome = Outcome(Ending.FAILED, cause=Cause.DEADLINE)
    assert remedy(outcome, TASK, EVERYWHERE) is Change.TIME
    assert remedy(outcome, replace(TASK, timeout_seconds=86_400), EVERYWHERE) is None
    assert remedy(Outcome(Ending.FAILED), TASK, EVERYWHERE) is None
