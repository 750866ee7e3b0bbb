"""Marks that a Run must get, whatever else changes it meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from runs.backend import Backend, BackendError, Moved, UnknownRun
from runs.run import Marks, Run

log = logging.getLogger(__name__)


async def marked(backend: Backend, run_id: str, change: Callable[[Marks], Marks]) -> Run | None:
    """Change the marks of the newest state of a Run, again where it moved meanwhile, and for as long as the Backend is away.

    None when the Run was removed.
    """
    delay = 0.0
    while True:
        try:
            run = await backend.get(run_id)
            marks = change(run.marks)
            return run if marks == run.marks else await backend.mark(run, marks)
        except UnknownRun:
            return None
        except Moved:
            continue
        except BackendError as error:
            delay = min(30.0, delay * 2 + 0.5)
            log.warning("run %s can't be marked yet: %s", run_id, error)
            await asyncio.sleep(delay)
