"""/clean: remove ended Runs that people were told of."""

from __future__ import annotations

import logging
from collections.abc import Set

from bot import answers
from bot.access import Action, Refusal, refuse
from bot.commands.chosen import named_run, visible_runs
from bot.config import Role
from bot.desk import Asked, Desk
from bot.parse import read_clean
from runs.backend import BackendError
from runs.run import Run

log = logging.getLogger(__name__)


async def clean(asked: Asked, desk: Desk) -> None:
    """Remove what may go and say which; a running or an untold Run never goes.

    Without a name that is this chat's, also for an admin who sees those of all chats.
    """
    if asked.role is Role.VIEWER:
        desk.answer(asked.message, answers.refused(Refusal.VIEWER, asked.message))
        return
    runs = await visible_runs(asked, desk)
    named = read_clean(asked.arguments)
    if named:
        chosen = [named_run(prefix, runs, "clean") for prefix in named]
    else:
        chosen = await desk.of_chat(asked.message.place.chat_id, runs)
    removed: list[Run] = []
    kept: list[tuple[Run, str]] = []
    for run in dict.fromkeys(chosen):
        why = await _removed(run, asked, desk)
        if why is None:
            removed.append(run)
        else:
            kept.append((run, why))
    desk.answer(asked.message, answers.cleaned(removed, kept if named else []))
    if removed:
        await _take_from_tables({run.id for run in removed}, desk)


async def _take_from_tables(gone: Set[str], desk: Desk) -> None:
    """Let open tables show no more what was removed, which nobody else tells them until the next sweep."""
    try:
        desk.live.keep({run.id for run in await desk.backend.list_runs()} - gone)
    except BackendError as error:
        log.info("what was removed stays in tables until the next sweep: %s", error)


async def _removed(run: Run, asked: Asked, desk: Desk) -> str | None:
    """Remove a Run; say why not where it stays."""
    if refuse(asked.role, Action.CHANGE, own=asked.owns(run)) is not None:
        return "it is somebody else's"
    if not run.ended:
        return "it hasn't ended"
    try:
        gone = run.told and await desk.backend.clean(run.id)
    except BackendError as error:
        log.warning("run %s can't be removed: %s", run.id, error)
        return "it can't be removed now"
    return None if gone else "its end hasn't been told yet"
