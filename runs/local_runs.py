"""All Runs of this machine's place: who starts when, what goes on after a crash, and what is removed.

All of it blocks for as long as a disk takes, and may be called from several threads and processes at once.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from runs import durable, encoding, queue
from runs.backend import UnknownRun
from runs.local_files import TASK, WORKSPACE, Damaged, RunFolder, Signature
from runs.local_place import Keepers, LocalPlace
from runs.outcome import Seen
from runs.run import Marks, Origin, Run, State, by_age, is_run_id, run_id
from sandbox.task import Task

logger = logging.getLogger(__name__)


class LocalRuns:
    """The Runs of a LocalPlace, read from its files and changed through them."""

    def __init__(self, place: LocalPlace) -> None:
        self._place = place
        state = place.state.absolute()  # the keeper and its program work elsewhere
        self._runs = state / "runs"
        self._drafts = state / "new"
        self._trash = state / "trash"
        self._keepers = Keepers(place)
        self._read: dict[str, tuple[Signature, Run]] = {}
        self._complained: set[str] = set()
        self._tries: Counter[str] = Counter()

    def start(self, key: str, task: Task, origin: Origin) -> None:
        """Make the Run of this key exist, and let it start if it may. Raises Refused, OSError.

        Once it exists nothing is an error any more: what can't start now waits for the next sweep.
        """
        folder = self.folder(run_id(key))
        if folder.path.exists():
            return
        self._keepers.check(task, folder)
        self._create(folder, key, task, origin)
        try:
            self.admit()
        except OSError as error:
            logger.warning("run %s: waits for the next sweep: %s", folder.path.name, error)

    def cancel(self, id_of_run: str, by: str) -> None:
        """Note who wants the Run to stop, and tell its keeper. Raises UnknownRun, Damaged, OSError."""
        folder = self.folder(id_of_run)
        folder.cancel(by, self._place.clock())
        folder.stop()

    def end_at_once(self, id_of_run: str) -> None:
        """Have a Run killed that was cancelled before. Raises UnknownRun, Damaged, OSError."""
        self.folder(id_of_run).stop(at_once=True)

    def mark(self, run: Run, marks: Marks) -> None:
        """Replace the marks. Raises Moved, UnknownRun, Damaged, OSError."""
        self.folder(run.id).mark(lambda _: marks, version=run.version)

    def acknowledge(self, id_of_run: str, told_at: float) -> None:
        """Set the told mark unless it stands, and let go of the workspace, the one large thing of a Run."""
        folder = self.folder(id_of_run)
        folder.mark(
            lambda marks: replace(marks, told_at=told_at) if marks.told_at is None else marks,
            version=None,
        )
        if folder.read().ended:
            self._throw_away(folder.path / WORKSPACE)

    def clean(self, id_of_run: str) -> bool:
        """Remove a Run that has ended and was told; False for another. Raises Damaged, OSError."""
        try:
            folder = self.folder(id_of_run)
            run = folder.read()
        except UnknownRun:
            return True
        if not (run.ended and run.told):
            return False
        _remove(self._throw_away(folder.path))
        logger.info("run %s: removed", id_of_run)
        return True

    def read_log(self, id_of_run: str, tail_bytes: int | None) -> bytes:
        """Read the log, or as much of its end. Raises UnknownRun, OSError."""
        return self.folder(id_of_run).read_log(tail_bytes)

    def look(self, ids: Iterable[str]) -> dict[str, Run]:
        """Read these Runs, oldest first, without their places; those that can't be read are left out.

        Raises OSError when none can be read now.
        """
        found = [run for run in map(self._look, ids) if run is not None]
        return {run.id: run for run in sorted(found, key=by_age)}

    def all(self) -> dict[str, Run]:
        """Read all Runs, oldest first, with their places. Raises OSError."""
        if not self._runs.is_dir():
            return {}
        runs = self.look([path.name for path in self._runs.iterdir()])
        places = queue.plan(runs.values(), self._place.limits, self._place.clock()).places
        for id_of_run in self._read.keys() - runs.keys():
            self._read.pop(id_of_run, None)
        return {run.id: replace(run, place=places.get(run.id)) for run in runs.values()}

    def admit(self) -> None:
        """Start who may start, and end who waited too long."""
        now = self._place.clock()
        self._make_folders()
        with durable.guarded(self._place.state / "admission"):
            runs = self.all()
            decided = queue.plan(runs.values(), self._place.limits, now)
            for id_of_run in decided.overdue:
                self.folder(id_of_run).give_up(Seen.WAITED_TOO_LONG, now)
                logger.info("run %s: waited too long", id_of_run)
            for id_of_run in decided.start:
                self.folder(id_of_run).admit(now)
        for id_of_run in decided.start:
            self._keepers.start(runs[id_of_run], self.folder(id_of_run))

    def sweep(self) -> None:
        """See Backend.sweep. What is wrong with one Run doesn't keep the others from their turn."""
        self._make_folders()
        self._keepers.reap()
        for run in self.all().values():
            try:
                self._go_on(run)
            except (OSError, Damaged, UnknownRun) as error:
                logger.warning("run %s: left for the next sweep: %s", run.id, error)
        self.admit()
        self._empty_trash()

    def folder(self, id_of_run: str) -> RunFolder:
        """Return the folder of a Run, which may not exist. Raises UnknownRun for what can't be an id."""
        if not is_run_id(id_of_run):
            raise UnknownRun("There is no such run.")
        return RunFolder(self._runs / id_of_run)

    def _create(self, folder: RunFolder, key: str, task: Task, origin: Origin) -> None:
        """Make the folder appear whole, by one rename; one that exists is left as it is."""
        self._make_folders()
        asked = {
            "key": key,
            "task": encoding.task_values(task),
            "origin": encoding.origin_values(origin),
            "at": self._place.clock(),
        }
        draft = self._drafts / uuid.uuid4().hex
        try:
            (draft / WORKSPACE).mkdir(parents=True, mode=0o700)
            durable.write(draft / TASK, encoding.dump(asked))
            draft.rename(folder.path)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        durable.sync_folder(self._runs)

    def _look(self, id_of_run: str) -> Run | None:
        """Read a Run if its files changed; None if it is none. What can't be read now is as it was."""
        known = self._read.get(id_of_run)
        try:
            folder = self.folder(id_of_run)
            signature = folder.signature()
            if known is None or known[0] != signature:
                known = self._read[id_of_run] = (signature, folder.read())
        except (Damaged, UnknownRun, FileNotFoundError, NotADirectoryError) as error:
            self._read.pop(id_of_run, None)
            self._complain(id_of_run, error)
            return None
        except OSError as error:
            if durable.is_shortage(error):
                raise  # to leave the Run out would say that it is gone
            self._complain(id_of_run, error)
        return None if known is None else known[1]

    def _complain(self, name: str, error: Exception) -> None:
        """Say once that something in the folder isn't a Run, or can't be read."""
        if name not in self._complained and os.path.lexists(self._runs / name):
            self._complained.add(name)
            logger.warning("%r in the state folder can't be read as a run: %s", name, error)

    def _go_on(self, run: Run) -> None:
        """Take up what a crash, or another process, left half done."""
        folder = self.folder(run.id)
        if run.ended:
            self._retire(run)
        elif run.state is State.RUNNING and folder.unstarted():
            if self._place.limits.runs == 0:
                return
            self._tries[run.id] += 1
            if self._tries[run.id] > _MAX_TRIES:
                folder.give_up(Seen.NOT_STARTED, self._place.clock())
            else:
                self._keepers.start(run, folder)
        elif run.cancelled_by is not None:
            folder.stop()

    def _retire(self, run: Run) -> None:
        """Let go of what a Run that was told still takes up."""
        if run.ended_at is None or run.marks.told_at is None:
            return
        since = max(run.ended_at, run.marks.told_at)
        if self._place.clock() - since >= self._place.ttl_seconds:
            self.clean(run.id)
        else:
            self._throw_away(self._runs / run.id / WORKSPACE)

    def _throw_away(self, path: Path) -> Path:
        """Move something to the trash: gone at once, removed when there is time. Return its place there."""
        self._make_folders()
        target = self._trash / uuid.uuid4().hex
        with suppress(FileNotFoundError):
            path.rename(target)
        return target

    def _empty_trash(self) -> None:
        for draft in self._drafts.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - draft.stat().st_mtime > _DRAFT_SECONDS:
                    self._throw_away(draft)
        for path in self._trash.iterdir():
            _remove(path)

    def _make_folders(self) -> None:
        for folder in (self._runs, self._drafts, self._trash):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)


_MAX_TRIES = 10
_DRAFT_SECONDS = 3600.0
"""A draft that is older was left by a crash."""


def _remove(path: Path) -> None:
    """Remove a tree, also one whose folders are write-protected, as some tools' caches are."""
    shutil.rmtree(path, ignore_errors=True)
    for folder, names, _ in os.walk(path):
        for name in ("", *names):
            entry = Path(folder, name)
            if not entry.is_symlink():
                with suppress(OSError):
                    entry.chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)
