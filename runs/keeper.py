"""The keeper of one Run on this machine: starts its program once, and writes down how it ended.

A process and session of its own beside the bot, so that Runs outlive it. Its life is the lock on LOCK, which the
program inherits: a Run is alive while either holds it. It runs as `python -I -S` with nothing but the
standard library, since its start-up is part of the wait for every Run.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from runs import durable
from runs.beside import HANDED, Beside, read_keys

LOCK = "lock"
"""Held by the keeper and its program while they live; taken once in the life of a Run."""
GUARD = "guard"
"""Held by whoever decides whether the Run starts, ends unstarted, or changes its marks."""
STARTED = "started.json"
"""Written just before the program starts: from here on the Run never starts again."""
EXIT = "exit.json"
"""How the program ended; valid once LOCK is free."""
CANCEL = "cancel.json"
"""Who asked to stop, and when."""
GIVEN_UP = "given-up.json"
"""Why the Run ended without a start, and when."""

AT_ONCE = signal.SIGUSR1
"""Sent to a keeper: its program is killed now. SIGTERM, which may be repeated, leaves it its grace."""

_WRITE_TRIES = 120
_WRITE_PAUSE_SECONDS = 1.0
_KILL_LIMIT_SECONDS = 10.0
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36  # include/uapi/linux/prctl.h


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Keep the Run of a folder: `folder grace_seconds program...`, the program in this environment.

    Does nothing when the Run was started before, was cancelled, or has a keeper. Wants to be started in a session
    of its own: what stops the bot doesn't reach it, and its process id stays its own while the program lives. Where
    `runs.beside.HANDED` is set, a broker is started beside the program.
    """
    folder, grace_seconds, *command = arguments
    handed = [int(descriptor) for descriptor in environment.get(HANDED, "").split()]
    environment = {name: value for name, value in environment.items() if name != HANDED}
    for descriptor in handed:
        os.set_inheritable(descriptor, False)
    os.chdir(folder)
    with _Signals(float(grace_seconds)) as signals:
        lock = _claim()
        if lock is not None:
            _keep(Program(command, environment, handed), lock, signals)
    return 0


@dataclass(frozen=True, slots=True)
class Program:
    """What to start, and the descriptors of HANDED for the broker beside it, if there is to be one."""

    command: list[str]
    environment: Mapping[str, str]
    handed: list[int]


class _Signals:
    """Wakes the wait when a child ends, and remembers that a stop was asked for, or (AT_ONCE) an end without any grace."""

    def __init__(self, grace_seconds: float) -> None:
        self.grace_seconds = grace_seconds
        self.stop = False
        self.at_once = False

    def __enter__(self) -> _Signals:
        self._reader, writer = os.pipe()
        for descriptor in (self._reader, writer):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(AT_ONCE, self._urge)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)

    def wait(self, seconds: float | None) -> None:
        """Return after a signal or the time, whichever is first."""
        if select.select([self._reader], [], [], seconds)[0]:
            os.read(self._reader, 4096)

    def _ask(self, *_: object) -> None:
        self.stop = True

    def _urge(self, *_: object) -> None:
        self.at_once = True


def _claim() -> int | None:
    """Take LOCK for good, and write durably that the Run is started now; None when it may not start.

    LOCK is taken under GUARD only, and never again once STARTED exists: a Run that has ended stays so.
    """
    with durable.guarded(Path(GUARD)):
        if any(Path(name).exists() for name in (STARTED, EXIT, CANCEL, GIVEN_UP)):
            return None
        lock = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits for those who only look, an instant
        _write(STARTED, {"at": time.time(), "keeper": os.getpid()})
        return lock


def _keep(program: Program, lock: int, signals: _Signals) -> None:
    life, held = os.pipe()
    try:
        with _inherited(lock, held):
            child = os.posix_spawnp(
                program.command[0],
                program.command,
                program.environment,
                setpgroup=0,
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
            )
    except OSError as error:
        _write_exit({"error": f"{program.command[0]}: {error.strerror}"})
        return
    _prepare_linux()
    beside = _beside(program, life)
    if beside is not None:
        beside.tend()
    with suppress(
        OSError, ValueError
    ):  # on a full disk: only a stop after the keeper's own death needs it
        _write(STARTED, {**json.loads(Path(STARTED).read_bytes()), "program": child})
    status = _wait(child, signals, beside)
    _kill_group(child)
    _kill_descendants()
    _write_exit({"code": status} if status >= 0 else {"signal": -status})


def _beside(program: Program, life: int) -> Beside | None:
    """Take the keys over; only now that our memory is closed to others."""
    if not program.handed:
        return None
    keys, listening = program.handed
    return Beside(program.environment, listening, life, read_keys(keys))


@contextmanager
def _inherited(*descriptors: int) -> Iterator[None]:
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)
    yield
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)


def _prepare_linux() -> None:
    """Become the parent of what the program leaves behind, and close our memory to it, where the system can."""
    if sys.platform == "linux":
        with suppress(ImportError, OSError):
            import ctypes  # only here: the program is already on its way

            libc = ctypes.CDLL(None)
            libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
            libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _wait(child: int, signals: _Signals, beside: Beside | None) -> int:
    """Return the exit code of the program, negative for a signal; pass a stop on to it, and kill it after the grace."""
    kill_at: float | None = None
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if signals.stop and kill_at is None:
            os.kill(child, signal.SIGTERM)
            kill_at = time.monotonic() + signals.grace_seconds
        if signals.at_once:
            kill_at = time.monotonic()
        rest = None if kill_at is None else kill_at - time.monotonic()
        if rest is not None and rest <= 0:
            _kill_group(child)
            rest = None
        again = None if beside is None else beside.tend()
        waits = [seconds for seconds in (rest, again) if seconds is not None]
        signals.wait(min(waits, default=None))


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
        os.killpg(group, signal.SIGKILL)


def _kill_descendants() -> None:
    """Kill all that was adopted, until nothing is left: it may fork faster than one round kills."""
    deadline = time.monotonic() + _KILL_LIMIT_SECONDS
    while time.monotonic() < deadline:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        for process in _descendants():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.005)


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text(errors="replace")
        except OSError:
            continue
        # proc(5): "pid (name) state ppid ...", and the name may hold anything
        _, parent, *_ = text.rpartition(")")[2].split() or ("", "0")
        children.setdefault(int(parent), []).append(int(stat.parent.name))
    found = children.get(os.getpid(), [])
    for process in found:
        found.extend(children.get(process, []))
    return found


def _write(name: str, values: dict[str, float | str]) -> None:
    durable.write(Path(name), json.dumps(values).encode())


def _write_exit(values: dict[str, float | str]) -> None:
    """Write EXIT; wait for room on a full disk, since without it the Run counts as lost."""
    for _ in range(_WRITE_TRIES):
        try:
            return _write(EXIT, {**values, "at": time.time()})
        except OSError:
            time.sleep(_WRITE_PAUSE_SECONDS)
    return None
