"""Which Run a command means: by the beginning of its id, or by the message that it answers."""

from __future__ import annotations

import logging
import re

from bot.config import Role
from bot.desk import Asked, Desk
from bot.incoming import Press
from bot.mistake import Mistake
from bot.parse import pick_run
from runs.backend import BackendError, UnknownRun
from runs.run import Run, is_run_id

log = logging.getLogger(__name__)

_ID = re.compile(r"\b[a-z2-7]{8}\b")


async def visible_runs(asked: Asked, desk: Desk) -> list[Run]:
    """Return the Runs that this person sees here, oldest first."""
    return await asked.seen(await desk.backend.list_runs(), desk)


async def known_runs(asked: Asked, desk: Desk) -> list[Run]:
    """Return the Runs that this person sees here, and those of which only the Record is left."""
    runs = await visible_runs(asked, desk)
    present = {run.id for run in runs}
    try:
        records = [record.run for record in await desk.store.list_records()]
    except BackendError as error:
        log.warning("only runs that are still there are known now: %s", error)
        return runs
    gone = [run for run in records if run.id not in present]
    return runs + await asked.seen(gone, desk)


async def known_run(id_of_run: str, asked: Asked, desk: Desk) -> Run | None:
    """Return the Run with this whole id, without reading all others; None where this person sees none here."""
    if not is_run_id(id_of_run):
        return None
    try:
        run = await desk.backend.get(id_of_run)
    except BackendError:
        try:
            run = (await desk.store.read_record(id_of_run)).run
        except BackendError:
            return None
    return run if await asked.seen([run], desk) else None


async def pressed_run(press: Press, role: Role, run_id: str, desk: Desk) -> Run:
    """Return the Run that a button names, from its Record if need be. Raises Mistake."""
    try:
        run = await desk.backend.get(run_id)
    except UnknownRun:
        try:
            run = (await desk.store.read_record(run_id)).run
        except UnknownRun:
            raise Mistake("That run is gone.") from None
    of_all = press.private and role is Role.ADMIN
    if not (of_all or await desk.of_chat(press.place.chat_id, [run])):
        raise Mistake("That run belongs to another chat.")
    return run


def replied_run(asked: Asked, runs: list[Run], desk: Desk, command: str) -> Run | None:
    """Return the Run whose card, own command or other message of ours this message answers; None when it is no such.

    Raises Mistake when the answered message names several.
    """
    message = asked.message
    if message.replied_message_id is None:
        return None
    for run in reversed(runs):
        here = run.origin.chat_id == message.place.chat_id
        # A Run that a button started belongs to the message that was pressed, which tells of another.
        asked_for = run.origin.message_id if message.replied_bot != desk.bot_name else None
        if here and message.replied_message_id in (run.marks.card_id, asked_for):
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
