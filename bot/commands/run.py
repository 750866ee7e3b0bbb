"""/run: a message becomes one Run."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

from bot import answers
from bot.access import refuse_repo
from bot.desk import Asked, Desk
from bot.incoming import Incoming, Place
from bot.markup import Markup
from bot.mistake import Mistake
from bot.parse import read_run, to_task
from bot.speaker import Button
from runs.backend import Refused, Unavailable, UnknownRun
from runs.run import Origin, Run, message_key, run_id
from sandbox.task import Task

log = logging.getLogger(__name__)

STALE_SECONDS = 3600
"""An older command came late (Telegram keeps updates for 24 h): the person is asked before it runs."""

WAITING_PER_PERSON = 20

TOO_MANY_AGAIN_SECONDS = 60.0
"""So long further commands of who has too many get a mark only: words for each would take the chat's minute from all."""


class TooMany(Mistake):
    """As many Runs of this person wait as may."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A Run that shall exist: the key says which one, the origin who wants it and where that is answered."""

    key: str
    task: Task
    origin: Origin


def wish_of(message: Incoming, task: Task) -> Wish:
    """Return the wish that a message is, so that the same message again means the same Run."""
    key = message_key(message.place.chat_id, message.message_id)
    return Wish(key, task, message.origin())


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
    try:
        await start(wish_of(message, to_task(request, desk.config)), desk)
    except TooMany:
        who = (message.place, message.person.id, "too many")
        with desk.taps.once(who, TOO_MANY_AGAIN_SECONDS) as first:
            pass
        if first:
            raise
        desk.errands.run(desk.speaker.react(message.place, message.message_id, "👎"))


async def start(wish: Wish, desk: Desk) -> Run | None:
    """Make the Run exist, however long the Backend is away; tell the person once that it is.

    None when the Backend refused, which the person was told. Raises TooMany.
    """
    async with desk.book.starting(wish.origin.person_id, WAITING_PER_PERSON) as admitted:
        if not admitted:
            raise TooMany(
                f"You have {WAITING_PER_PERSON} runs waiting already. This one starts nothing, and neither does what I "
                "mark with 👎. Send them again when some are done:",
                "/jobs",
            )
        if desk.stacks is not None:
            wish = replace(wish, task=await desk.stacks.fit(wish.task))
        return await _start(wish, desk)


async def _start(wish: Wish, desk: Desk) -> Run | None:
    failures = 0
    while True:
        try:
            started = await desk.backend.start(wish.key, wish.task, wish.origin)
        except Refused as error:
            _tell(wish, answers.not_started(str(error)), desk)
            return None
        except Unavailable as error:
            failures += 1
            log.warning("run %s can't be started yet: %s", run_id(wish.key), error)
            if failures == 2:
                _tell(wish, answers.unavailable(desk.backend.called), desk)
            await asyncio.sleep(min(30.0, 0.5 * 2 ** min(failures, 6)))
        else:
            log.info("run %s %s", started.id, started.state.value)
            desk.metrics.started(desk.alias(started))
            desk.noticed(started)
            return started


def _tell(wish: Wish, text: Markup, desk: Desk) -> None:
    origin = wish.origin
    desk.reply(Place(origin.chat_id, origin.thread_id), origin.message_id, text)


async def _known(key: str, desk: Desk) -> Run | None:
    try:
        return await desk.backend.get(run_id(key))
    except (UnknownRun, Unavailable):
        return None
