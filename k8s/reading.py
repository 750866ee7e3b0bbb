"""What a Job and its Pod say about a Run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from k8s import annotations as notes
from k8s import diagnosis, names
from k8s.obstacles import obstacle
from k8s.structs import Job, Pod
from runs.outcome import Seen
from runs.run import Run, State

CLOCKS_AGREE_SECONDS = 5.0


def run_of(job: Job, pod: Pod | None) -> Run | None:
    """Return the Run of a Job, without its place; None for a Job that isn't one of ours."""
    found = job.metadata.annotations or {}
    run_id = names.run_of_job(job.metadata.name)
    asked = None if run_id is None else notes.read_asked(found, run_id)
    if run_id is None or asked is None:
        return None
    created_at = _created_at(job, asked.at)
    run = Run(
        id=run_id,
        key=asked.key,
        task=asked.task,
        origin=asked.origin,
        state=State.QUEUED,
        created_at=created_at,
        version=found.get(notes.MARKS, ""),
        marks=notes.read_marks(found),
        cancelled_by=notes.read_cancelled(found),
    )
    return _ended(run, found) or _going(run, job, pod)


def seconds(at: datetime | None, default: float) -> float:
    """Return a time of the cluster in seconds since 1970."""
    return default if at is None else at.timestamp()


def started_at(run: Run, job: Job, pod: Pod | None) -> float:
    """Return when a Run started by the cluster's clock, as far as it says so."""
    state = None if pod is None else pod.container(names.CONTAINER)
    begun = None
    if state is not None and state.terminated is not None:
        begun = state.terminated.started_at
    elif state is not None and state.running is not None:
        begun = state.running.started_at
    return max(run.created_at, seconds(begun or job.status.start_time, run.created_at))


def _created_at(job: Job, by_asker: float) -> float:
    """Return when the Job was made: the cluster says it to the second, who asked in more detail, if its clock is right."""
    created_at = seconds(job.metadata.creation_timestamp, by_asker)
    return by_asker if abs(by_asker - created_at) <= CLOCKS_AGREE_SECONDS else created_at


def _ended(run: Run, found: Mapping[str, str]) -> Run | None:
    end = notes.read_end(found)
    if end is None:
        return None
    began = None if end.started_at is None else max(end.started_at, run.created_at)
    return replace(
        run,
        state=State.ENDED,
        started_at=began,
        ended_at=max(end.at, began or run.created_at),
        report=end.outcome.report,
        outcome=end.outcome,
    )


def _going(run: Run, job: Job, pod: Pod | None) -> Run:
    admitted = notes.read_admitted(job.metadata.annotations or {})
    if job.spec.suspend and admitted is None and pod is None:
        return run
    return replace(
        run,
        state=State.RUNNING,
        started_at=started_at(run, job, pod),
        held=_held(pod),
        report=diagnosis.report_of(run.id, pod),
    )


def _held(pod: Pod | None) -> Seen | None:
    found = None if pod is None else obstacle(pod, ())
    return None if found is None or found.cause in _USUAL else found.cause


_USUAL = (Seen.NOT_STARTED, Seen.BROKER_FAILED, Seen.NODE_GONE)
"""What every Pod shows while all goes well: its containers aren't there yet, its first isn't ready, or it was deleted and has
its grace time, in which the work is pushed.
"""
