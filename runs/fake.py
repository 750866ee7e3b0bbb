"""The Backend in memory: the behaviour of a real place, with levers for tests and time that a test can turn."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace

from runs import queue
from runs.backend import Limits, Moved, Refused, UnknownRun
from runs.counted import Counted
from runs.outcome import Ending, Exit, Outcome, Seen, judge
from runs.run import Marks, Origin, Run, State, by_age, run_id
from sandbox.report import Cause, Report
from sandbox.task import Task

_GOOD_EXIT = Exit(0)


@dataclass(frozen=True, slots=True)
class _Failure:
    error: Exception
    method: str
    persisted: bool


class FakePlace:
    """What outlives a FakeBackend: Runs, logs, and the levers that a test pulls.

    A new FakeBackend over the same place is a restarted bot. `clock` gives seconds since 1970. An obedient place
    ends a cancelled Run at once; another leaves it RUNNING until `finish`. `starts` counts by id how often a Run's
    program was started. `service_logs` are by id and service; a Run that isn't in it has no services.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
        ttl_seconds: float = 3600.0,
        obedient: bool = True,
        name: str = "memory",
    ) -> None:
        self.limits = limits or Limits()
        self.clock = clock
        self.ttl_seconds = ttl_seconds
        self.obedient = obedient
        self.name = name
        self.runs: dict[str, Run] = {}
        self.logs: dict[str, bytes] = {}
        self.service_logs: dict[str, dict[str, bytes]] = {}
        self.starts: Counter[str] = Counter()
        self.news = asyncio.Event()
        self._failures: list[_Failure] = []
        self._held: dict[str, asyncio.Event] = {}

    def finish(
        self,
        id_of_run: str,
        outcome: Outcome | None = None,
        *,
        report: Report | None = None,
        program_exit: Exit | None = _GOOD_EXIT,
    ) -> Run:
        """End a RUNNING Run with an Outcome, or with the one that its last Report and its exit come to."""
        run = self.known(id_of_run)
        if run.state is not State.RUNNING:
            raise ValueError(f"Run {run.id} is {run.state.value}, not running")
        cancelled = run.cancelled_by is not None
        ended = self._end(
            run, outcome or judge(report or run.report, program_exit, cancelled=cancelled)
        )
        self.settle()
        return ended

    def progress(self, id_of_run: str, report: Report | None = None, log: bytes = b"") -> Run:
        """Let a RUNNING Run write a provisional Report, or print."""
        run = self.known(id_of_run)
        self.logs[run.id] += log
        return self.put(replace(run, report=report or run.report))

    def fail_next(
        self, error: Exception, *, method: str = "start", persisted: bool = False
    ) -> None:
        """Let the next call of a Backend method raise; `persisted` lets it take effect before."""
        self._failures.append(_Failure(error, method, persisted))

    def hold(self, method: str = "start") -> None:
        """Let calls of a Backend method wait until `release`, like a slow cluster."""
        self._held.setdefault(method, asyncio.Event())

    def release(self, method: str = "start") -> None:
        """Let the held calls of a Backend method go on."""
        self._held.pop(method).set()

    def known(self, id_of_run: str) -> Run:
        """Return a Run as it is now. Raises UnknownRun."""
        if id_of_run not in self.runs:
            raise UnknownRun(f"There is no run {id_of_run} (any more).")
        return self.runs[id_of_run]

    def service_log(self, id_of_run: str, service: str) -> bytes:
        """Return what a service printed that a test put beside a Run. Raises Refused."""
        beside = self.service_logs.get(id_of_run, {})
        if service not in beside:
            raise Refused(f"No {service} runs beside run {id_of_run}.")
        return beside[service]

    def put(self, run: Run) -> Run:
        """Replace a Run and wake who follows the changes."""
        self.runs[run.id] = run
        self.news.set()
        self.news = asyncio.Event()
        return run

    def settle(self) -> None:
        """Start what may start, end what waited too long, give the others their places."""
        now = self.clock()
        decided = queue.plan(self.runs.values(), self.limits, now)
        for id_of_run in decided.start:
            self.starts[id_of_run] += 1
            started = replace(self.runs[id_of_run], state=State.RUNNING, started_at=now, place=None)
            self.put(started)
        for id_of_run in decided.overdue:
            self._end(self.runs[id_of_run], Outcome(Ending.FAILED, cause=Seen.WAITED_TOO_LONG))
        for id_of_run, place in decided.places.items():
            if self.runs[id_of_run].place != place:
                self.put(replace(self.runs[id_of_run], place=place))

    def cancel(self, run: Run, by: str) -> Run:
        """Note who asked a Run to stop, and stop it if it waits or the place is obedient."""
        if run.ended:
            return run
        run = self.put(replace(run, cancelled_by=run.cancelled_by or by))
        if run.state is State.QUEUED or self.obedient:
            run = self._end(run, Outcome(Ending.CANCELLED, run.report, Cause.CANCELLED))
            self.settle()
        return run

    def forget(self, id_of_run: str) -> None:
        """Remove a Run and its log, as `clean` does and as somebody's hand may."""
        self.runs.pop(id_of_run, None)
        self.logs.pop(id_of_run, None)

    def failure(self, method: str, *, persisted: bool) -> Exception | None:
        """Take the failure that the next call of a method was promised, if there is one."""
        for number, failure in enumerate(self._failures):
            if failure.method == method:
                if failure.persisted is not persisted:
                    return None
                return self._failures.pop(number).error
        return None

    async def released(self, method: str) -> None:
        """Wait while a method is held."""
        if method in self._held:
            await self._held[method].wait()

    def _end(self, run: Run, outcome: Outcome) -> Run:
        ended = replace(
            run,
            state=State.ENDED,
            ended_at=self.clock(),
            place=None,
            report=outcome.report,
            outcome=outcome,
        )
        return self.put(ended)


class FakeBackend:
    """A Backend over a FakePlace, which tests may share between several."""

    def __init__(
        self, place: FakePlace | None = None, *, ignored_options: frozenset[str] = frozenset()
    ) -> None:
        self.place = place or FakePlace()
        self._ignored_options = ignored_options
        self._closed = False

    @property
    def called(self) -> str:
        """See Backend.called."""
        return "the place where runs live"

    @property
    def ignored_options(self) -> frozenset[str]:
        """Return the names that the test gave."""
        return self._ignored_options

    @property
    def counted(self) -> Counted:
        """See Backend.counted."""
        return Counted()

    async def where(self) -> str:
        """See Backend.where."""
        return self.place.name

    async def start(self, key: str, task: Task, origin: Origin) -> Run:
        """See Backend.start."""
        await self._enter("start")
        place, id_of_run = self.place, run_id(key)
        if id_of_run not in place.runs:
            place.logs[id_of_run] = b""
            place.put(Run(id_of_run, key, task, origin, State.QUEUED, place.clock(), version="0"))
            place.settle()
        self._leave("start")
        return place.runs[id_of_run]

    async def cancel(self, run_id: str, by: str) -> Run:
        """See Backend.cancel."""
        await self._enter("cancel")
        run = self.place.cancel(self.place.known(run_id), by)
        self._leave("cancel")
        return run

    async def get(self, run_id: str) -> Run:
        """See Backend.get."""
        await self._enter("get")
        return self.place.known(run_id)

    async def list_runs(self) -> list[Run]:
        """See Backend.list_runs."""
        await self._enter("list_runs")
        return sorted(self.place.runs.values(), key=by_age)

    async def changes(self) -> AsyncGenerator[Run, None]:
        """See Backend.changes; ends when this object is closed."""
        seen: dict[str, Run] = {}
        while not self._closed:
            news = self.place.news
            for run in list(self.place.runs.values()):
                if seen.get(run.id) != run:
                    seen[run.id] = run
                    yield run
            if news is self.place.news:
                await news.wait()

    async def read_log(
        self, run_id: str, *, tail_bytes: int | None = None, service: str | None = None
    ) -> bytes:
        """See Backend.read_log."""
        await self._enter("read_log")
        self.place.known(run_id)
        log = (
            self.place.logs[run_id] if service is None else self.place.service_log(run_id, service)
        )
        return log if tail_bytes is None else log[max(len(log) - tail_bytes, 0) :]

    async def services(self, run_id: str) -> tuple[str, ...]:
        """See Backend.services."""
        await self._enter("services")
        self.place.known(run_id)
        return tuple(self.place.service_logs.get(run_id, {}))

    async def mark(self, run: Run, marks: Marks) -> Run:
        """See Backend.mark."""
        await self._enter("mark")
        current = self.place.known(run.id)
        if current.version != run.version:
            raise Moved(f"Run {run.id} changed meanwhile.")
        marked = self._write_marks(current, marks)
        self._leave("mark")
        return marked

    async def acknowledge(self, run: Run, told_at: float) -> Run:
        """See Backend.acknowledge."""
        await self._enter("acknowledge")
        current = self.place.known(run.id)
        if not current.told:
            current = self._write_marks(current, replace(current.marks, told_at=told_at))
        self._leave("acknowledge")
        return current

    async def clean(self, run_id: str) -> bool:
        """See Backend.clean."""
        await self._enter("clean")
        run = self.place.runs.get(run_id)
        if run is not None and not (run.ended and run.told):
            return False
        self.place.forget(run_id)
        self._leave("clean")
        return True

    async def sweep(self) -> None:
        """See Backend.sweep."""
        await self._enter("sweep")
        place = self.place
        place.settle()
        for run in list(place.runs.values()):
            if run.ended_at is not None and run.marks.told_at is not None:
                since = max(run.ended_at, run.marks.told_at)
                if place.clock() - since >= place.ttl_seconds:
                    place.forget(run.id)
        self._leave("sweep")

    async def close(self) -> None:
        """See Backend.close."""
        self._closed = True
        self.place.news.set()
        self.place.news = asyncio.Event()

    async def _enter(self, method: str) -> None:
        await asyncio.sleep(0)
        await self.place.released(method)
        error = self.place.failure(method, persisted=False)
        if error is not None:
            raise error

    def _leave(self, method: str) -> None:
        error = self.place.failure(method, persisted=True)
        if error is not None:
            raise error

    def _write_marks(self, run: Run, marks: Marks) -> Run:
        version = str(int(run.version) + 1)
        return self.place.put(replace(run, marks=marks, version=version))
