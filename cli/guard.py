"""How a command ends, whatever ends it: the one place that turns what was raised into words and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from cli.exits import Exit, Failure
from cli.failures import as_failure
from cli.screen import Screen


def guarded(work: Callable[[], Exit], screen: Screen) -> int:
    """Do the work of a command and return its exit code, whatever ends it.

    A Failure is printed, and what the rooms below raise for the person or the world is turned into one. Ctrl-C is said
    unless the work itself said what it means. A bug keeps its traceback.
    """
    try:
        code = work()
        sys.stdout.flush()
    except KeyboardInterrupt:
        screen.interrupted("Stopped.")
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
    except (OSError, Failure):  # the pipe is closed, the disk full
        _close_output()
    return failure.code


def _close_output() -> None:
    """Let what is still in the buffer go nowhere: it is written at exit, and would fail again (Python's docs of SIGPIPE)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
