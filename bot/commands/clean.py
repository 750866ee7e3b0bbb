"""/clean: remove ended Runs that people were told of."""

from __future__ import annotations

from bot import answers
from bot.access import Action, refuse
from bot.commands.chosen import named_run, visible_runs
from bot.desk import Asked, Desk
from bot.parse import read_clean
from runs.run import Run


async def clean(asked: Asked, desk: Desk) -> None:
    """Remove what may go and say which; a running or an untold Run never goes."""
    runs = await visible_runs(asked, desk)
    named = read_clean(asked.arguments)
    chosen = [named_run(prefix, runs, "clean") for prefix in named] if named else runs
    removed: list[Run] = []
    kept: list[tuple[Run, str]] = []
    for run in chosen:
        if refuse(asked.role, Action.CHANGE, own=asked.owns(run)) is not None:
            kept.append((run, "it is somebody else's"))
        elif not run.ended:
            kept.append((run, "it hasn't ended"))
        elif not run.told or not await desk.backend.clean(run.id):
            kept.append((run, "its end hasn't been told yet"))
        else:
            removed.append(run)
    desk.answer(asked.message, answers.cleaned(removed, kept if named else []))
