"""Which Run a command means: by the beginning of its id, or by the message that it answers."""

from __future__ import annotations

from bot.desk import Asked, Desk
from bot.parse import pick_run
from runs.run import Run


async def visible_runs(asked: Asked, desk: Desk) -> list[Run]:
    """Return the Runs that this person sees here, oldest first."""
    return [run for run in await desk.backend.list_runs() if asked.sees(run)]


def replied_run(asked: Asked, runs: list[Run]) -> Run | None:
    """Return the Run whose card, or whose own command, the message answers."""
    replied = asked.message.replied_message_id
    if replied is None:
        return None
    for run in reversed(runs):
        here = run.origin.chat_id == asked.message.place.chat_id
        if here and replied in (run.marks.card_id, run.origin.message_id):
            return run
    return None


def named_run(prefix: str, runs: list[Run], command: str) -> Run:
    """Return the one Run whose id begins so. Raises Mistake with lines to tap."""
    found = pick_run(prefix, [run.id for run in runs], command)
    return next(run for run in runs if run.id == found)
