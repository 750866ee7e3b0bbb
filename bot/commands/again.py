"""What was asked for earlier, today: a Task as the config allows it now, a Run or what is left of it."""

from __future__ import annotations

from bot.access import refuse_repo
from bot.config import Role
from bot.desk import Desk
from bot.mistake import Mistake
from bot.repo import find_again
from bot.retries import as_today
from runs.backend import UnknownRun
from runs.run import Run
from sandbox.task import Task


async def known_run(run_id: str, desk: Desk) -> Run | None:
    """Return a Run, from its Record if need be; None when there never was one, or nothing is left of it."""
    try:
        return await desk.backend.get(run_id)
    except UnknownRun:
        pass
    try:
        return (await desk.store.read_record(run_id)).run
    except UnknownRun:
        return None


def allowed_today(task: Task, role: Role, desk: Desk) -> Task:
    """Return an earlier Task as the config of today allows it. Raises Mistake where it doesn't any more."""
    config = desk.config
    target = find_again(task.repo_url, task.branch, config, desk.forge_url)
    refusal = None if target is None else refuse_repo(role, target, config)
    if target is None or refusal is not None:
        raise Mistake("You may not run that repo (any more).", "/repos")
    if task.image is not None and not config.allows_image(task.image):
        raise Mistake("Its image isn't allowed any more: send the task again without it.", "/repos")
    return as_today(task, target, config)


def usual_image(task: Task, desk: Desk) -> str | None:
    """Return the image that the config names for a Task's repo; None where it names none."""
    target = find_again(task.repo_url, task.branch, desk.config, desk.forge_url)
    return None if target is None else desk.config.options_of(target.named).image
