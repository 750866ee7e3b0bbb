"""A reply to the question with which a Run ended: the work goes on with the answer, as a new Run."""

from __future__ import annotations

import asyncio
import logging
import re

from bot import answers
from bot.access import Action, refuse
from bot.commands.again import allowed_today, known_run
from bot.commands.run import STALE_SECONDS, Wish, start
from bot.continuation import continued
from bot.desk import Asked, Desk
from bot.fitting import unfitted
from bot.incoming import Incoming
from bot.messages import ANSWER_ADVICE
from runs.backend import BackendError
from runs.outcome import Ending
from runs.run import Run, lineage, reply_key, run_id

log = logging.getLogger(__name__)

_ID_AT_THE_END = re.compile(r"(?<![a-z0-9])([a-z2-7]{8})\s*\Z")
"""Every message about one Run ends with its id."""


async def asking_run(message: Incoming, desk: Desk) -> Run | None:
    """Return the Run to whose question this message is the answer; None for every other message.

    A place that doesn't answer is waited for, since an answer must not be lost.
    """
    named = _ID_AT_THE_END.search(message.replied_text or "")
    if named is None or message.replied_bot != desk.bot_name:
        return None
    delay = 0.5
    while True:
        try:
            run = await known_run(named[1], desk)
            break
        except BackendError as error:
            log.warning("run %s can't be read yet: %s", named[1], error)
            await asyncio.sleep(delay)
            delay = min(30.0, delay * 2)
    if run is None or run.outcome is None or run.outcome.ending is not Ending.ASKS:
        return None
    here = bool(await desk.of_chat(message.place.chat_id, [run]))
    # Where its own chat refuses messages, the question was told in the home chat.
    return run if here or ANSWER_ADVICE in (message.replied_text or "") else None


async def answer(asked: Asked, run: Run, desk: Desk) -> None:
    """Go on where a Run asked, with this message as the answer; the same message again meets the Run of the first time."""
    message = asked.message
    key = reply_key(run.id, message.place.chat_id, message.message_id)
    known = await known_run(run_id(key), desk)
    if known is not None:
        desk.noticed(known)
        return
    reason = refuse(asked.role, Action.CHANGE, own=asked.owns(run))
    if reason is not None:
        desk.answer(message, answers.refused(reason, message))
        return
    age = desk.clock() - message.date
    if age > STALE_SECONDS:
        desk.answer(message, answers.too_late(age))
        return
    under_way = await _under_way(run, desk)
    if under_way is not None and under_way.key != key:
        desk.answer(message, answers.answered_already(under_way))
        return
    # What is allowed depends on the branch, which is another one now.
    task = allowed_today(unfitted(continued(run, message.text), desk.config), asked.role, desk)
    await start(Wish(key, task, message.origin()), desk)


async def _under_way(parent: Run, desk: Desk) -> Run | None:
    """Return the Run that goes on with an answer now; None also where the place doesn't say: the start waits for it."""
    try:
        runs = await desk.backend.list_runs()
    except BackendError as error:
        log.warning("the runs can't be listed now: %s", error)
        return None
    return next((run for run in runs if not run.ended and _goes_on(run, parent)), None)


def _goes_on(run: Run, parent: Run) -> bool:
    of = lineage(run.key)
    return of is not None and of.answers and of.parent_id == parent.id
