"""A Backend and the Records of its Runs: a Run that vanished before people knew its end is kept, and told, by its Record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from runs.backend import Backend, BackendError, Moved, UnknownRun, UnreadableRun
from runs.outcome import Ending, Outcome, Seen
from runs.passing import Passing
from runs.run import Marks, Run, State, by_age
from runs.store import LogStore, Record

log = logging.getLogger(__name__)


class Recorded(Passing):
    """A Backend over another one and a log store.

    A Run is taken for deleted by hand when a Record of this place says that its end isn't known to people, a list
    that was begun after the Record was written doesn't have it, and the place says of it alone that it is unknown.
    From then on it ends as its Record says, and its marks live there; it is there until people know.
    """

    def __init__(self, backend: Backend, store: LogStore, clock: Callable[[], float]) -> None:
        super().__init__(backend)
        self._store = store
        self._clock = clock
        self._where: str | None = None
        self._reading = asyncio.Lock()
        self._known: dict[str, Record] = {}
        self._there: set[str] = set()
        self._unwritten: dict[str, Run] = {}

    async def cancel(self, run_id: str, by: str) -> Run:
        """See Backend.cancel; a Run that was deleted has ended."""
        try:
            return await self._backend.cancel(run_id, by)
        except UnknownRun:
            return await self._of_record(run_id)

    async def get(self, run_id: str) -> Run:
        """See Backend.get."""
        try:
            return await self._backend.get(run_id)
        except UnknownRun:
            return await self._of_record(run_id)

    async def list_runs(self) -> list[Run]:
        """See Backend.list_runs; those that were deleted stand among them until people know."""
        await self._catch_up()
        # What is known by now was there before the list is begun.
        before = set(self._known)
        runs = await self._backend.list_runs()
        there = {run.id for run in runs}
        for run_id in before - there - self._unwritten.keys():
            await (self._read_again if self._is_alone(run_id) else self._look_for)(run_id)
        return sorted([*runs, *(run for run in self._alone() if run.id not in there)], key=by_age)

    async def changes(self) -> AsyncGenerator[Run, None]:
        """See Backend.changes; one that was deleted comes once more, with its end."""
        await self._catch_up()
        for run in self._alone():
            yield run
        async with aclosing(self._backend.changes()) as changes:
            async for run in changes:
                deleted = run.outcome is not None and run.outcome.cause is Seen.JOB_DELETED
                yield (await self._look_for(run.id, run) or run) if deleted else run

    async def read_log(
        self, run_id: str, *, tail_bytes: int | None = None, service: str | None = None
    ) -> bytes:
        """See Backend.read_log; of one that was deleted nothing is left but what the log store has."""
        try:
            return await self._backend.read_log(run_id, tail_bytes=tail_bytes, service=service)
        except UnknownRun:
            await self._of_record(run_id)
            return b""

    async def services(self, run_id: str) -> tuple[str, ...]:
        """See Backend.services."""
        try:
            return await self._backend.services(run_id)
        except UnknownRun:
            await self._of_record(run_id)
            return ()

    async def mark(self, run: Run, marks: Marks) -> Run:
        """See Backend.mark."""
        try:
            return await self._backend.mark(run, marks)
        except UnknownRun:
            if not self._is_alone(run.id):
                raise
        return self._take(
            await self._store.change_record(run.id, lambda old: _marked(old, run, marks))
        )

    async def acknowledge(self, run: Run, told_at: float) -> Run:
        """See Backend.acknowledge.

        The Record is written first: with the mark of the place the Run may go, and what isn't told in its Record by
        then would be told again.
        """
        kept: Run | None = None
        recorded = run.id in self._known
        try:
            kept = await self.note(replace(run, marks=replace(run.marks, told_at=told_at)))
        except BackendError as error:
            log.warning("run %s can't be recorded as told: %s", run.id, error)
        try:
            return await self._backend.acknowledge(run, told_at)
        except UnknownRun:
            if kept is None or not recorded:
                raise
            return kept

    def due(self, run: Run) -> bool:
        """Say whether the Record of a Run lacks what it is for: that it exists, its end, its card, that it was told."""
        if self._where is None:
            return False
        known = self._known.get(run.id)
        if known is None:
            return not run.told or run.id not in self._there
        return _gist(known.run) != _gist(run)

    async def note(self, run: Run) -> Run:
        """Bring the Record of a Run up to date where that is due; return what it says of the Run. Raises Unavailable."""
        await self._read_records()
        if not self.due(run):
            return self._known[run.id].run if run.id in self._known else run
        where = self._where or ""
        try:
            record = await self._store.change_record(
                run.id, lambda old: _brought_up_to_date(old, run, where)
            )
        except BackendError:
            self._unwritten[run.id] = run
            raise
        self._unwritten.pop(run.id, None)
        return self._take(record)

    async def _catch_up(self) -> None:
        """Read the Records that matter, if that wasn't done, and write what couldn't be written before."""
        try:
            await self._read_records()
            for run in list(self._unwritten.values()):
                await self.note(run)
        except BackendError as error:
            log.warning("the records can't be read or written now: %s", error)

    async def _read_records(self) -> None:
        async with self._reading:
            if self._where is not None:
                return
            where = await self._backend.where()
            records = await self._store.list_records()
            self._there = {record.run.id for record in records}
            for record in records:
                if record.where == where and not record.settled:
                    self._known.setdefault(record.run.id, record)
            self._where = where

    async def _look_for(self, run_id: str, last: Run | None = None) -> Run | None:
        """Look whether a Run is gone, and if so, let it end by its Record; return None where that isn't so, or not sure.

        `last` is how the Run was last seen, if that is newer than its Record.
        """
        try:
            await self._backend.get(run_id)
        except UnreadableRun:
            return None
        except UnknownRun:
            pass
        except BackendError as error:
            log.info("whether run %s is gone can't be said now: %s", run_id, error)
            return None
        else:
            return None
        if last is None and run_id in self._known:
            last = self._known[run_id].run
        try:
            return None if last is None else await self._left_alone(last)
        except BackendError as error:
            log.warning("run %s is gone, but can't be recorded: %s", run_id, error)
            return None

    async def _left_alone(self, run: Run) -> Run:
        await self._read_records()
        where = self._where or ""
        end = run if run.ended else _deleted(run, self._clock())
        record = await self._store.change_record(run.id, lambda old: _alone(old, end, where))
        log.info("run %s: its place has lost it", run.id)
        return self._take(record)

    async def _of_record(self, run_id: str) -> Run:
        """Return a Run that its place has lost. Raises UnknownRun where it isn't such a one."""
        if not self._is_alone(run_id):
            raise UnknownRun(f"There is no run {run_id} (any more).")
        return self._take(await self._store.read_record(run_id))

    async def _read_again(self, run_id: str) -> None:
        """Read what others made of a Run that its place has lost; without its Record, it is no more."""
        try:
            self._take(await self._store.read_record(run_id))
        except UnknownRun:
            self._known.pop(run_id, None)
        except BackendError as error:
            log.warning("the record of run %s can't be read now: %s", run_id, error)

    def _alone(self) -> list[Run]:
        return [record.run for record in self._known.values() if record.alone]

    def _is_alone(self, run_id: str) -> bool:
        return run_id in self._known and self._known[run_id].alone

    def _take(self, record: Record) -> Run:
        """Remember what stands in a Record, as long as something is left to be done; later only that there is one."""
        self._there.add(record.run.id)
        if record.settled:
            self._known.pop(record.run.id, None)
        else:
            self._known[record.run.id] = record
        return record.run


def _gist(run: Run) -> tuple[object, ...]:
    """Return what a Record must not lack."""
    return (run.ended, run.told, run.marks.card_id, run.marks.card_closed)


def _deleted(run: Run, now: float) -> Run:
    outcome = Outcome(Ending.FAILED, run.report, Seen.JOB_DELETED)
    return replace(run, state=State.ENDED, ended_at=now, place=None, outcome=outcome)


def _brought_up_to_date(old: Record | None, run: Run, where: str) -> Record:
    """Return a Record with what is new of a Run; that it ended, was told or has a card is never taken back."""
    if old is None or run.created_at > old.run.created_at:
        # The second: it was made anew, for its command came again after it had been deleted.
        return Record(run, where)
    if old.alone:
        return _with_marks(old, _together(old.run.marks, run.marks))
    newer = old.run if old.run.ended and not run.ended else run
    return Record(replace(newer, marks=_together(old.run.marks, run.marks)), where)


def _alone(old: Record | None, run: Run, where: str) -> Record:
    """Return the Record of a Run that its place has lost: the end that it has, else this one."""
    if old is not None and old.alone:
        return old
    marks = run.marks if old is None else _together(old.run.marks, run.marks)
    ended = old.run if old is not None and old.run.ended else run
    return Record(replace(ended, marks=marks, version="0"), where, alone=True)


def _marked(old: Record | None, run: Run, marks: Marks) -> Record:
    """Return a Record with other marks. Raises Moved when it isn't the one that was read."""
    if old is None or not old.alone:
        raise UnknownRun(f"There is no run {run.id} (any more).")
    if old.run.version != run.version:
        raise Moved(f"Run {run.id} changed meanwhile.")
    return _with_marks(old, marks)


def _with_marks(old: Record, marks: Marks) -> Record:
    if marks == old.run.marks:
        return old
    version = str(int(old.run.version) + 1) if old.run.version.isdecimal() else "1"
    return replace(old, run=replace(old.run, marks=marks, version=version))


def _together(old: Marks, new: Marks) -> Marks:
    return Marks(
        card_id=old.card_id if new.card_id is None else new.card_id,
        claimed_at=old.claimed_at if new.claimed_at is None else new.claimed_at,
        told_at=old.told_at if new.told_at is None else new.told_at,
        card_closed=old.card_closed or new.card_closed,
        home_told=old.home_told or new.home_told,
    )
