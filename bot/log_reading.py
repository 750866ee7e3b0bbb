"""Where the log of a Run is read: from its place, and when that is gone from the log store."""

from __future__ import annotations

from bot.desk import Desk
from bot.mistake import Mistake
from runs.backend import Refused, UnknownRun
from runs.run import Run


async def read_end(run: Run, size: int, desk: Desk) -> bytes:
    """Read the last bytes of a log; nothing when it is nowhere. Raises Unavailable."""
    return await _read(run, size, desk)


async def read_whole(run: Run, desk: Desk) -> bytes:
    """Read a log; nothing when it is nowhere. It may have many MiB. Raises Unavailable."""
    return await _read(run, None, desk)


async def read_service(run: Run, service: str, desk: Desk) -> bytes:
    """Read the end of what a service beside a Run printed. Raises Unavailable, and Mistake when there is none."""
    try:
        return await desk.backend.read_log(run.id, tail_bytes=_SERVICE_BYTES, service=service)
    except UnknownRun:
        raise Mistake("The logs of services go with their run; only its own log is kept.") from None
    except Refused as error:
        raise Mistake(str(error)) from error


_SERVICE_BYTES = 16_384


async def _read(run: Run, size: int | None, desk: Desk) -> bytes:
    try:
        # A Run's Pod may be gone before the Run is.
        if log := await desk.backend.read_log(run.id, tail_bytes=size):
            return log
    except UnknownRun:
        pass
    try:
        return await desk.store.read_log(run.id, tail_bytes=size)
    except UnknownRun:
        return b""
