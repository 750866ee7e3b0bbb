"""Every process that came from us, however it hid: found through /proc, and ended. Linux; elsewhere it does nothing."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_ROUNDS = 200


def adopt_orphans() -> bool:
    """Become the parent of every orphaned descendant; True when orphans come to us."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def close_memory() -> None:
    """Close our memory and environment to other processes of our uid, the agent's above all.

    Without it they read the keys from /proc/<pid>/environ and /proc/<pid>/mem. Not kept over an exec.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def die_with_parent() -> None:
    """Have the kernel end this process when its parent is killed; called between fork and exec."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def kill_descendants(limit_seconds: float = 10.0) -> bool:
    """End every descendant of this process; True when none is left.

    First all are stopped, so that none can fork while the others are looked for; then all are killed.
    """
    if sys.platform != "linux":
        return True
    until = time.monotonic() + limit_seconds
    while time.monotonic() < until:
        stopped: set[int] = set()
        for _ in range(_ROUNDS):
            new = set(_descendants()) - stopped
            if not new:
                break
            _signal_all(new, signal.SIGSTOP)
            stopped |= new
        _signal_all(stopped, signal.SIGKILL)
        reap_orphans()
        if not _descendants():
            return True
        time.sleep(0.002)
    return False


def reap_orphans(spare: int | None = None) -> None:
    """Take the exit of every child that has ended, up to `spare`, whose exit somebody else waits for."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(ChildProcessError):
        while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if found.si_pid == spare:
                return
            os.waitpid(found.si_pid, 0)


def _signal_all(processes: set[int], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found = list(children.get(os.getpid(), ()))
    for process in found:
        found.extend(children.get(process, ()))
    return found


def _parent(process: Path) -> int | None:
    try:
        stat = (process / "stat").read_bytes()
    except OSError:
        return None
    # The name in brackets may hold anything; the state and the parent follow the last bracket (proc(5)).
    return int(stat.rpartition(b")")[2].split()[1])
