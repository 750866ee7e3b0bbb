"""A Run with the end that its Job and Pod show, where no bot has written it down. Pure."""

from __future__ import annotations

from dataclasses import replace

from k8s.diagnosis import ended_by_job, ended_by_pod, with_job
from k8s.reading import seconds
from k8s.structs import Job, Pod
from runs.outcome import Seen
from runs.run import Run, State


def judged(run: Run, job: Job, pod: Pod | None) -> Run:
    """Return the Run as a bot would see it; one that goes on, waits or has its end is returned as it is."""
    if run.state is not State.RUNNING:
        return run
    cancelled = run.cancelled_by is not None
    if pod is None:
        ended = ended_by_job(job, cancelled=cancelled)
    else:
        ended = ended_by_pod(run.id, pod, cancelled=cancelled)
    if ended is None:
        return run
    if ended.outcome.cause is Seen.POD_DELETED:
        ended = with_job(ended, job)
    at = max(seconds(ended.at, run.created_at), run.started_at or run.created_at)
    return replace(
        run,
        state=State.ENDED,
        ended_at=at,
        report=ended.outcome.report,
        outcome=ended.outcome,
    )
