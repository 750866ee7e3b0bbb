"""What is kept of the runs of this machine: their records and logs, for 30 days, which `jobs --local` and `logs` read.

They lie in a folder of their own, not in the log store: a bot that shares that one would take them for its own runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from cli.exits import Failure
from runs import durable
from runs.backend import BackendError
from runs.outcome import Ending, Outcome
from runs.run import Run, State, by_age, is_run_id
from runs.store import LogStore, Record

FOLDER = "command-line"
"""The folder in that of the bot's state: runs of the command line aren't the bot's to tell."""
KEPT_SECONDS = 30 * 86400.0
KILLED = "Its command ended before it did."
_LOCKS = "commands"


class Kept:
    """The runs of the command line on this machine. Its methods may raise Unavailable."""

    def __init__(self, state_folder: Path) -> None:
        self.state = state_folder.absolute() / FOLDER
        self.folder = self.state / "kept"
        self._store = LogStore(self.folder)

    async def check(self) -> None:
        """Try whether anything can be kept. Raises Failure."""
        try:
            await self._store.check()
        except BackendError as error:
            advice = "Name a folder of yours for what is kept of runs: SANDBOX_STATE=…"
            raise Failure(f"{self.folder} can't be used: {error}", advice) from error

    async def begin(self, run: Run) -> None:
        """Keep a run that begins; forget what is old, and write down the ends of those whose command was killed."""
        await self._store.prune(KEPT_SECONDS)
        for record in await self._store.list_records():
            if (known := self._as_it_is(record.run)) != record.run:
                await self.end(known)
                forget(self.state, known.id)
        await self.end(run)

    async def end(self, run: Run) -> None:
        """Keep how a run ended."""
        await self._store.change_record(run.id, lambda _: Record(run, "this machine"))

    def drop(self, run_id: str) -> None:
        """Keep nothing of a run that never began."""
        for path in (self.folder / f"{run_id}.json", self.log_of(run_id)):
            path.unlink(missing_ok=True)

    async def runs(self) -> list[Run]:
        """Return the runs, oldest first; one whose command was killed has ended."""
        records = await self._store.list_records()
        return sorted((self._as_it_is(record.run) for record in records), key=by_age)

    async def find(self, written: str) -> Run | None:
        """Return the one run whose id begins so."""
        prefix = written.lower().removeprefix("claude-").lstrip("#")
        if is_run_id(prefix) and not (self.folder / f"{prefix}.json").exists():
            return None
        named = [run for run in await self.runs() if prefix and run.id.startswith(prefix)]
        return named[0] if len(named) == 1 else None

    def log_of(self, run_id: str) -> Path:
        """Return the file of a run's log. What is in it is without secrets."""
        return self.folder / f"{run_id}.log"

    @contextmanager
    def report(self, run_id: str) -> Iterator[Path]:
        """Make the file that stands for the termination message, as long as the block lasts.

        It lies below the person's home, which virtual machines of engines share, and not in a folder for temporary files,
        which many don't. The agent's user isn't known on this machine: anybody may write it, nobody else gets there.
        """
        path = _report(self.state, run_id)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch()
        path.chmod(0o666)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def logging(self, run_id: str) -> Iterator[Callable[[str], None]]:
        """Write the lines of a run into its log, as they come; a full disk stops no run."""
        with self.log_of(run_id).open("w", encoding="utf-8", errors="replace", buffering=1) as file:

            def keep(line: str) -> None:
                with suppress(OSError):
                    print(line, file=file)

            try:
                yield keep
            finally:
                with suppress(OSError):
                    file.flush()

    def _as_it_is(self, run: Run) -> Run:
        if run.ended or is_alive(self.state, run.id):
            return run
        outcome = Outcome(Ending.FAILED, error=KILLED)
        return replace(run, state=State.ENDED, ended_at=run.created_at, outcome=outcome)


@contextmanager
def held(state: Path, run_id: str) -> Iterator[None]:
    """Show other commands that the one of this run lives, from before its start until it is removed."""
    lock = state / _LOCKS / run_id
    lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with durable.guarded(lock):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def is_alive(state: Path, run_id: str) -> bool:
    """Say whether the command of a run lives."""
    return durable.is_held(state / _LOCKS / run_id)


def forget(state: Path, run_id: str) -> None:
    """Remove what a command that was killed left for `is_alive`."""
    (state / _LOCKS / run_id).unlink(missing_ok=True)
    _report(state, run_id).unlink(missing_ok=True)


def _report(state: Path, run_id: str) -> Path:
    return state / _LOCKS / f"{run_id}.report"
