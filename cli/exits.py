"""The exit codes of the commands, and the one form of every failure. docs/command-line.md lists them."""

from __future__ import annotations

from enum import IntEnum


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
