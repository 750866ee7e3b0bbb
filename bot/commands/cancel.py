"""/cancel and the Stop button: a Run ends and keeps its work."""

from __future__ import annotations

from bot import answers
from bot.access import Action, Refusal, refuse
from bot.commands.chosen import named_run, pressed_run, replied_run, visible_runs
from bot.config import Role
from bot.desk import Asked, Desk
from bot.incoming import Press
from bot.parse import read_one_run


async def cancel(asked: Asked, desk: Desk) -> None:
    """Stop the Run that is named, answered, or the only one of this person."""
    runs = await visible_runs(asked, desk)
    if asked.arguments.strip():
        run = named_run(read_one_run(asked.arguments, "cancel"), runs, "cancel")
    else:
        answered = replied_run(asked, runs, desk, "cancel")
        own = [run for run in runs if asked.owns(run) and not run.ended]
        if answered is not None:
            run = answered
        elif len(own) == 1:
            run = own[0]
        else:
            desk.answer(
                asked.message, answers.which_one(own, "cancel") if own else answers.nothing_runs()
            )
            return
    reason = refuse(asked.role, Action.CHANGE, own=asked.owns(run))
    if reason is not None:
        desk.answer(asked.message, answers.refused(reason, asked.message))
        return
    if run.ended:
        desk.answer(asked.message, answers.ended_already(run))
        return
    stopped = await desk.backend.cancel(run.id, asked.message.person.name)
    desk.answer(asked.message, answers.cancelling(stopped))
    desk.noticed(stopped)


async def stop_button(press: Press, role: Role, run_id: str, desk: Desk) -> str:
    """Stop the Run of the card under which the button stands; return the line shown to who pressed."""
    run = await pressed_run(press, role, run_id, desk)
    own = run.origin.person_id == press.person.id
    reason = refuse(role, Action.CHANGE, own=own)
    if reason is Refusal.NOT_YOURS:
        return "That run is somebody else's: its owner or an admin can stop it."
    if reason is not None:
        return "You may look, but not stop runs."
    if run.ended:
        return "It has ended already."
    desk.noticed(await desk.backend.cancel(run.id, press.person.name))
    return "Stopping; its work is pushed first."
