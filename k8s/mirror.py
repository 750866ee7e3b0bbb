"""What is known of all Runs of a namespace now, and who wants to hear of changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from k8s import names
from k8s.api import Api
from k8s.jobs import Jobs
from k8s.reading import run_of
from k8s.reflector import Collection, Reflector
from k8s.structs import Job, Pod
from runs import queue
from runs.backend import Limits
from runs.outcome import Ending, Outcome, Seen
from runs.run import Run, State

log = logging.getLogger(__name__)


class Follower:
    """What somebody who follows the Runs hasn't heard yet: the newest state of each."""

    def __init__(self, runs: dict[str, Run]) -> None:
        self._waiting = dict(runs)
        self.news = asyncio.Event()
        self.news.set()

    def tell(self, run: Run) -> None:
        """Take note of a Run's newest state."""
        self._waiting[run.id] = run
        self.news.set()

    def take(self) -> list[Run]:
        """Return what wasn't heard yet, oldest first."""
        self.news.clear()
        taken = sorted(self._waiting.values(), key=lambda run: (run.created_at, run.id))
        self._waiting = {}
        return taken


class Mirror:
    """The Runs of a namespace by id, as far as they were read. `unsettled` has the names of Jobs to be looked at."""

    def __init__(self, api: Api, jobs: Jobs, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._complained: set[str] = set()
        self._last_pods: dict[str, Pod] = {}
        self._open: dict[str, Run] = {}
        self._queued: set[str] = set()
        self.jobs = Reflector(
            api,
            Collection(jobs.jobs_path, names.SELECTOR, Job),
            lambda job: self._look(job.metadata.name),
            self._job_gone,
        )
        self.pods = Reflector(
            api, Collection(jobs.pods_path, names.SELECTOR, Pod), self._pod_changed, self._pod_gone
        )
        self.runs: dict[str, Run] = {}
        self.followers: set[Follower] = set()
        self.unsettled: set[str] = set()
        self.news = asyncio.Event()

    @property
    def open_runs(self) -> list[Run]:
        """Return the Runs that haven't ended."""
        return list(self._open.values())

    def all(self) -> list[Run]:
        """Return all Runs, oldest first."""
        return sorted(self.runs.values(), key=lambda run: (run.created_at, run.id))

    def pod(self, job_name: str) -> Pod | None:
        """Return the Pod of a Job; one that is gone only if the end of its program was seen."""
        pod = self._last_pods.get(job_name)
        if pod is None or self._is_of_another_job(pod, job_name):
            return None
        if pod.metadata.name in self.pods.objects:
            return pod
        return pod if pod.container(names.CONTAINER).terminated is not None else None

    async def read_all(self) -> None:
        """Read everything anew. Raises Unavailable, Refused."""
        await asyncio.gather(self.pods.read_all(), self.jobs.read_all())

    def _pod_changed(self, pod: Pod) -> None:
        job_name = (pod.metadata.labels or {}).get(names.JOB_NAME_LABEL, "")
        known = self._last_pods.get(job_name)
        if self._is_of_another_job(pod, job_name):
            return
        if known is None or not _younger(known, pod):
            self._last_pods[job_name] = pod
            self._look(job_name)

    def _pod_gone(self, pod: Pod) -> None:
        job_name = (pod.metadata.labels or {}).get(names.JOB_NAME_LABEL, "")
        known = self._last_pods.get(job_name)
        if known is None or known.metadata.uid != pod.metadata.uid:
            return
        if self.jobs.synced.is_set() and job_name not in self.jobs.objects:
            del self._last_pods[job_name]  # the Job went first: nobody will ask for its Pod
            return
        self._last_pods[job_name] = pod
        self._look(job_name)

    def _is_of_another_job(self, pod: Pod, job_name: str) -> bool:
        """Say whether a Pod belongs to a Job that had this name before: one deleted and asked for again."""
        job = self.jobs.objects.get(job_name)
        owner = (pod.metadata.labels or {}).get(names.JOB_UID_LABEL)
        return job is not None and owner is not None and owner != job.metadata.uid

    def _job_gone(self, job: Job) -> None:
        """Tell who follows of an end that nobody could write down; a Run that had ended just stops coming."""
        self._last_pods.pop(job.metadata.name, None)
        run = self._drop(job.metadata.name)
        if run is not None and not run.ended:
            log.info("run %s: its Job was deleted", run.id)
            outcome = Outcome(Ending.FAILED, run.report, Seen.JOB_DELETED)
            self._tell(replace(run, state=State.ENDED, ended_at=self._clock(), outcome=outcome))
        self._give_places()

    def _drop(self, job_name: str) -> Run | None:
        """Forget the Run of a Job."""
        run_id = names.run_of_job(job_name)
        run = None if run_id is None else self.runs.pop(run_id, None)
        self.unsettled.discard(job_name)
        if run is not None:
            self._open.pop(run.id, None)
            self._queued.discard(run.id)
            self.news.set()
        return run

    def _look(self, job_name: str) -> None:
        """Read a Run anew from what is known of its Job and Pod."""
        job = self.jobs.objects.get(job_name)
        if job is None:
            return
        run = run_of(job, self.pod(job_name))
        if run is None:
            self._drop(job_name)
            self._complain(job)
            return
        before = self.runs.get(run.id)
        if run.state is State.QUEUED:
            run = replace(run, place=None if before is None else before.place)
            self._queued.add(run.id)
        else:
            self._queued.discard(run.id)
        if run.ended:
            self._open.pop(run.id, None)
            self.unsettled.discard(job_name)
        else:
            self._open[run.id] = run
            self.unsettled.add(job_name)
        self._put(run)
        self._give_places()
        self.news.set()

    def _give_places(self) -> None:
        """Say anew who of those that wait is next."""
        if not self._queued:
            return
        places = queue.plan(self._open.values(), self._limits, self._clock()).places
        for run_id in self._queued:
            run = self.runs[run_id]
            if run.place != places.get(run_id):
                self._put(replace(run, place=places.get(run_id)))

    def _put(self, run: Run) -> None:
        if self.runs.get(run.id) == run:
            return
        self.runs[run.id] = run
        if run.id in self._open:
            self._open[run.id] = run
        self._tell(run)

    def _tell(self, run: Run) -> None:
        for follower in self.followers:
            follower.tell(run)

    def _complain(self, job: Job) -> None:
        """Say once of a Job with our label that it isn't a Run."""
        if job.metadata.uid not in self._complained:
            self._complained.add(job.metadata.uid)
            log.warning("the Job %s has our label, but can't be read as a run", job.metadata.name)


def _younger(known: Pod, pod: Pod) -> bool:
    ours, theirs = known.metadata.creation_timestamp, pod.metadata.creation_timestamp
    return (
        known.metadata.uid != pod.metadata.uid
        and ours is not None
        and theirs is not None
        and ours > theirs
    )
