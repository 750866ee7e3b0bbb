"""The folder of one Run on this machine: what its files say, and the few changes that are made to them.

All of it blocks for as long as a disk takes. Files are replaced whole (`runs.durable`), and every decision that
two processes could take at once is taken under the folder's guard.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from runs import durable, encoding
from runs.backend import Moved, UnknownRun
from runs.keeper import AT_ONCE, CANCEL, EXIT, GIVEN_UP, GUARD, LOCK, STARTED
from runs.outcome import Ending, Exit, Outcome, Seen, judge
from runs.run import Marks, Run, State, run_id
from sandbox import report as reports
from sandbox.report import Cause, Report

TASK = "task.json"
"""What was asked, by whom; without it a folder isn't a Run."""
ADMITTED = "admitted.json"
"""The Run has a place, since when."""
MARKS = "marks.json"
REPORT = "report.json"
LOG = "log"
WORKSPACE = "workspace"

_SIGNED = (TASK, ADMITTED, STARTED, EXIT, CANCEL, GIVEN_UP, MARKS, REPORT)
_REPORT_LIMIT_BYTES = 64 * 1024

Signature = tuple[object, ...]


class Damaged(Exception):
    """A folder that isn't a Run: foreign or incomplete."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one Run. Every method that reads or changes raises UnknownRun once the folder is gone."""

    path: Path

    def read(self) -> Run:
        """Read the Run; `place` is left None. Raises Damaged, UnknownRun, OSError."""
        # The order is what makes it true: CANCEL before STARTED, STARTED before the lock, the lock before EXIT.
        run = self._asked()
        cancel, given_up = self._values(CANCEL), self._values(GIVEN_UP)
        started = self._values(STARTED)
        alive = self.alive()
        ended = self._values(EXIT)
        if cancel is not None:
            run = replace(run, cancelled_by=str(cancel.get("by") or "?"))
        if started is None and ended is not None:
            started = self._values(STARTED)  # it came and went meanwhile
        if started is None:
            return self._unstarted(run, cancel, given_up, alive=alive)
        run = replace(run, started_at=_time(started, run.created_at), report=self._report(run.id))
        if alive:
            return replace(run, state=State.RUNNING)
        ended = ended or {"at": self._last_sign_of_life(run)}
        return _end(run, _outcome(run.report, ended, cancelled=cancel is not None), ended)

    def signature(self) -> Signature:
        """Return a cheap value that is another one whenever `read` would be. Raises OSError."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            stamps = tuple(_stamp(name, descriptor) for name in _SIGNED)
        finally:
            os.close(descriptor)
        return (self.alive(), *stamps)

    def alive(self) -> bool:
        """Say whether the Run's keeper or its program lives."""
        return durable.is_held(self.path / LOCK)

    def unstarted(self) -> bool:
        """Say whether the Run has a place but nothing has come of it: its keeper has to be started (again)."""
        return (
            self._has(ADMITTED)
            and not any(self._has(name) for name in (STARTED, EXIT, CANCEL, GIVEN_UP))
            and not self.alive()
        )

    def admit(self, now: float) -> None:
        """Give the Run a place. Needs no fsync: a lost one is given again."""
        with suppress(FileNotFoundError):
            (self.path / ADMITTED).write_bytes(encoding.dump({"at": now}))

    def give_up(self, cause: Seen, now: float) -> None:
        """End the Run unless it was started."""
        with self._guarded():
            if not any(self._has(name) for name in (STARTED, EXIT, CANCEL, GIVEN_UP)):
                self._write(GIVEN_UP, {"cause": cause.value, "at": now})

    def cancel(self, by: str, now: float) -> None:
        """Note who wants the Run to stop, if nobody did before and it hasn't ended."""
        with self._guarded():
            if not self.read().ended and not self._has(CANCEL):
                self._write(CANCEL, {"by": by, "at": now})

    def stop(self, *, at_once: bool = False) -> None:
        """Tell the keeper to stop, or the program of a keeper that was killed; `at_once` without grace. Safe to repeat."""
        started = self._values(STARTED) or {}
        numbers = (AT_ONCE, signal.SIGKILL) if at_once else (signal.SIGTERM, signal.SIGTERM)
        for name, number in zip(("keeper", "program"), numbers, strict=True):
            process = started.get(name)
            if isinstance(process, int) and self._signal(process, number):
                return

    def mark(self, change: Callable[[Marks], Marks], *, version: str | None) -> None:
        """Change the marks; with a version only if they still have it. Raises Moved, UnknownRun."""
        with self._guarded():
            run = self.read()
            if version is not None and run.version != version:
                raise Moved(f"Run {run.id} changed meanwhile.")
            marks = change(run.marks)
            if marks != run.marks or version is not None:
                values = encoding.marks_values(marks)
                self._write(MARKS, {**values, "version": int(run.version) + 1})

    def read_log(self, tail_bytes: int | None) -> bytes:
        """Read the log, or as much of its end."""
        log = durable.read_end(self.path / LOG, tail_bytes)
        if log is None and not self._has(TASK):
            raise self._unknown()
        return log or b""

    def _unstarted(
        self,
        run: Run,
        cancel: encoding.Values | None,
        given_up: encoding.Values | None,
        *,
        alive: bool,
    ) -> Run:
        if cancel is not None:
            return _end(run, Outcome(Ending.CANCELLED, cause=Cause.CANCELLED), cancel)
        if given_up is not None:
            return _end(run, Outcome(Ending.FAILED, cause=_cause(given_up)), given_up)
        admitted = self._values(ADMITTED)
        if admitted is None and not alive:
            return run
        return replace(run, state=State.RUNNING, started_at=_time(admitted or {}, run.created_at))

    def _asked(self) -> Run:
        values = self._values(TASK)
        if values is None:
            if self.path.exists():
                raise Damaged(f"{TASK} is missing")
            raise self._unknown()
        task = encoding.read_task(values.get("task"))
        origin = encoding.read_origin(values.get("origin"))
        key = values.get("key")
        if task is None or origin is None or not isinstance(key, str):
            raise Damaged(f"{TASK} holds no task")
        if run_id(key) != self.path.name:
            raise Damaged(f"{TASK} is that of another run")
        marks = self._values(MARKS) or {}
        version = marks.get("version")
        return Run(
            id=self.path.name,
            key=key,
            task=task,
            origin=origin,
            state=State.QUEUED,
            created_at=_time(values, 0.0),
            version=str(version) if isinstance(version, int) else "0",
            marks=encoding.read_marks(marks),
        )

    def _report(self, id_of_run: str) -> Report | None:
        try:
            with durable.open_plain(self.path / REPORT) as file:
                report = reports.decode(file.read(_REPORT_LIMIT_BYTES))
        except OSError as error:
            if durable.is_shortage(error):
                raise
            return None
        return report if report is not None and report.run_id == id_of_run else None

    def _last_sign_of_life(self, run: Run) -> float:
        started_at = run.started_at or run.created_at
        with suppress(OSError):
            return max((self.path / LOG).stat().st_mtime, started_at)
        return started_at

    def _signal(self, process: int, number: signal.Signals) -> bool:
        """Send a signal to a process that is known to hold LOCK; False when it doesn't exist.

        While the lock is held, one of the two noted processes lives, and keeps both numbers from being
        given to others (the keeper's is its session's): so the number means what was written.
        """
        try:
            descriptor = os.pidfd_open(process) if hasattr(os, "pidfd_open") else None
        except OSError as error:
            if error.errno in (
                errno.ESRCH,
                errno.EINVAL,
            ):  # EINVAL: the number is kept, its process is gone
                return False
            descriptor = None  # the system has no such thing, or forbids it
        try:
            if not self.alive():
                return True
            if descriptor is None:
                os.kill(process, number)
            else:
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return False
        finally:
            if descriptor is not None:
                os.close(descriptor)
        return True

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            with durable.guarded(self.path / GUARD):
                yield
        except FileNotFoundError:
            raise self._unknown() from None

    def _has(self, name: str) -> bool:
        return (self.path / name).exists()

    def _values(self, name: str) -> encoding.Values | None:
        """Read one of our small files: None when it is missing, nothing in it when it is garbage."""
        data = durable.read_end(self.path / name, None)
        if data is None:
            return None
        found = encoding.load(data)
        return found if isinstance(found, dict) else {}

    def _write(self, name: str, values: encoding.Values) -> None:
        durable.write(self.path / name, encoding.dump(values))

    def _unknown(self) -> UnknownRun:
        return UnknownRun(f"There is no run {self.path.name} (any more).")


def _stamp(name: str, folder: int) -> object:
    try:
        found = os.stat(name, dir_fd=folder)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _end(run: Run, outcome: Outcome, ended: encoding.Values) -> Run:
    return replace(
        run,
        state=State.ENDED,
        ended_at=_time(ended, run.created_at),
        report=outcome.report,
        outcome=outcome,
    )


def _outcome(report: Report | None, ended: encoding.Values, *, cancelled: bool) -> Outcome:
    error = ended.get("error")
    if isinstance(error, str):
        ending = Ending.CANCELLED if cancelled else Ending.FAILED
        return Outcome(ending, cause=Seen.NOT_STARTED, error=error)
    code, number = ended.get("code"), ended.get("signal")
    program_exit = None
    if isinstance(code, int) or isinstance(number, int):
        program_exit = Exit(code, number)
    return judge(report, program_exit, cancelled=cancelled)


def _cause(given_up: encoding.Values) -> Seen:
    cause = given_up.get("cause")
    return Seen.NOT_STARTED if cause == Seen.NOT_STARTED.value else Seen.WAITED_TOO_LONG


def _time(values: encoding.Values, default: float) -> float:
    at = values.get("at")
    return float(at) if isinstance(at, (int, float)) else default
