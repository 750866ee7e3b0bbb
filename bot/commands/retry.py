"""/retry and the Retry buttons: the task of a Run once more, as it was or with a change, as a new Run."""

from __future__ import annotations

import re

from bot import answers
from bot.access import Action, refuse
from bot.commands.again import allowed_today, known_run, usual_image
from bot.commands.chosen import known_runs, named_run, pressed_run, replied_run
from bot.commands.run import STALE_SECONDS, Wish, start
from bot.config import Role
from bot.continuation import gone_on
from bot.desk import Asked, Desk
from bot.fitting import unfitted
from bot.incoming import Press
from bot.mistake import Mistake
from bot.parse import read_one_run
from bot.remedy import GO_ON, Change, changed, with_change
from bot.retries import is_retry_of, next_key
from runs.run import Origin, Run, retry_key, run_id
from sandbox.task import Task


async def retry(asked: Asked, desk: Desk) -> None:
    """Start the task of a Run that ended once more; of a Run that is tried again already say so."""
    runs = await known_runs(asked, desk)
    parent = _chosen(asked, runs, desk)
    if parent is None:
        return
    message = asked.message
    retries = [run for run in runs if is_retry_of(run, parent)]
    for run in retries:
        if (run.origin.chat_id, run.origin.message_id) == (
            message.place.chat_id,
            message.message_id,
        ):
            desk.noticed(run)  # the same message came again
            return
    reason = refuse(asked.role, Action.CHANGE, own=asked.owns(parent))
    if reason is not None:
        desk.answer(message, answers.refused(reason, message))
        return
    if not parent.ended:
        desk.answer(message, answers.still_runs(parent))
        return
    under_way = next((run for run in retries if not run.ended), None)
    if under_way is not None:
        desk.answer(message, answers.retried_already(parent, under_way))
        return
    age = desk.clock() - message.date
    if age > STALE_SECONDS:
        desk.answer(message, answers.too_late(age))
        return
    key = next_key(parent, retries)
    task = allowed_today(unfitted(parent.task, desk.config), asked.role, desk)
    started = await start(Wish(key, task, message.origin()), desk)
    if started is not None and started.origin.message_id != message.message_id:
        desk.answer(message, answers.retried_already(parent, started))


async def retry_button(press: Press, role: Role, data: str, desk: Desk) -> str:
    """Start the task of the Run once more, for who pressed; return the line shown at once.

    The button names its attempt, so a second press, or the same one again after a crash, meets the Run of the first.
    """
    match = _DATA.fullmatch(data)
    if match is None:
        return "That button is from an older time. Say /retry with the run's id."
    parent = await pressed_run(press, role, match["run"], desk)
    if refuse(role, Action.RUN) is not None:
        return "You may look, but not start runs."
    if refuse(role, Action.CHANGE, own=parent.origin.person_id == press.person.id) is not None:
        return "That run is somebody else's: its owner or an admin can retry it."
    if not parent.ended:
        return "It hasn't ended yet."
    change = match["change"] or ""
    key = retry_key(parent.id, int(match["attempt"]), change)
    known = await known_run(run_id(key), desk)
    if known is not None:
        return _already(known)
    under_way = await _under_way(parent, desk)
    if under_way is not None and under_way.key == key:
        return _already(under_way)  # another press of the same button was faster
    if under_way is not None:
        return f"It is being retried already: {under_way.id}. Stop that one first."
    task, said = _changed(parent, change, desk)
    origin = _origin(press)
    anew = unfitted(task, desk.config, parent.task)
    started = await start(Wish(key, allowed_today(anew, role, desk), origin), desk)
    if started is None:
        return "It couldn't be started."
    return said if started.origin == origin else _already(started)


_CHANGES = "|".join([GO_ON, *(change.value for change in Change)])
_DATA = re.compile(
    rf"(?P<run>[a-z2-7]{{8}}):(?P<attempt>[1-9][0-9]{{0,3}})(?::(?P<change>{_CHANGES}))?"
)


def _chosen(asked: Asked, runs: list[Run], desk: Desk) -> Run | None:
    """Return the Run that is named or answered, or the only one of this person that failed; else ask which."""
    if asked.arguments.strip():
        return named_run(read_one_run(asked.arguments, "retry"), runs, "retry")
    answered = replied_run(asked, runs, desk, "retry")
    if answered is not None:
        return answered
    failed = [run for run in runs if asked.owns(run) and run.outcome and not run.outcome.ended_well]
    if len(failed) == 1:
        return failed[0]
    newest = sorted(failed, key=lambda run: run.created_at, reverse=True)
    answer = answers.which_one(newest, "retry") if failed else answers.nothing_failed()
    desk.answer(asked.message, answer)
    return None


async def _under_way(parent: Run, desk: Desk) -> Run | None:
    """Return the Run that does this one again now."""
    runs = await desk.backend.list_runs()
    return next((run for run in runs if not run.ended and is_retry_of(run, parent)), None)


def _changed(parent: Run, change: str, desk: Desk) -> tuple[Task, str]:
    """Return the Task of a button, and what is said once it runs. Raises Mistake where nothing is left to change."""
    task = parent.task
    if not change:
        return task, "Started again."
    if change == GO_ON:
        if (further := gone_on(parent)) is None:
            raise Mistake("It pushed nothing to go on from.")
        return further, "It goes on from there."
    limits = desk.config.run_limits
    other = changed(task, Change(change), usual_image(task, desk), limits)
    if other is None:
        raise Mistake("There is no more to be had. Send the task again in smaller parts.")
    return other, f"Started again, {with_change(other, Change(change))}."


def _already(run: Run) -> str:
    return f"It was retried already: {run.id}."


def _origin(press: Press) -> Origin:
    """Return where the new Run answers: under the person's own message if it was theirs, else under ours."""
    asked = press.asked
    theirs = asked is not None and asked.person.id == press.person.id
    return Origin(
        chat_id=press.place.chat_id,
        message_id=asked.message_id if asked is not None and theirs else press.message_id,
        person_id=press.person.id,
        person_name=press.person.name,
        thread_id=press.place.thread_id,
        private=press.private,
    )
