"""`claude-sandbox redact`: a filter that blackens secrets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from cli.exits import Exit
from sandbox.keys import read_keys
from sandbox.redaction import Redactor

PIECE_BYTES = 1 << 20
"""A longer line comes out as several, each of which ends behind a space where there is one."""


def run_redact(environment: Mapping[str, str], source: BinaryIO, target: BinaryIO) -> int:
    """Copy a text without its secrets, as it comes; return the exit code, 0, or 1 when nobody reads on.

    The values of the environment's keys and tokens count as secrets too.
    """
    redactor = Redactor(read_keys(environment).secrets)
    try:
        for line in redactor.stream(_lines(source)):
            target.write(line.encode() + b"\n")
            target.flush()
    except BrokenPipeError:
        # What is still in the buffer is written at exit, and would fail again (Python's documentation of SIGPIPE).
        os.dup2(os.open(os.devnull, os.O_WRONLY), target.fileno())
        return Exit.PIPE_CLOSED
    return 0


def _lines(source: BinaryIO) -> Iterator[str]:
    rest = b""
    while piece := source.readline(PIECE_BYTES):
        piece = rest + piece
        rest = b""
        if not piece.endswith(b"\n") and len(piece) >= PIECE_BYTES:
            head, space, tail = piece.rpartition(b" ")
            piece, rest = (head + space, tail) if head else (piece, b"")
        yield piece.decode("utf-8", "replace").rstrip("\r\n")
    if rest:
        yield rest.decode("utf-8", "replace")
