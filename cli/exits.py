"""How a command ends: its exit codes, and the one form of every failure. docs/command-line.md lists them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.screen import Screen


class Exit(IntEnum):
    """The exit codes; scripts rely on them."""

    OK = 0
    RUN_FAILED = 1
    USAGE = 2
    CLUSTER = 3
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    """As a shell shows a program that SIGPIPE ended."""


class Failure(Exception):
    """A command can't be carried out: what is wrong, and what to do about it, each one or two plain sentences."""

    def __init__(self, what: str, advice: str = "", code: Exit = Exit.USAGE) -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice
        self.code = code


def guarded(work: Callable[[], Exit], screen: Screen) -> int:
    """Do the work of a command and return its exit code, whatever ends it.

    A Failure is printed, and what the rooms below raise for the person or the world is turned into one. Ctrl-C is said
    unless the work itself said what it means. A bug keeps its traceback.
    """
    from cli.failures import as_failure

    try:
        code = work()
        sys.stdout.flush()
    except KeyboardInterrupt:
        screen.note("Stopped.")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        _close_output()
        return Exit.PIPE_CLOSED
    except Exception as error:
        failure = as_failure(error)
        if failure is None:
            raise
        return _told(failure, screen)
    return code


def _told(failure: Failure, screen: Screen) -> int:
    try:
        screen.failed(failure)
        sys.stdout.flush()
    except BrokenPipeError:
        _close_output()
    return failure.code


def _close_output() -> None:
    """Let what is still in the buffer go nowhere: it is written at exit, and would fail again (Python's docs of SIGPIPE)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
