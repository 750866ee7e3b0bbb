"""/retry and the Retry button: the task of a Run once more, as a new Run."""

from __future__ import annotations

import re
from dataclasses import replace

from bot import answers
from bot.access import Action, refuse, refuse_repo
from bot.commands.chosen import known_runs, named_run, pressed_run, replied_run
from bot.commands.run import STALE_SECONDS, Wish, start
from bot.config import Role
from bot.desk import Asked, Desk
from bot.incoming import Press
from bot.mistake import Mistake
from bot.parse import read_one_run, trusts
from bot.repo import find_again
from runs.backend import UnknownRun
from runs.run import Origin, Run, retried, retry_key, run_id
from sandbox.task import Task


async def retry(asked: Asked, desk: Desk) -> None:
    """Start the task of a Run that ended once more; of a Run that is tried again already say so."""
    runs = await known_runs(asked, desk)
    parent = _chosen(asked, runs, desk)
    if parent is None:
        return
    message = asked.message
    retries = {number: run for run in runs if (number := _attempt(run, parent)) is not None}
    for run in retries.values():
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
    under_way = next((run for run in retries.values() if not run.ended), None)
    if under_way is not None:
        desk.answer(message, answers.retried_already(parent, under_way))
        return
    age = desk.clock() - message.date
    if age > STALE_SECONDS:
        desk.answer(message, answers.too_late(age))
        return
    key = retry_key(parent.id, max(retries, default=0) + 1)
    task = _task(parent, asked.role, desk)
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
        return "That run is somebody else's: its owner or an admin can try it again."
    if not parent.ended:
        return "It hasn't ended yet."
    key = retry_key(parent.id, int(match["attempt"]))
    known = await _known(run_id(key), desk)
    if known is not None:
        return _already(known)
    origin = _origin(press)
    started = await start(Wish(key, _task(parent, role, desk), origin), desk)
    if started is None:
        return "It couldn't be started."
    return "Started again." if started.origin == origin else _already(started)


_DATA = re.compile("(?P<run>[a-z2-7]{8}):(?P<attempt>[1-9][0-9]{0,3})")


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


def _attempt(run: Run, parent: Run) -> int | None:
    of = retried(run.key)
    return of[1] if of is not None and of[0] == parent.id else None


def _task(parent: Run, role: Role, desk: Desk) -> Task:
    """Return the Task as the config of today allows it. Raises Mistake where it doesn't any more."""
    config = desk.config
    target = find_again(parent.task.repo_url, parent.task.branch, config, desk.forge_url)
    refusal = None if target is None else refuse_repo(role, target, config)
    if target is None or refusal is not None:
        raise Mistake("You may not run that repo (any more).", "/repos")
    image = parent.task.image
    if image is not None and not config.allows_image(image):
        raise Mistake("Its image isn't allowed any more: send the task again without it.", "/repos")
    usual = config.options_of(target.named)
    trusted = trusts(parent.task.branch, usual)
    return replace(
        parent.task, repo_url=target.address.url, base=usual.branch, trusts_branch=trusted
    )


async def _known(id_of_run: str, desk: Desk) -> Run | None:
    try:
        return await desk.backend.get(id_of_run)
    except UnknownRun:
        pass
    try:
        return (await desk.store.read_record(id_of_run)).run
    except UnknownRun:
        return None


def _already(run: Run) -> str:
    return f"It was tried again already: {run.id}."


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
