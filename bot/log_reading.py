"""Where the log of a Run is read: from its place, and when that is gone from the log store.

All that is read is redacted here, before lines are chosen from it and cut.
"""

from __future__ import annotations

import asyncio

from bot.desk import Desk
from bot.log_lines import whole_words
from bot.mistake import Mistake
from runs.backend import Refused, UnknownRun
from runs.run import Run


async def read_end(run: Run, size: int, desk: Desk) -> tuple[bytes, bool]:
    """Read the last `size` bytes of a log, nothing when it is nowhere; say whether they are all of it. Raises Unavailable."""
    log = await _read(run, size, desk)
    return await _redacted(whole_words(log, size), desk), len(log) < size


async def read_whole(run: Run, desk: Desk) -> bytes:
    """Read a log; nothing when it is nowhere. It may have many MiB. Raises Unavailable."""
    return await _redacted(await _read(run, None, desk), desk)


async def read_service(run: Run, service: str, desk: Desk) -> bytes:
    """Read the end of what a service beside a Run printed. Raises Unavailable, and Mistake when there is none."""
    try:
        log = await desk.backend.read_log(run.id, tail_bytes=_SERVICE_BYTES, service=service)
    except UnknownRun:
        raise Mistake("The logs of services go with their run; only its own log is kept.") from None
    except Refused as error:
        raise Mistake(str(error)) from error
    return await _redacted(whole_words(log, _SERVICE_BYTES), desk)


_SERVICE_BYTES = 16_384


async def _redacted(log: bytes, desk: Desk) -> bytes:
    return await asyncio.to_thread(desk.redactor.log, log)


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
