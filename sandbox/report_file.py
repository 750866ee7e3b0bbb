"""Writing the Report so that a reader finds a whole one, at every moment and on a full disk."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from sandbox.report import Report, encode


def write_report(path: str, report: Report) -> str | None:
    """Replace the Report at `path`; return None, or why it couldn't be written.

    An ordinary file is replaced by a rename. Where that is impossible (Kubernetes mounts /dev/termination-log as a
    file; a disk may be full) the file is overwritten in place, within the block that it has already. A link or folder
    that stands there is replaced, never followed.
    """
    data = encode(report)
    target = Path(path)
    try:
        _replace(target, data)
    except OSError:
        try:
            _overwrite(target, data)
        except OSError as error:
            return f"the Report can't be written to {path}: {error}"
    return None


def _replace(target: Path, data: bytes) -> None:
    _move_folder_away(target)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        temporary.chmod(0o644)
        temporary.rename(target)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _overwrite(target: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(target, flags, 0o644), "wb", buffering=0) as file:
        # Not shortened first: on a full disk the block that is there can still be filled.
        file.write(data)
        file.truncate(len(data))


def _move_folder_away(target: Path) -> None:
    with contextlib.suppress(OSError):
        if stat.S_ISDIR(target.lstat().st_mode):
            target.rename(tempfile.mkdtemp(prefix=".moved-", dir=target.parent))
