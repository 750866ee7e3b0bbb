"""Which Run a command means: by the beginning of its id, or by the message that it answers."""

from __future__ import annotations

import re

from bot.desk import Asked, Desk
from bot.mistake import Mistake
from bot.parse import pick_run
from runs.run import Run

_ID = re.compile(r"\b[a-z2-7]{8}\b")


async def visible_runs(asked: Asked, desk: Desk) -> list[Run]:
    """Return the Runs that this person sees here, oldest first."""
    return [run for run in await desk.backend.list_runs() if asked.sees(run)]


def replied_run(asked: Asked, runs: list[Run], desk: Desk, command: str) -> Run | None:
    """Return the Run whose card, own command or other message of ours this message answers; None when it is no such.

    Raises Mistake when the answered message names several.
    """
    message = asked.message
    if message.replied_message_id is None:
        return None
    for run in reversed(runs):
        here = run.origin.chat_id == message.place.chat_id
        if here and message.replied_message_id in (run.marks.card_id, run.origin.message_id):
            return run
    if message.replied_bot != desk.bot_name:
        return None
    words = set(_ID.findall(message.replied_text or ""))
    told = [run for run in runs if run.id in words]
    if len(told) > 1:
        named = ", ".join(run.id for run in told[:5])
        raise Mistake(f"That message names several runs: {named}.", f"/{command} {told[0].id}")
    return told[0] if told else None


def named_run(prefix: str, runs: list[Run], command: str) -> Run:
    """Return the one Run whose id begins so. Raises Mistake with lines to tap."""
    found = pick_run(prefix, [run.id for run in runs], command)
    return next(run for run in runs if run.id == found)
