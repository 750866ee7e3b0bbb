"""The Backend on a Kubernetes cluster: the Jobs are the database, this object holds nothing that it can't read again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from weakref import WeakValueDictionary

from k8s import annotations as notes
from k8s import log_start, names
from k8s.annotations import Asked, End
from k8s.api import LEAVE_SECONDS, MAX_LOG_BYTES, Api, Patch
from k8s.jobs import AlreadyExists, Jobs, ending, is_kueues, known
from k8s.mirror import Follower, Mirror
from k8s.place import KubernetesPlace
from k8s.reading import run_of
from k8s.structs import Job, Pod
from k8s.tending import Tending
from k8s.version import VersionCheck
from runs import queue
from runs.backend import Moved, Refused, Unavailable, UnknownRun, UnreadableRun
from runs.counted import Counted
from runs.outcome import Ending, Outcome
from runs.run import Marks, Origin, Run, State, run_id
from sandbox.dependencies.slots import Slot
from sandbox.report import Cause
from sandbox.task import Task

log = logging.getLogger(__name__)

_TRIES = 6
"""How often a change is tried again that others got in the way of."""


class KubernetesBackend:
    """Runs on a cluster. Several objects, in several processes, may use one namespace at once.

    From the first `changes` on, two watches follow everything, and what ends is written down at once; before, each
    call reads what it needs.
    """

    leave_seconds = LEAVE_SECONDS

    def __init__(self, place: KubernetesPlace) -> None:
        self._place = place
        self._api = Api(place.kubeconfig, place.context)
        self._version = VersionCheck(self._api)
        self._jobs = Jobs(self._api, place.namespace)
        self._mirror = Mirror(self._api, self._jobs, place.own_limits, place.clock)
        self._tending = Tending(place, self._jobs, self._mirror)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    @property
    def called(self) -> str:
        """See Backend.called."""
        return "the cluster"

    @property
    def ignored_options(self) -> frozenset[str]:
        """Name nothing: a cluster can apply every option."""
        return frozenset()

    @property
    def requests(self) -> int:
        """Return how many requests were sent to the API server."""
        return self._api.requests

    @property
    def counted(self) -> Counted:
        """See Backend.counted."""
        return Counted(
            dict(self._api.answers), {**self._mirror.jobs.restarts, **self._mirror.pods.restarts}
        )

    async def where(self) -> str:
        """See Backend.where: the API server's address, and the namespace."""
        return f"{await self._api.server()}/namespaces/{self._place.namespace}"

    async def start(self, key: str, task: Task, origin: Origin) -> Run:
        """See Backend.start: one create, and what exists already is met."""
        if self._follows and (known_run := self._mirror.runs.get(run_id(key))) is not None:
            return _same(known_run, key)
        await self._version.demand()
        asked = Asked(key, task, origin, self._place.clock())
        try:
            job = await self._create(asked, await self._slots(task))
        except AlreadyExists:
            return _same(await self._read(run_id(key)), key)
        return await self._seen(run_id(key), job)

    async def cancel(self, run_id: str, by: str) -> Run:
        """See Backend.cancel: who asked is noted, and the Job suspended, with which its Pod is ended in its grace time."""
        for _ in range(_TRIES):
            job = await self._jobs.read(run_id)
            run = await self._seen(run_id, job)
            if run.ended or run.cancelled_by is not None:
                return run
            texts, more = self._cancellation(run, job, by)
            before = known(job, notes.END, notes.CANCELLED, notes.ADMITTED)
            try:
                job = await self._jobs.change(run_id, before, texts, more)
            except Moved:
                continue
            return await self._seen(run_id, job)
        raise Unavailable(f"Run {run_id} changes too fast to be stopped now.")

    async def get(self, run_id: str) -> Run:
        """See Backend.get: without a request where the watches tell of the Run.

        What they haven't told yet does no harm: every change tests what it was decided on.
        """
        known_run = self._mirror.runs.get(run_id) if self._follows else None
        return known_run or await self._read(run_id)

    async def list_runs(self) -> list[Run]:
        """See Backend.list_runs."""
        await self._mirror.read_all()
        return self._mirror.all()

    async def changes(self) -> AsyncGenerator[Run, None]:
        """See Backend.changes; ends when this object is closed."""
        self._follow()
        await self._mirror.jobs.synced.wait()
        follower = Follower(self._mirror.runs)
        self._mirror.followers.add(follower)
        try:
            while not self._closed:
                for run in follower.take():
                    yield run
                await follower.news.wait()
        finally:
            self._mirror.followers.discard(follower)

    async def read_log(
        self, run_id: str, *, tail_bytes: int | None = None, service: str | None = None
    ) -> bytes:
        """See Backend.read_log; a service is a sidecar of the Pod, and its log goes with the Pod."""
        pod = await self._pod(run_id)
        printed = b""
        if pod is not None:
            container = names.CONTAINER if service is None else sidecar_of(pod, service)
            printed = await self._jobs.log(pod.metadata.name, tail_bytes, container)
            if service is None and (tail_bytes is None or len(printed) < tail_bytes):
                printed = await self._with_remark(printed, pod)
        if printed or tail_bytes == 0 or service is not None:
            return printed
        heard = await self._tending.last_words.of(run_id)
        return heard if tail_bytes is None else heard[-tail_bytes:]

    async def services(self, run_id: str) -> tuple[str, ...]:
        """See Backend.services: the sidecars of the Pod."""
        pod = await self._pod(run_id)
        return () if pod is None else _beside(pod)

    async def mark(self, run: Run, marks: Marks) -> Run:
        """See Backend.mark: one patch that tests the text of the marks, which is their version."""
        async with self._turn(run.id):
            if self._is_behind(run):
                raise Moved(f"Run {run.id} changed meanwhile.")
            before = {notes.MARKS: run.version}
            if not run.version:  # somebody's hand removed the annotation
                before = known(await self._jobs.read(run.id), notes.MARKS)
                if before:
                    raise Moved(f"Run {run.id} changed meanwhile.")
            texts = {notes.MARKS: notes.marks_text(marks, previous=run.version)}
            try:
                job = await self._jobs.change(run.id, before, texts, [])
            except Moved as error:
                if (await self._read(run.id)).version == run.version:
                    raise Refused(f"The cluster refuses to mark run {run.id}: {error}") from error
                raise
            return await self._seen(run.id, job)

    async def acknowledge(self, run: Run, told_at: float) -> Run:
        """See Backend.acknowledge: one patch sets the mark, the status label and the Job's time to live."""
        async with self._turn(run.id):
            job = self._mirrored(run.id)
            for _ in range(_TRIES):
                job = job or await self._jobs.read(run.id)
                current = await self._seen(run.id, job)
                if current.told:
                    return current
                before = known(job, notes.MARKS)
                texts = {notes.MARKS: notes.told_text(current.version, told_at)}
                try:
                    job = await self._jobs.change(run.id, before, texts, self._retirement(current))
                except Moved:
                    job = None
                    continue
                return await self._seen(run.id, job)
        raise Unavailable(f"Run {run.id} changes too fast to be acknowledged now.")

    async def clean(self, run_id: str) -> bool:
        """See Backend.clean."""
        try:
            job = await self._jobs.read(run_id)
        except UnknownRun:
            return True
        run = run_of(job, None)
        if run is None or not (run.ended and run.told):
            return False
        await self._jobs.delete(job)
        self._mirror.jobs.apply(job)
        self._mirror.jobs.forget(job.metadata.name)
        log.info("run %s: removed", run_id)
        return True

    async def sweep(self) -> None:
        """See Backend.sweep."""
        await self._mirror.read_all()
        await self._tending.settle_all()
        await self._tending.retire()

    async def close(self) -> None:
        """See Backend.close."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._tending.last_words.close()
        self._mirror.jobs.synced.set()
        for follower in self._mirror.followers:
            follower.news.set()
        await self._api.close(self.leave_seconds)

    @property
    def _follows(self) -> bool:
        """Say whether the mirror is kept up to date by watches."""
        return (
            bool(self._tasks)
            and self._mirror.jobs.synced.is_set()
            and self._mirror.pods.synced.is_set()
        )

    def _follow(self) -> None:
        if self._tasks or self._closed:
            return
        followers = (self._mirror.pods.run(), self._mirror.jobs.run(), self._tending.run())
        for work in (*followers, self._version.warn()):
            self._tasks.append(asyncio.create_task(work))

    def _mirrored(self, run_id: str) -> Job | None:
        """Return the Job of a Run as the watches told it."""
        return self._mirror.jobs.objects.get(names.job_name(run_id)) if self._follows else None

    async def _with_remark(self, printed: bytes, pod: Pod) -> bytes:
        """Return a whole log, with a line before it where its beginning is gone."""
        if not log_start.may_lack_its_start(printed):
            return printed
        if len(printed) >= MAX_LOG_BYTES:
            return log_start.cut(MAX_LOG_BYTES) + printed
        first_at = await self._jobs.first_line_at(pod.metadata.name)
        return log_start.remark(first_at, pod) + printed

    async def _pod(self, run_id: str) -> Pod | None:
        """Return the Pod of a Run, None where there is none (any more). Raises UnknownRun."""
        job = self._mirrored(run_id) or await self._jobs.read(run_id)
        if self._follows:
            return self._mirror.pod(names.job_name(run_id))
        return await self._jobs.pod(job)

    async def _read(self, run_id: str) -> Run:
        """Read a Run anew. Raises UnknownRun."""
        return await self._seen(run_id, await self._jobs.read(run_id))

    def _turn(self, run_id: str) -> asyncio.Lock:
        """Return what is held while marks of a Run are written: in one process nobody gets in another's way."""
        return self._turns.setdefault(run_id, asyncio.Lock())

    def _is_behind(self, run: Run) -> bool:
        """Say whether a Run's marks are known to have been written since `run` was read: no need to ask the cluster."""
        newest = self._mirror.runs.get(run.id) if self._follows else None
        return newest is not None and notes.count(newest.version) > notes.count(run.version)

    async def _slots(self, task: Task) -> tuple[Slot, ...]:
        """Return where a bucket keeps the dependencies of a Task's repository; nobody but a broker can hold them."""
        signer = self._place.cache_signer
        if signer is None or not self._place.brokers(task):
            return ()
        return await signer.sign(task.repo_url, self._place.life_seconds(task))

    async def _create(self, asked: Asked, slots: tuple[Slot, ...]) -> Job:
        """Create the Job, suspended where a limit is reached. Raises AlreadyExists."""
        from k8s.manifest import manifest  # with the templates' library: for a start only

        async def create(*, suspended: bool) -> Job:
            wanted = manifest(asked, self._place, suspended=suspended, slots=slots)
            return await self._jobs.create(wanted)

        limits = self._place.own_limits
        if self._place.kueue is not None:
            return await create(suspended=True)
        if limits.runs is None and limits.runs_per_person is None:
            return await create(suspended=False)
        async with self._tending.admission:
            if not self._follows:
                await self._mirror.read_all()
            job = await create(suspended=not self._may_start(asked))
            return self._mirror.jobs.apply(job)

    def _may_start(self, asked: Asked) -> bool:
        new = Run(
            run_id(asked.key), asked.key, asked.task, asked.origin, State.QUEUED, asked.at, ""
        )
        others = [run for run in self._mirror.open_runs if run.id != new.id]
        return new.id in queue.plan([*others, new], self._place.limits, asked.at).start

    async def _seen(self, id_of_run: str, job: Job) -> Run:
        """Take a Job that was just read or changed, with its Pod where that matters; return the Run."""
        job = self._mirror.jobs.apply(job)
        run = self._mirror.runs.get(id_of_run)
        if run is None and job.metadata.name in self._mirror.jobs.objects:
            raise UnreadableRun(f"The annotations of run {id_of_run} were changed by hand.")
        if run is None:
            raise UnknownRun(f"There is no run {id_of_run} (any more).")
        if not self._follows:
            if run.state is State.RUNNING:
                pod = await self._jobs.pod(job)
                known_pod = self._mirror.pod(job.metadata.name)
                if pod is not None:
                    self._mirror.pods.apply(pod)
                elif known_pod is not None:
                    self._mirror.pods.forget(known_pod.metadata.name)
            elif run.state is State.QUEUED:
                await self._mirror.read_all()
        return self._mirror.runs.get(id_of_run, run)

    def _cancellation(self, run: Run, job: Job, by: str) -> tuple[dict[str, str], Patch]:
        """Return the texts that stop a Run: one that waits ends with them."""
        now = self._place.clock()
        texts = {notes.CANCELLED: notes.cancelled_text(by, now)}
        if run.state is State.QUEUED:
            outcome = Outcome(Ending.CANCELLED, cause=Cause.CANCELLED)
            patch = ending(job) if is_kueues(job) else []
            return {**texts, notes.END: notes.end_text(End(outcome, now))}, patch
        return texts, [] if job.spec.suspend else ending(job)

    def _retirement(self, run: Run) -> Patch:
        patch: Patch = [
            {"op": "add", "path": "/spec/ttlSecondsAfterFinished", "value": self._place.ttl_seconds}
        ]
        if run.outcome is not None:
            status = names.COMPLETE if run.outcome.ended_well else names.FAILED
            patch.append(
                {"op": "add", "path": f"/metadata/labels/{names.STATUS_LABEL}", "value": status}
            )
        return patch


def sidecar_of(pod: Pod, service: str) -> str:
    """Return the container of a service beside the agent. Raises Refused, naming those that are there."""
    beside = _beside(pod)
    if names.service(service) not in beside:
        there = ", ".join(beside) or "none"
        raise Refused(f"No such service runs beside this run. There are: {there}.")
    containers = [status.name for status in pod.status.init_container_statuses or ()]
    return next(name for name in containers if names.service(name) == names.service(service))


def _beside(pod: Pod) -> tuple[str, ...]:
    """Return the services of a Pod: its sidecars, whatever their containers are called."""
    containers = [status.name for status in pod.status.init_container_statuses or ()]
    return tuple(names.service(name) for name in containers if name != names.PROGRAM)


def _same(run: Run, key: str) -> Run:
    """Return the Run that exists already. Raises Refused when it is another key's: ids are short."""
    if run.key != key:
        raise Refused(f"Another task has the same id, {run.id}. Send the task again.")
    return run
