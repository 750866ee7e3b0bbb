"""What outlives a Run: its Record (JSON), its log, and when it failed the ends of the logs beside it."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import WeakValueDictionary

from runs import encoding
from runs.backend import Unavailable, UnknownRun
from runs.folder import Folder
from runs.objects import Objects
from runs.run import Run, by_age, is_run_id
from sandbox.redaction import Redacted, Redactor

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of a Run: the Run as it was when the Record was written last, open until its end was written.

    `where` is the place that had the Run, in the words of `Backend.where`. `alone` says that the place has lost it:
    from then on the marks of the Record are the only ones.
    """

    run: Run
    where: str = ""
    alone: bool = False

    @property
    def settled(self) -> bool:
        """Say whether people know the end, from the message and from the card: nothing is left to be done."""
        marks = self.run.marks
        return self.run.told and (marks.card_id is None or marks.card_closed)


class LogStore:
    """Records and logs: `<id>.json`, `<id>.log`, and `<id>.<service>.log` of what ran beside a Run.

    `place` is a folder, or what else has objects. Every method may raise Unavailable; those that take an id raise
    UnknownRun for what can't be one. `redactor` goes over each log before it is written.
    """

    def __init__(self, place: Objects | Path, redactor: Redactor | None = None) -> None:
        self._objects = Folder(place) if isinstance(place, Path) else place
        self._redactor = redactor or Redactor()
        self._complained: set[str] = set()
        self._read: dict[str, tuple[str, Record]] = {}
        # First in, first out, for each file.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        # No more than one log in memory twice; Records don't wait for it.
        self._redacting = asyncio.Lock()

    async def check(self) -> None:
        """Try whether it can be used. Raises Unavailable with what to do."""
        await self._objects.check()

    async def change_record(self, run_id: str, change: Callable[[Record | None], Record]) -> Record:
        """Replace the Record of a Run by what `change` makes of it, if that is another; return what stands there then.

        Where others change it at the same time, `change` is asked again, for what they wrote. It gets None where there
        is no Record that can be read; what it raises is passed on. A password in the repo's URL is left out.
        """
        name = _name(run_id, "json")
        async with self._turn(name):
            for _ in range(_TRIES):
                found = await self._objects.read(name)
                before = None if found is None else self._record(name, found.data)
                after = _without_password(change(before))
                if after == before:
                    return after
                version = None if found is None else found.version
                if await self._objects.write_if(name, _encoded(after), version):
                    return after
        raise Unavailable(f"The record of run {run_id} changes too fast to be written now.")

    async def write_log(self, run_id: str, log: bytes, service: str | None = None) -> None:
        """Write the log of a Run, or of a service beside it, or replace it; secrets and what harms a terminal are left out."""
        name = _name(run_id, _ending(service))
        async with self._redacting:
            redacted = await asyncio.to_thread(self._redactor.log, log)
            async with self._turn(name):
                await self._objects.write(name, redacted)

    async def read_record(self, run_id: str) -> Record:
        """Read a Record. Raises UnknownRun when there is none that can be read."""
        name = _name(run_id, "json")
        found = await self._objects.read(name)
        record = None if found is None else self._record(name, found.data)
        if record is None:
            raise UnknownRun(f"There is no record of a run {run_id}.")
        return record

    async def read_log(
        self, run_id: str, *, tail_bytes: int | None = None, service: str | None = None
    ) -> Redacted:
        """Read a log as `write_log` left it, or as much of its end. Raises UnknownRun when there is none."""
        log = await self._objects.read_end(_name(run_id, _ending(service)), tail_bytes)
        if log is None:
            raise UnknownRun(f"There is no log of a run {run_id}.")
        return Redacted(log)

    async def logged(self) -> set[str]:
        """Return the ids of the Runs of which there is a log."""
        names = (each.name for each in await self._objects.list_all())
        return {name.removesuffix(".log") for name in names if _LOG.fullmatch(name)}

    async def list_records(self) -> list[Record]:
        """Read all Records, those of the newest Runs first; those that can't be read are left out and logged once.

        Only those are read that changed since the last time.
        """
        listed = {each.name: each.version for each in await self._objects.list_all()}
        versions = {name: listed[name] for name in listed if _RECORD.fullmatch(name)}
        same = {
            name: known
            for name, known in self._read.items()
            if versions.get(name) == known[0] and name in versions
        }
        data = await self._objects.read_many(versions.keys() - same.keys())
        read = await asyncio.to_thread(self._records, data)
        for name in versions.keys() - same.keys() - data.keys():
            self._complain(name)
        new = {
            name: (version, record)
            for name, record in read.items()
            if (version := versions[name]) is not None
        }
        self._read = same | new
        records = [*read.values(), *(record for _, record in same.values())]
        return sorted(records, key=lambda record: by_age(record.run), reverse=True)

    async def prune(self, older_than_seconds: float) -> int:
        """Remove Records and logs that were written longer ago; return how many files that were."""
        before = time.time() - older_than_seconds
        old = [
            each.name
            for each in await self._objects.list_all()
            if each.changed_at < before and _OURS.fullmatch(each.name)
        ]
        for name in old:
            await self._objects.remove(name)
        return len(old)

    def _turn(self, name: str) -> asyncio.Lock:
        return self._turns.setdefault(name, asyncio.Lock())

    def _records(self, data: Mapping[str, bytes]) -> dict[str, Record]:
        records = {name: self._record(name, found) for name, found in data.items()}
        return {name: record for name, record in records.items() if record is not None}

    def _record(self, name: str, data: bytes) -> Record | None:
        record = _decoded(encoding.load(data))
        if record is None or f"{record.run.id}.json" != name:
            self._complain(name)
            return None
        return record

    def _complain(self, name: str) -> None:
        if name not in self._complained:
            self._complained.add(name)
            logger.warning("%s in the log store can't be read as a record", name)


_TRIES = 30
"""How often a Record is changed anew that others got in the way of."""

_RECORD = re.compile(r"[a-z2-7]{8}\.json")
_LOG = re.compile(r"[a-z2-7]{8}\.log")
_SERVICE = re.compile("[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_KIND = r"[a-z2-7]{8}\.(?:json|(?:[a-z0-9-]{1,63}\.)?log)"
_OURS = re.compile(rf"{_KIND}|\.{_KIND}\.\d+\.\d+~")
"""Records, logs, and what a crash left of a write."""

_USER_INFO = re.compile(r"^(https?://)[^/?#]*@", re.IGNORECASE)


def _without_password(record: Record) -> Record:
    url = _USER_INFO.sub(r"\1", record.run.task.repo_url)
    return replace(record, run=replace(record.run, task=replace(record.run.task, repo_url=url)))


def _encoded(record: Record) -> bytes:
    return encoding.dump(
        {**encoding.run_values(record.run), "where": record.where, "alone": record.alone}
    )


def _decoded(found: object) -> Record | None:
    run = encoding.read_run(found)
    if run is None or not isinstance(found, dict):
        return None
    where = found.get("where")
    alone = run.ended and found.get("alone") is True
    return Record(run, where if isinstance(where, str) else "", alone)


def _name(run_id: str, ending: str) -> str:
    if not is_run_id(run_id):
        raise UnknownRun("There is no such run.")
    return f"{run_id}.{ending}"


def _ending(service: str | None) -> str:
    if service is None:
        return "log"
    if not _SERVICE.fullmatch(service):
        raise UnknownRun("There is no such service.")
    return f"{service}.log"
