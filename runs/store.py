"""What outlives a Run: its Record (JSON) and its log, in one folder."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ParamSpec, TypeVar

from runs import durable, encoding
from runs.backend import Unavailable, UnknownRun
from runs.run import Run, by_age, is_run_id
from sandbox.redaction import Redactor

logger = logging.getLogger(__name__)

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


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
    """Records and logs below one folder, made when the first is written: `<id>.json` and `<id>.log`.

    Every method may raise Unavailable; those that take an id raise UnknownRun for what can't be one. `redactor` goes
    over each log before it is written.
    """

    def __init__(self, folder: Path, redactor: Redactor | None = None) -> None:
        self._folder = folder
        self._redactor = redactor or Redactor()
        self._complained: set[str] = set()
        # First in, first out.
        self._writing = asyncio.Lock()
        # No more than one log in memory twice; Records don't wait for it.
        self._redacting = asyncio.Lock()

    async def change_record(self, run_id: str, change: Callable[[Record | None], Record]) -> Record:
        """Replace the Record of a Run by what `change` makes of it, if that is another; return what stands there then.

        No other object or process changes the Record meanwhile. `change` gets None where there is no Record that can
        be read; what it raises is passed on. A password in the repo's URL is left out.
        """
        async with self._writing:
            return await self._do(self._change, run_id, change)

    async def write_log(self, run_id: str, log: bytes) -> None:
        """Write the log of a Run, or replace it; secrets and what harms a terminal are left out."""
        async with self._redacting:
            redacted = await asyncio.to_thread(self._redactor.log, log)
            async with self._writing:
                await self._do(self._write, run_id, "log", redacted)

    async def read_record(self, run_id: str) -> Record:
        """Read a Record. Raises UnknownRun when there is none that can be read."""
        record = await self._do(self._read, self._path(run_id, "json"))
        if record is None:
            raise UnknownRun(f"There is no record of a run {run_id}.")
        return record

    async def read_log(self, run_id: str, *, tail_bytes: int | None = None) -> bytes:
        """Read a log, or as much of its end. Raises UnknownRun when there is none."""
        log = await self._do(durable.read_end, self._path(run_id, "log"), tail_bytes)
        if log is None:
            raise UnknownRun(f"There is no log of a run {run_id}.")
        return log

    async def list_records(self) -> list[Record]:
        """Read all Records, those of the newest Runs first; those that can't be read are left out and logged once."""
        return await self._do(self._list)

    async def prune(self, older_than_seconds: float) -> int:
        """Remove Records and logs that were written longer ago; return how many files that were."""
        return await self._do(self._prune, time.time() - older_than_seconds)

    def _change(self, run_id: str, change: Callable[[Record | None], Record]) -> Record:
        path = self._path(run_id, "json")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with durable.guarded(self._folder / ".lock"):
            before = self._read(path)
            after = _without_password(change(before))
            if after != before:
                durable.write(path, _encoded(after))
        return after

    def _write(self, run_id: str, ending: str, data: bytes) -> None:
        path = self._path(run_id, ending)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        durable.write(path, data)

    def _read(self, path: Path) -> Record | None:
        try:
            record = _decoded(encoding.load(path.read_bytes()))
        except FileNotFoundError:
            return None
        if record is None or record.run.id != path.stem:
            self._complain(path)
            return None
        return record

    def _list(self) -> list[Record]:
        records = [
            record
            for path in self._files()
            if path.suffix == ".json" and (record := self._read_tolerantly(path)) is not None
        ]
        return sorted(records, key=lambda record: by_age(record.run), reverse=True)

    def _read_tolerantly(self, path: Path) -> Record | None:
        try:
            return self._read(path)
        except OSError:
            self._complain(path)
            return None

    def _prune(self, before: float) -> int:
        pruned = 0
        for path in self._files():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()
                    pruned += 1
        return pruned

    def _files(self) -> list[Path]:
        """List what is ours: Records, logs, and what a crash left of a write."""
        try:
            return [path for path in self._folder.iterdir() if _FILE.fullmatch(path.name)]
        except FileNotFoundError:
            return []

    def _complain(self, path: Path) -> None:
        if path.name not in self._complained:
            self._complained.add(path.name)
            logger.warning("%s in the log store can't be read as a record", path.name)

    def _path(self, run_id: str, ending: str) -> Path:
        if not is_run_id(run_id):
            raise UnknownRun("There is no such run.")
        return self._folder / f"{run_id}.{ending}"

    async def _do(
        self,
        work: Callable[_Parameters, _Result],
        *args: _Parameters.args,
        **kwargs: _Parameters.kwargs,
    ) -> _Result:
        try:
            return await asyncio.to_thread(work, *args, **kwargs)
        except OSError as error:
            raise Unavailable(durable.in_words(error, "the log store")) from error


_FILE = re.compile(r"[a-z2-7]{8}\.(json|log)|\.[a-z2-7]{8}\.(json|log)\.\d+\.\d+~")
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
