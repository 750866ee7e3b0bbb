"""Files that survive a crash whole or not at all, and locks between processes. Imports next to nothing."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write(path: Path, data: bytes) -> None:
    """Replace a file: after a crash it has the old content or the new one. Raises OSError, leaving the old."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}~")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def open_plain(path: Path) -> BinaryIO:
    """Open an ordinary file to read.

    Raises OSError for a link, a pipe or a device: where an agent may write, it could make us wait for ever, or show
    another file.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Not an ordinary file")
    return os.fdopen(descriptor, "rb")


def read_end(path: Path, tail_bytes: int | None) -> bytes | None:
    """Read an ordinary file, or as much of its end; None when there is no such file."""
    try:
        with open_plain(path) as file:
            if tail_bytes is not None:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(size - tail_bytes, 0))
            return file.read(-1 if tail_bytes is None else tail_bytes)
    except FileNotFoundError:
        return None


def is_shortage(error: OSError) -> bool:
    """Say whether the machine lacks something for now, whatever the file."""
    return error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def in_words(error: OSError, where: str) -> str:
    """Say to a person what the disk said, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of {where} is full. Free some space, then try again."
    return f"Reading or writing {where} failed: {error.strerror or error}. Look at its disk and rights."


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, which a rename alone isn't."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Hold a lock file that other threads and processes wait for. Keep it for milliseconds only."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Say whether a process holds a lock file for its life; False when there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
