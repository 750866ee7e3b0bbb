"""Who may start: pure decision over the Runs of a place and its Limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runs.backend import Limits
from runs.run import Run, State, by_age


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of the QUEUED Runs, by id.

    `start` may start now, in this order. `overdue` waited too long and have to end. `places` has the others, 1
    for the next to start.
    """

    start: tuple[str, ...]
    overdue: tuple[str, ...]
    places: Mapping[str, int]


def plan(runs: Iterable[Run], limits: Limits, now: float) -> Plan:
    """Decide over all QUEUED Runs, oldest first; a person at the limit is overtaken, not waited for.

    `now` is in seconds since 1970, like `Run.created_at`.
    """
    known = list(runs)
    running = [run for run in known if run.state is State.RUNNING]
    queued = sorted((run for run in known if run.state is State.QUEUED), key=by_age)
    overdue = [run for run in queued if _waited_too_long(run, limits, now)]
    line = _in_line([run for run in queued if run not in overdue], running, limits)
    free = len(line.ready) if limits.runs is None else max(limits.runs - len(running), 0)
    waiting = line.ready[free:] + line.held
    return Plan(
        start=tuple(run.id for run in line.ready[:free]),
        overdue=tuple(run.id for run in overdue),
        places={run.id: place for place, run in enumerate(waiting, 1)},
    )


@dataclass(frozen=True, slots=True)
class _Line:
    """`ready` wait for the place's limit at most, `held` for another Run of their own person."""

    ready: list[Run]
    held: list[Run]


def _waited_too_long(run: Run, limits: Limits, now: float) -> bool:
    return limits.queue_seconds is not None and now - run.created_at >= limits.queue_seconds


def _in_line(queued: list[Run], running: list[Run], limits: Limits) -> _Line:
    busy = Counter(run.origin.person_id for run in running)
    line = _Line([], [])
    for run in queued:
        person = run.origin.person_id
        if limits.runs_per_person is not None and busy[person] >= limits.runs_per_person:
            line.held.append(run)
        else:
            busy[person] += 1
            line.ready.append(run)
    return line
