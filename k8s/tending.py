"""What a bot does for its Runs without being asked: write down how they ended, let waiting ones start, give up on those that can't."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from k8s import annotations as notes
from k8s import names
from k8s.annotations import End
from k8s.diagnosis import ended_by_job, ended_by_pod, with_job
from k8s.jobs import Jobs, ending, is_kueues, known, suspension
from k8s.last_words import LastWords
from k8s.mirror import Mirror
from k8s.obstacles import Obstacle, obstacle, with_events
from k8s.place import KubernetesPlace
from k8s.reading import seconds
from k8s.structs import Job
from runs import queue
from runs.backend import BackendError, Moved, Refused, UnknownRun
from runs.outcome import Ending, Outcome, Seen
from runs.run import Run, State

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Between two looks at Runs that don't start."""

PAUSE_SECONDS = 1.0
"""After a look at which the cluster didn't answer."""

_SLACK_SECONDS = 60.0
"""What a Pod may take beyond its grace time until it is gone."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What kept a Run from starting at the last look, since when, and when its Job's events were read, if they were."""

    found: Obstacle | None
    since: float
    read_at: float | None = None


class Tending:
    """Goes on with the Runs of a Mirror. Safe to repeat, and to do beside other bots: all writing is guarded."""

    def __init__(self, place: KubernetesPlace, jobs: Jobs, mirror: Mirror) -> None:
        self._place = place
        self._jobs = jobs
        self._mirror = mirror
        self._admission = asyncio.Lock()
        self._looks: dict[str, _Look] = {}
        self._complaints: dict[str, str] = {}
        self._monotonic: Callable[[], float] = time.monotonic
        self.last_words = LastWords(jobs, place.grace_seconds + _SLACK_SECONDS)

    @property
    def admission(self) -> asyncio.Lock:
        """Return what has to be held while it is decided who has a place."""
        return self._admission

    async def run(self) -> None:
        """Tend for ever, at every change, and from time to time while something doesn't start."""
        while True:
            self._mirror.news.clear()
            try:
                await self.settle_all()
            except Exception:
                log.exception("a mistake while tending the runs")
                await asyncio.sleep(PAUSE_SECONDS)
            waiting = any(self._may_hang(run) for run in self._mirror.open_runs)
            try:
                async with asyncio.timeout(LOOK_SECONDS if waiting else None):
                    await self._mirror.news.wait()
            except TimeoutError:
                continue

    async def settle_all(self) -> None:
        """Write down what ended, give up what can't start, let start what may. What fails is left for the next time."""
        self._listen()
        names_of_jobs, self._mirror.unsettled = self._mirror.unsettled, set()
        for name in names_of_jobs:
            await self._guarded(name, self._settle)
        for run in self._mirror.open_runs:
            if run.state is State.RUNNING and self._may_hang(run):
                await self._guarded(names.job_name(run.id), self._look_at)
        self._forget_those_gone()
        try:
            await self.admit()
        except BackendError as error:
            log.warning("runs wait for the next look: %s", error)

    async def settle_one(self, name: str) -> None:
        """Write down how one Run ended, or give it up where it can't start; no other is touched."""
        await self._guarded(name, self._settle)
        run = self._mirror.runs.get(names.run_of_job(name) or "")
        if run is not None and run.state is State.RUNNING and self._may_hang(run):
            await self._guarded(name, self._look_at)

    async def admit(self) -> None:
        """Let those start who may, and end who waited too long. Raises Unavailable, Refused."""
        if self._place.kueue is not None:
            return
        if not any(run.state is State.QUEUED for run in self._mirror.open_runs):
            return
        async with self._admission:
            plan = queue.plan(self._mirror.open_runs, self._place.limits, self._place.clock())
            for run_id in plan.overdue:
                job = self._mirror.jobs.objects[names.job_name(run_id)]
                outcome = Outcome(Ending.FAILED, cause=Seen.WAITED_TOO_LONG)
                await self._end(job, End(outcome, self._place.clock()), notes.ADMITTED)
            for run_id in plan.start:
                await self._start(self._mirror.jobs.objects[names.job_name(run_id)], run_id)

    async def retire(self) -> None:
        """Delete what has ended without its Job being finished: Kubernetes' own clock doesn't run for these.

        Raises Unavailable.
        """
        now = self._place.clock()
        for run in self._mirror.all():
            job = self._mirror.jobs.objects.get(names.job_name(run.id))
            if job is None or not run.ended or not job.spec.suspend:
                continue
            ended_at = run.ended_at or run.created_at
            told_at = run.marks.told_at
            limit = self._place.backstop_seconds if told_at is None else self._place.ttl_seconds
            if now - max(ended_at, told_at or ended_at) >= limit:
                await self._guarded_deletion(job, run)

    async def _guarded_deletion(self, job: Job, run: Run) -> None:
        """Delete a Job, unless the cluster refuses: that must not end the sweep for all others."""
        try:
            await self._jobs.delete(job)
        except Refused as error:
            self._complain(job.metadata.name, run, error)
        else:
            self._mirror.jobs.forget(job.metadata.name)

    def _complain(self, name: str, run: Run, error: BackendError) -> None:
        """Say what doesn't work, once for each Run and reason."""
        if self._complaints.get(name) != str(error):
            log.warning("run %s: tried again until it works: %s", run.id, error)
        self._complaints[name] = str(error)

    def _forget_those_gone(self) -> None:
        jobs = self._mirror.jobs.objects
        self._looks = {name: look for name, look in self._looks.items() if name in jobs}
        self._complaints = {name: said for name, said in self._complaints.items() if name in jobs}

    def _listen(self) -> None:
        """Listen to those that were asked to stop, until people know how they ended."""
        for run in self._mirror.open_runs:
            pod = self._mirror.pod(names.job_name(run.id))
            if run.cancelled_by is not None and run.report is not None and pod is not None:
                self.last_words.listen(run.id, pod.metadata.name)
        for run_id in self.last_words.runs:
            known_run = self._mirror.runs.get(run_id)
            if known_run is None or known_run.told:
                self.last_words.drop(run_id)

    async def _guarded(self, name: str, work: Callable[[Job, Run], Awaitable[None]]) -> None:
        """Do something for one Run, so that no other suffers from it."""
        job = self._mirror.jobs.objects.get(name)
        run_id = names.run_of_job(name)
        run = None if run_id is None else self._mirror.runs.get(run_id)
        if job is None or run is None or run.state is not State.RUNNING:
            return
        try:
            await work(job, run)
        except UnknownRun:
            self._mirror.jobs.forget(name)
        except BackendError as error:
            self._complain(name, run, error)
            self._mirror.unsettled.add(name)
            await asyncio.sleep(PAUSE_SECONDS)
            self._mirror.news.set()

    async def _settle(self, job: Job, run: Run) -> None:
        """Write down how a Run ended, if it did."""
        cancelled = run.cancelled_by is not None
        pod = self._mirror.pod(job.metadata.name)
        if pod is None and (ended := ended_by_job(job, cancelled=cancelled)) is not None:
            # The news of Pods may come later than those of Jobs: only a look says that there is none.
            pod = await self._jobs.pod(job)
            if pod is not None:
                self._mirror.pods.apply(pod)
        if pod is not None:
            ended = ended_by_pod(run.id, pod, cancelled=cancelled)
        if ended is None:
            return
        if ended.outcome.cause is Seen.POD_DELETED:
            job = self._mirror.jobs.apply(await self._jobs.read(run.id))
            ended = with_job(ended, job)
        end = End(ended.outcome, seconds(ended.at, self._place.clock()), run.started_at)
        # Kueue took its place away: without an end of the Job it would run the agent again later.
        preempted = job.spec.suspend and is_kueues(job)
        await self._end(job, end, notes.CANCELLED, stop=preempted)

    async def _end(self, job: Job, end: End, *guard: str, stop: bool = False) -> None:
        run_id = names.run_of_job(job.metadata.name) or ""
        more = ending(job) if stop else []
        before = known(job, notes.END, *guard)
        try:
            changed = await self._jobs.change(
                run_id, before, {notes.END: notes.end_text(end)}, more
            )
        except Moved:
            changed = await self._jobs.read(run_id)
        else:
            cause = "" if end.outcome.cause is None else f", {end.outcome.cause.value}"
            log.info("run %s: ended: %s%s", run_id, end.outcome.ending.value, cause)
        self._mirror.jobs.apply(changed)

    async def _start(self, job: Job, run_id: str) -> None:
        before = known(job, notes.END, notes.CANCELLED, notes.ADMITTED)
        texts = {notes.ADMITTED: repr(self._place.clock())}
        try:
            changed = await self._jobs.change(run_id, before, texts, suspension(wanted=False))
        except Moved:
            changed = await self._jobs.read(run_id)
        except UnknownRun:
            return self._mirror.jobs.forget(job.metadata.name)
        else:
            log.info("run %s: has a place", run_id)
        self._mirror.jobs.apply(changed)
        return None

    def _may_hang(self, run: Run) -> bool:
        """Say whether a Run waits for what may never come: its start, or the end of a Pod that is to go."""
        if run.report is None:
            return True
        pod = self._mirror.pod(names.job_name(run.id))
        return pod is not None and pod.metadata.deletion_timestamp is not None

    async def _look_at(self, job: Job, run: Run) -> None:
        """Give up on a Run that can't start, or whose end nobody tells, when that lasted too long."""
        now = self._monotonic()
        look = await self._look(job, self._looks.get(job.metadata.name, _Look(None, now)), now)
        self._looks[job.metadata.name] = look
        found = look.found
        if found is None:
            return
        seconds = self._place.patience.of(found.cause)
        if found.cause is Seen.NODE_GONE:
            seconds += found.grace_seconds
        elif run.cancelled_by is not None or job.spec.suspend:
            return
        if found.final or now - look.since >= seconds:
            outcome = await self._given_up(job, run, found)
            end = End(outcome, self._place.clock(), run.started_at)
            await self._end(job, end, notes.CANCELLED, stop=not job.spec.suspend)

    async def _given_up(self, job: Job, run: Run, found: Obstacle) -> Outcome:
        pod = self._mirror.pod(job.metadata.name)
        if found.by_events and pod is not None:
            found = with_events(found, await self._jobs.events(pod.metadata.uid))
        ending = Ending.FAILED if run.cancelled_by is None else Ending.CANCELLED
        return Outcome(ending, run.report, cause=found.cause, error=found.error or None)

    async def _look(self, job: Job, before: _Look, now: float) -> _Look:
        """Look at what keeps a Job's Run from starting; its events are asked for from time to time only."""
        pod = self._mirror.pod(job.metadata.name)
        last = before.since if before.read_at is None else before.read_at
        if pod is not None:
            found, read_at = obstacle(pod, ()), None
        elif now - last < self._place.patience.no_pod:
            return before
        else:
            found, read_at = obstacle(None, await self._jobs.events(job.metadata.uid)), now
        if found is not None and before.found is not None:
            same = self._place.patience.is_same(found.cause, before.found.cause)
            found = before.found if same and found.vague else found
        else:
            same = found is before.found
        first = before.found is None and pod is None
        return _Look(found, before.since if same or first else now, read_at)
