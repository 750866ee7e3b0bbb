"""The seam: what a place that can run Tasks has to do. One contract suite holds for all (tests/runs/contract.py)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from runs.counted import Counted
from runs.run import Marks, Origin, Run
from sandbox.task import Task


class BackendError(Exception):
    """Something that the Backend couldn't do; the text may be shown to people."""


class Unavailable(BackendError):
    """It doesn't answer now; the same call may succeed later."""


class Refused(BackendError):
    """It answered no; the same call will be refused again."""


class UnknownRun(BackendError):
    """There is no such Run (any more)."""


class UnreadableRun(UnknownRun):
    """There is something with this Run's name, but nothing can be made of it."""


class Moved(BackendError):
    """The Run changed since it was read; read it again and decide anew."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may run at once. None means no limit. A Run that waited `queue_seconds` fails."""

    runs: int | None = None
    runs_per_person: int | None = None
    queue_seconds: float | None = None


class Backend(Protocol):
    """A place that can run Tasks. All state lives there: a new object over the same place knows the same Runs."""

    @property
    def called(self) -> str:
        """How people call this place, such as "the cluster"."""
        ...

    @property
    def ignored_options(self) -> frozenset[str]:
        """Names of the fields of Task that this place can't apply, such as "memory"."""
        ...

    @property
    def counted(self) -> Counted:
        """What it counted of its own work; nothing where there is nothing to count."""
        ...

    async def where(self) -> str:
        """Say where the Runs live: the same words for every object over one place, others for every other place.

        A Run that isn't there is only gone if it was there. Raises Unavailable.
        """
        ...

    async def start(self, key: str, task: Task, origin: Origin) -> Run:
        """Make the Run of this key exist, durably; when it returns, a crash can't lose it.

        The same key again returns the Run that exists, whatever its state, and starts nothing. Over a limit the
        Run is QUEUED. Raises Unavailable or Refused; then nothing was started, or the next call with the same key
        finds it.
        """
        ...

    async def cancel(self, run_id: str, by: str) -> Run:
        """Ask a Run to stop, durably, keeping its Report; `by` is the name told to people.

        Returns at once: the Run ends later (a QUEUED one at once). An ended Run is returned unchanged. Raises
        UnknownRun.
        """
        ...

    async def get(self, run_id: str) -> Run:
        """Return one Run, read anew, or as `changes` told it last where they are followed. Raises UnknownRun.

        Never older than what this object returned before.
        """
        ...

    async def list_runs(self) -> list[Run]:
        """Read all Runs that exist, oldest first."""
        ...

    def changes(self) -> AsyncGenerator[Run, None]:
        """Follow the Runs for ever: first each that exists, then each again when anything of it changed.

        Repeats are allowed, gaps are not: the newest state of a Run always comes. A removed Run just stops coming.
        """
        ...

    async def read_log(
        self, run_id: str, *, tail_bytes: int | None = None, service: str | None = None
    ) -> bytes:
        """Read what the sandbox printed so far, or its last `tail_bytes`; with `service` what that one beside it printed.

        Raises UnknownRun, and Refused when no such service (as "postgres") is beside the Run.
        """
        ...

    async def services(self, run_id: str) -> tuple[str, ...]:
        """Name what is beside the sandbox of a Run, as `read_log` takes it; nothing where that is gone. Raises UnknownRun."""
        ...

    async def mark(self, run: Run, marks: Marks) -> Run:
        """Replace the marks of a Run, durably, if it hasn't changed since `run` was read. Raises Moved, UnknownRun."""
        ...

    async def acknowledge(self, run: Run, told_at: float) -> Run:
        """Set the told mark, durably, and with it allow the Run to be cleaned. Raises UnknownRun.

        Never raises Moved: that people were told is a fact whatever else changed.
        """
        ...

    async def clean(self, run_id: str) -> bool:
        """Remove a Run that has ended and was told, with its log; False when it may not be removed (yet).

        A Run that doesn't exist counts as removed.
        """
        ...

    async def sweep(self) -> None:
        """Read everything anew, go on with what waits or was left half done, and end what waited too long.

        Also removes acknowledged Runs whose time to live is over. Safe to repeat and to run beside others.
        """
        ...

    async def close(self) -> None:
        """Let go of what this object holds. Runs go on."""
        ...
