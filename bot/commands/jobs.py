"""/jobs: what runs, waits and ended in this chat."""

from __future__ import annotations

from bot.desk import Asked, Desk
from bot.messages import table


async def jobs(asked: Asked, desk: Desk) -> None:
    """Answer with the Runs of this chat."""
    runs = [run for run in await desk.backend.list_runs() if asked.sees(run)]
    desk.answer(asked.message, table(runs, desk.clock()))
