"""/run: a message becomes one Run."""

from __future__ import annotations

import asyncio
import logging

from bot import answers
from bot.access import refuse_repo
from bot.desk import Asked, Desk
from bot.incoming import Incoming
from bot.mistake import Mistake
from bot.parse import read_run, to_task
from bot.speaker import Button
from runs.backend import Refused, Unavailable, UnknownRun
from runs.run import Run, message_key, run_id
from sandbox.task import Task

log = logging.getLogger(__name__)

STALE_SECONDS = 3600
"""An older command came late (Telegram keeps updates for 24 h): the person is asked before it runs."""

WAITING_PER_PERSON = 20


async def run(asked: Asked, desk: Desk) -> None:
    """Start the Run of this message; returns when it exists or the person was told why not.

    The same message again, by redelivery or after a crash, finds its Run and starts nothing.
    """
    message = asked.message
    key = message_key(message.place.chat_id, message.message_id)
    known = await _known(key, desk)
    if known is not None:
        desk.noticed(known)
        return
    request = read_run(asked.arguments, desk.config, desk.forge_url, message.replied_text)
    refusal = refuse_repo(asked.role, request.target, desk.config)
    if refusal is not None:
        desk.answer(message, answers.refused(refusal, message))
        return
    age = desk.clock() - message.date
    if age > STALE_SECONDS:
        button = Button("▶ Run it now", f"late:{message.message_id}")
        desk.answer(message, answers.stale(age), ((button,),))
        return
    await start(message, to_task(request, desk.config), desk)


async def start(message: Incoming, task: Task, desk: Desk) -> None:
    """Make the Run exist, however long the Backend is away; tell the person once that it is.

    Raises Mistake when too many Runs of this person wait already.
    """
    async with desk.book.starting(message.person.id, WAITING_PER_PERSON) as admitted:
        if not admitted:
            what = f"You have {WAITING_PER_PERSON} runs waiting already. Send this one again when some are done:"
            raise Mistake(what, "/jobs")
        await _start(message, task, desk)


async def _start(message: Incoming, task: Task, desk: Desk) -> None:
    key = message_key(message.place.chat_id, message.message_id)
    failures = 0
    while True:
        try:
            started = await desk.backend.start(key, task, message.origin())
        except Refused as error:
            desk.answer(message, answers.not_started(str(error)))
            return
        except Unavailable as error:
            failures += 1
            log.warning("run %s can't be started yet: %s", run_id(key), error)
            if failures == 2:
                desk.answer(message, answers.unavailable())
            await asyncio.sleep(min(30.0, 0.5 * 2 ** min(failures, 6)))
        else:
            log.info("run %s %s", started.id, started.state.value)
            desk.noticed(started)
            return


async def _known(key: str, desk: Desk) -> Run | None:
    try:
        return await desk.backend.get(run_id(key))
    except (UnknownRun, Unavailable):
        return None
