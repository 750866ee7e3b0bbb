from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs import encoding
from runs.outcome import Ending, Exit, Outcome, Seen
from runs.run import Marks, Origin, Run, State
from sandbox.report import Cause, Phase, Report, Verdict
from sandbox.task import RepoStack, Task

REPORT = Report(
    "abcdefgh", Phase.DONE, Verdict.FAILED, summary="…", denied=("Bash",), cause=Cause.BUDGET
)
FULL = Run(
    id="abcdefgh",
    key="message:1:2",
    task=Task(
        *("https://example.org/r.git", "do\n🙂\ud83d", "r", "main", 60, "opus", 1.5, True),
        *("4Gi", "2", "image:1", ("postgres", "redis"), "main", "develop", True, "bin/setup"),
        variables=(("RAILS_ENV", "test"),),
        stack=RepoStack("ruby", "3.3.1", ("services",), ("Ruby 3.1 can't be had",)),
    ),
    origin=Origin(-100, 2, 3, "Ada", 4, True),
    state=State.ENDED,
    created_at=1.25,
    version="3",
    marks=Marks(5, 2.5, 3.5, card_closed=True, home_told=True),
    started_at=1.5,
    ended_at=2.0,
    report=REPORT,
    outcome=Outcome(Ending.FAILED, REPORT, Cause.BUDGET, "reached", Exit(1)),
    cancelled_by="Bob",
)
SPARE = Run("abcdefgh", "k", Task("u", "p"), Origin(1, 2, 3), State.QUEUED, 1.0, "0", place=3)


def through(run: Run) -> Run | None:
    return encoding.read_run(encoding.load(encoding.dump(encoding.run_values(run))))


@pytest.mark.parametrize(
    "run",
    [
        FULL,
        SPARE,
        replace(FULL, outcome=Outcome(Ending.CANCELLED, cause=Seen.KILLED, exit=Exit(None, 9))),
        replace(FULL, outcome=Outcome(Ending.PUSHED, REPORT)),
    ],
)
def test_a_run_comes_back_as_it_was(run: Run) -> None:
    assert through(run) == run


def test_the_example_fills_every_field() -> None:
    for value in (FULL.task, FULL.origin, FULL.marks):
        for field in fields(value):
            assert getattr(value, field.name) != field.default, field.name


def changed(**values: Any) -> dict[str, Any]:
    return {**json.loads(encoding.dump(encoding.run_values(FULL))), **values}


def test_fields_of_a_newer_version_are_left_out() -> None:
    found = changed(colour="red", marks={"card_id": 5, "mood": "good"}, place="first")
    assert encoding.read_run(found) == replace(FULL, marks=Marks(5))


def test_an_unknown_cause_is_an_internal_one() -> None:
    run = encoding.read_run(changed(outcome={"ending": "failed", "cause": "gremlins"}))
    assert run is not None
    assert run.outcome == Outcome(Ending.FAILED, cause=Cause.INTERNAL)


@pytest.mark.parametrize(
    "found",
    [
        None,
        [],
        {},
        changed(id=5),
        changed(key=None),
        changed(created_at="now"),
        changed(created_at=True),
        changed(task={"repo_url": "u"}),
        changed(origin={"chat_id": 1, "message_id": 2}),
        changed(origin=[]),
        changed(state="dreaming"),
        changed(state="queued"),
        changed(outcome=None),
        changed(outcome={"ending": []}),
    ],
)
def test_what_lacks_the_parts_of_a_run_is_none_fault_31(found: object) -> None:
    assert encoding.read_run(found) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(changed())), json_values)
def test_no_value_in_any_place_is_an_error_fault_31(name: str, value: object) -> None:
    encoding.read_run(changed(**{name: value}))


@pytest.mark.parametrize("data", [b"", b"\xff\xfe{", b"{", b"[" * 100_000, b"\0"])
def test_what_is_not_json_is_none_fault_31(data: bytes) -> None:
    assert encoding.load(data) is None
