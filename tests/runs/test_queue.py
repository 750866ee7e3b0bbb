from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.backend import Limits
from runs.queue import Plan, plan
from runs.run import Origin, Run, State, run_id
from sandbox.task import Task

NOW = 1000.0


def run(name: str, state: State, person: int = 1, at: float = NOW) -> Run:
    """Return a Run whose id is its name."""
    return Run(name, name, Task("u", "p"), Origin(1, 1, person), state, at, "0")


def queued(name: str, person: int = 1, at: float = NOW) -> Run:
    return run(name, State.QUEUED, person, at)


def running(name: str, person: int = 1) -> Run:
    return run(name, State.RUNNING, person)


@pytest.mark.parametrize(
    ("name", "limits", "runs", "expected"),
    [
        ("nothing waits", Limits(runs=1), [running("r")], Plan((), (), {})),
        ("no limit", Limits(), [queued("b"), queued("a")], Plan(("a", "b"), (), {})),
        (
            "oldest first, whatever the order they are read in",
            Limits(runs=1),
            [queued("a", at=NOW - 1), queued("b", at=NOW - 3), queued("c", at=NOW - 2)],
            Plan(("b",), (), {"c": 1, "a": 2}),
        ),
        (
            "ended Runs take no place",
            Limits(runs=1),
            [run("e", State.ENDED), queued("a")],
            Plan(("a",), (), {}),
        ),
        (
            "all places taken",
            Limits(runs=1),
            [running("r"), queued("a"), queued("b")],
            Plan((), (), {"a": 1, "b": 2}),
        ),
        (
            "more run than the limit, which was lowered",
            Limits(runs=1),
            [running("r"), running("s"), queued("a"), queued("b")],
            Plan((), (), {"a": 1, "b": 2}),
        ),
        ("a limit of none at all", Limits(runs=0), [queued("a")], Plan((), (), {"a": 1})),
        (
            "a person at the limit is overtaken",
            Limits(runs_per_person=1),
            [running("r", 1), queued("a", 1, NOW - 2), queued("b", 2, NOW - 1)],
            Plan(("b",), (), {"a": 1}),
        ),
        (
            "two of one person, one may start",
            Limits(runs_per_person=1),
            [queued("a", 1, NOW - 2), queued("b", 1, NOW - 1)],
            Plan(("a",), (), {"b": 1}),
        ),
        (
            "who may not start yet stands behind who may",
            Limits(runs=1, runs_per_person=1),
            [running("r", 1), queued("a", 1, NOW - 2), queued("b", 2, NOW - 1)],
            Plan((), (), {"b": 1, "a": 2}),
        ),
        (
            "waited too long, though a place is free",
            Limits(queue_seconds=60),
            [queued("a", at=NOW - 60), queued("b", at=NOW - 59.9)],
            Plan(("b",), ("a",), {}),
        ),
        (
            "who waited too long keeps nobody of the same person waiting",
            Limits(runs_per_person=1, queue_seconds=60),
            [queued("a", 1, NOW - 61), queued("b", 1)],
            Plan(("b",), ("a",), {}),
        ),
    ],
)
def test_who_may_start(name: str, limits: Limits, runs: list[Run], expected: Plan) -> None:
    assert plan(runs, limits, NOW) == expected, name


limits_of_any_kind = st.builds(
    Limits,
    st.none() | st.integers(0, 4),
    st.none() | st.integers(0, 3),
    st.none() | st.floats(0.1, 100),
)
runs_of_any_kind = st.lists(
    st.builds(run, st.just(""), st.sampled_from(State), st.integers(1, 3), st.floats(900, 1000)),
    max_size=12,
)


@given(limits_of_any_kind, runs_of_any_kind)
def test_a_plan_never_breaks_a_limit_and_forgets_nobody(limits: Limits, found: list[Run]) -> None:
    runs = [
        run(run_id(str(n)), one.state, one.origin.person_id, one.created_at)
        for n, one in enumerate(found)
    ]
    decided = plan(runs, limits, NOW)
    waiting = [one.id for one in runs if one.state is State.QUEUED]
    assert sorted([*decided.start, *decided.overdue, *decided.places]) == sorted(waiting)
    assert list(decided.places.values()) == list(range(1, len(decided.places) + 1))
    busy = [one for one in runs if one.state is State.RUNNING or one.id in decided.start]
    if decided.start and limits.runs is not None:
        assert len(busy) <= limits.runs
    for started in decided.start:
        person = next(one.origin.person_id for one in runs if one.id == started)
        of_person = sum(one.origin.person_id == person for one in busy)
        assert limits.runs_per_person is None or of_person <= limits.runs_per_person


def test_commands_that_came_in_one_second_wait_in_the_order_of_their_messages() -> None:
    second = queued("second", at=NOW + 0.1)
    first = queued("first", at=NOW + 0.2)
    runs = [
        replace(run, origin=replace(run.origin, message_id=message))
        for run, message in ((second, 8), (first, 7))
    ]
    decided = plan([running("busy"), *runs], Limits(runs=1), NOW + 1)
    assert decided.places == {"first": 1, "second": 2}
