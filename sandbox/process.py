"""Running a program to its end: own process group, output handed on as it comes, a deadline, nothing left behind."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import FrameType

from sandbox.descendants import die_with_parent, kill_descendants, reap_orphans

GRACE_SECONDS = 10.0
_CHUNK = 64 << 10
_TICK_SECONDS = 1.0
_DRAIN_SECONDS = 2.0


class ProgramMissing(Exception):
    """The program isn't there or can't be started; the text says which and why."""


class Ended(Enum):
    """Who ended the program: itself, its deadline, its silence, or a signal that came to us."""

    BY_ITSELF = "by itself"
    DEADLINE = "deadline"
    SILENT = "silent"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Command:
    """What to start: argument list, working folder, whole environment."""

    arguments: list[str]
    folder: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Limits:
    """When a program must end. `deadline` is a `time.monotonic` value; after SIGTERM it has `grace_seconds`.

    `stop` None means that signals to us don't concern this program. `adopted` has every descendant killed at the
    end, not only the process group. One that prints nothing for `silence_seconds` is ended; 0 means never.
    """

    deadline: float
    grace_seconds: float = GRACE_SECONDS
    stop: Stop | None = None
    adopted: bool = False
    silence_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Execution:
    """How a program ended; `exit_code` is negative for a signal."""

    exit_code: int
    ended: Ended


class Stop:
    """Whether SIGTERM or SIGINT asked us to stop; wakes a waiting `run` up. Repeats change nothing."""

    def __init__(self) -> None:
        self.requested = False
        self.wake, self._wake_write = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(self._wake_write, False)

    def install(self) -> None:
        """Take over the process's signals, for good: the program is going to end anyway."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._request)
        signal.signal(signal.SIGINT, self._request)

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True


def run(
    command: Command,
    limits: Limits,
    stdout: Callable[[bytes], None],
    stderr: Callable[[bytes], None],
) -> Execution:
    """Run a program to its end and return how it ended; nothing of its process group survives.

    `stdout` and `stderr` are given chunks of what it writes. Raises ProgramMissing.
    """
    process = _start(command)
    assert process.stdout is not None
    assert process.stderr is not None
    sinks = {process.stdout.fileno(): stdout, process.stderr.fileno(): stderr}
    running = _Running(process, limits, sinks)
    with process.stdout, process.stderr:
        try:
            ended = running.wait()
        finally:
            running.end()
        running.drain()
    return Execution(process.returncode, ended)


class _Running:
    """One program while it runs."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        limits: Limits,
        sinks: dict[int, Callable[[bytes], None]],
    ) -> None:
        self._process = process
        self._limits = limits
        self._sinks = sinks
        self._ended = Ended.BY_ITSELF
        self._kill_at: float | None = None
        self._heard_at = time.monotonic()
        self._wake = [] if limits.stop is None else [limits.stop.wake]
        self._end = _open_end(process.pid)

    def wait(self) -> Ended:
        """Hand on output until the program's own process has ended."""
        while not self._gone():
            self._end_if_due()
            self._pass_on(self._wait_seconds())
        return self._ended

    def end(self) -> None:
        """Leave nothing of it running, and take its exit."""
        _kill_group(self._process.pid)
        self._process.wait()
        if self._limits.adopted:
            kill_descendants()
        while self._end:
            os.close(self._end.pop())

    def drain(self) -> None:
        """Hand on what is still in the pipes; whoever keeps one open is not waited for long."""
        until = time.monotonic() + _DRAIN_SECONDS
        while self._sinks and time.monotonic() < until:
            self._pass_on(0.1)

    def _gone(self) -> bool:
        if self._limits.adopted:
            reap_orphans(spare=self._process.pid)
        return _has_ended(self._process)

    def _end_if_due(self) -> None:
        now = time.monotonic()
        if self._kill_at is None:
            stop = self._limits.stop
            if stop is not None and stop.requested:
                self._ended = Ended.STOPPED
            elif now >= self._limits.deadline:
                self._ended = Ended.DEADLINE
            elif now >= self._silent_at():
                self._ended = Ended.SILENT
            else:
                return
            self._kill_at = now + self._limits.grace_seconds
            _signal_group(self._process.pid, signal.SIGTERM)
        elif now >= self._kill_at:
            _kill_group(self._process.pid)

    def _wait_seconds(self) -> float:
        due = min(self._limits.deadline, self._silent_at())
        until = due if self._kill_at is None else self._kill_at
        return min(max(until - time.monotonic(), 0.005), _TICK_SECONDS if self._end else 0.02)

    def _silent_at(self) -> float:
        seconds = self._limits.silence_seconds
        return self._heard_at + seconds if seconds else math.inf

    def _pass_on(self, seconds: float) -> None:
        waiting = [*self._sinks, *self._wake, *self._end]
        ready, _, _ = select.select(waiting, [], [], seconds)
        for source in ready:
            if source in self._wake:
                _empty(source)
            elif source in self._sinks and (chunk := os.read(source, _CHUNK)):
                self._heard_at = time.monotonic()
                self._sinks[source](chunk)
            else:
                self._sinks.pop(source, None)


def _start(command: Command) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command.arguments,
            cwd=command.folder,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            preexec_fn=_lead_group,
        )
    except (OSError, ValueError) as error:
        raise ProgramMissing(f"{command.arguments[0]} can't be started: {error}") from error


def _lead_group() -> None:
    """Run in the child: a group of its own in our session, so that whoever ends the session reaches it too."""
    os.setpgid(0, 0)
    die_with_parent()


def _open_end(process_id: int) -> list[int]:
    """Return a descriptor that becomes readable when the process ends; none where the system has no such thing."""
    if not hasattr(os, "pidfd_open"):
        return []
    try:
        return [os.pidfd_open(process_id)]
    except OSError:
        return []


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Say whether the program's own process has ended, and leave it unreaped: its id, and so its group's, stays ours."""
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, flags) is not None


def _empty(wake: int) -> None:
    with contextlib.suppress(BlockingIOError):
        os.read(wake, 4096)


def _signal_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _kill_group(leader: int) -> None:
    _signal_group(leader, signal.SIGKILL)
