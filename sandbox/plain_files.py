"""Reading files of a repository, without trusting what they are: no link is followed, nothing blocks or grows without limit."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def open_plain(path: Path) -> Iterator[IO[bytes] | None]:
    """Open a plain file; None for a link, a pipe, or nothing."""
    try:
        # Non-blocking, since opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        yield None
        return
    with os.fdopen(descriptor, "rb") as opened:
        yield opened if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def read_plain(path: Path, limit_bytes: int) -> bytes | None:
    """Read a plain file; None for a link, a pipe, nothing, and one that is larger."""
    with open_plain(path) as found:
        if found is None:
            return None
        try:
            data = found.read(limit_bytes + 1)
        except OSError:
            return None
    return data if len(data) <= limit_bytes else None


def is_real_folder(path: Path) -> bool:
    """Say whether a path is a folder, and no part of it a link. `path` must have been real at its making."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode) and path.resolve() == path
    except OSError:
        return False
