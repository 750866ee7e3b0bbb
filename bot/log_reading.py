"""Where the log of a Run is read: from its place while it goes on, from the log store when it has ended.

All that is read is redacted here, before lines are chosen from it and cut; what the store has was when it was kept.
"""

from __future__ import annotations

import asyncio
import logging

from bot.desk import Desk
from bot.log_lines import whole_words
from bot.mistake import Mistake
from runs.backend import BackendError, Refused, Unavailable, UnknownRun
from runs.run import Run
from sandbox.redaction import Redacted

log = logging.getLogger(__name__)


class LogsAway(Unavailable):
    """The log store doesn't answer, and nothing but it has the log."""


_SERVICE_BYTES = 16_384


async def read_end(run: Run, size: int, desk: Desk) -> tuple[Redacted, bool]:
    """Read the last `size` bytes of a log, nothing when it is nowhere; say whether they are all of it. Raises Unavailable."""
    return await _read(run, size, None, desk)


async def read_whole(run: Run, desk: Desk) -> Redacted:
    """Read a log; nothing when it is nowhere. It may have many MiB. Raises Unavailable."""
    return (await _read(run, None, None, desk))[0]


async def read_service(run: Run, service: str, desk: Desk) -> Redacted:
    """Read the end of what a service beside a Run printed. Raises Unavailable, and Mistake when there is none."""
    try:
        printed, _ = await _read(run, _SERVICE_BYTES, service, desk)
    except Refused as error:
        raise Mistake(str(error)) from error
    if run.ended and not printed:
        raise Mistake(f"Nothing is left of {service}: such logs are kept when their run fails.")
    return printed


async def _read(
    run: Run, size: int | None, service: str | None, desk: Desk
) -> tuple[Redacted, bool]:
    """Read a log, or its end, and say whether that is all of it. Raises Unavailable, and Refused for a service."""
    away: BackendError | None = None
    if run.ended:
        # First: it answers also when the node of the Pod doesn't.
        try:
            kept = await _kept(run, size, service, desk)
        except BackendError as error:
            log.warning("the log of run %s is looked for where it ran: %s", run.id, error)
            away = error
        else:
            if kept is not None:
                return kept
    kept = None
    try:
        printed = await desk.backend.read_log(run.id, tail_bytes=size, service=service)
    except UnknownRun:
        printed = b""
        # One that hadn't ended when it was looked up has by now.
        kept = None if run.ended else await _kept(run, size, service, desk)
    if printed:
        cut = printed if size is None else whole_words(printed, size)
        shown = await asyncio.to_thread(desk.redactor.log, cut)
        return shown, size is None or len(printed) < size
    if away is not None:
        raise LogsAway(str(away)) from away
    return kept or (Redacted(b""), True)


async def _kept(
    run: Run, size: int | None, service: str | None, desk: Desk
) -> tuple[Redacted, bool] | None:
    """Return what the log store has, and whether that is all of it; None when it has nothing."""
    try:
        kept = await desk.store.read_log(run.id, tail_bytes=size, service=service)
    except UnknownRun:
        return None
    if size is None or len(kept) < size:
        return kept, True
    return Redacted(whole_words(kept, size)), False
