from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k8s import annotations as notes
from k8s.annotations import Asked, End
from runs.outcome import Ending, Exit, Outcome, Seen
from runs.run import Marks, Origin, run_id
from sandbox.report import Cause, Phase, Report, Verdict
from sandbox.task import Task

HOSTILE = json.loads((Path(__file__).parent.parent / "data" / "hostile-strings.json").read_text())
ASKED = Asked("key", Task("u", "p", services=("redis",)), Origin(-100, 2, 3, "A"), 12.25)

OUTCOMES = [
    Outcome(Ending.FAILED, None, Seen.QUOTA, "exceeded quota: small"),
    Outcome(Ending.CANCELLED, cause=Cause.CANCELLED),
    Outcome(
        Ending.PUSHED,
        Report("aaaaaaaa", Phase.DONE, Verdict.PUSHED, summary="é\n😀", branch="b", denied=("x",)),
        exit=Exit(0),
    ),
]


@pytest.mark.parametrize("text", [*HOSTILE, "a\ud83db"])
def test_every_text_comes_back_as_it_was_in_plain_ascii_fault_40(text: str) -> None:
    asked = Asked(text, Task(text, text, branch=text), Origin(-1, 2, 3, text), 1.0)
    found = notes.initial(asked, admitted=True)
    assert all(value.isascii() for value in found.values())
    assert notes.read_asked(found, run_id(text)) == asked
    assert notes.read_cancelled({notes.CANCELLED: notes.cancelled_text(text, 1.0)}) == (text or "?")


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_comes_back_as_it_was(outcome: Outcome) -> None:
    end = End(outcome, 5.5, 2.0)
    assert notes.read_end({notes.END: notes.end_text(end)}) == end


def test_a_new_job_has_all_annotations_so_that_each_change_can_be_guarded() -> None:
    found = notes.initial(ASKED, admitted=False)
    assert tuple(found) == notes.ALL
    assert notes.read_admitted(found) is None
    assert notes.read_cancelled(found) is None
    assert notes.read_end(found) is None
    assert notes.read_marks(found) == Marks()
    assert notes.read_admitted(notes.initial(ASKED, admitted=True)) == 12.25


def test_the_text_of_marks_is_never_the_same_twice() -> None:
    first = notes.marks_text(Marks(), previous="")
    second = notes.marks_text(Marks(card_id=4), previous=first)
    third = notes.marks_text(Marks(), previous=second)
    assert len({first, second, third}) == 3
    told = notes.told_text(second, 9.0)
    assert notes.read_marks({notes.MARKS: told}) == Marks(card_id=4, told_at=9.0)


def test_a_job_that_is_another_runs_is_not_read_as_this_one() -> None:
    found = notes.initial(ASKED, admitted=True)
    assert notes.read_asked(found, run_id("key")) == ASKED
    assert notes.read_asked(found, "aaaaaaaa") is None


@settings(max_examples=300, deadline=None, database=None)
@given(
    st.dictionaries(
        st.sampled_from(notes.ALL),
        st.one_of(
            st.text(max_size=30),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["key", "task", "origin", "at", "outcome", "ending", "by"]),
                        inner,
                    )
                ),
                max_leaves=8,
            ).map(json.dumps),
        ),
    )
)
def test_nonsense_is_read_without_harm_fault_31(found: dict[str, str]) -> None:
    notes.read_asked(found, "aaaaaaaa")
    notes.read_marks(found)
    notes.read_admitted(found)
    notes.read_cancelled(found)
    notes.read_end(found)
    notes.marks_text(Marks(), previous=found.get(notes.MARKS, ""))
    notes.told_text(found.get(notes.MARKS, ""), 1.0)
