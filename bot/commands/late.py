"""The button under a command that came late: its sender still wants it."""

from __future__ import annotations

from bot.access import Action, refuse, refuse_repo
from bot.commands.run import start, wish_of
from bot.config import Role
from bot.desk import Desk
from bot.incoming import Press
from bot.markup import plain
from bot.parse import read_command, read_run, to_task
from bot.speaker import Letter


async def run_late(press: Press, role: Role, message_id: str, desk: Desk) -> str:
    """Start the Run of the old message, to which ours replied; return the line shown to who pressed."""
    del message_id
    asked = press.asked
    command = read_command(asked.text, desk.bot_name) if asked else None
    if asked is None or command is None:
        return "The command isn't there any more. Send it again."
    if asked.person.id != press.person.id:
        return "Only who sent the command can start it."
    if refuse(role, Action.RUN) is not None:
        return "You may look, but not start runs."
    request = read_run(command.arguments, desk.config, desk.forge_url, asked.replied_text)
    if refuse_repo(role, request.target, desk.config) is not None:
        return "You may not run this repo."
    if await start(wish_of(asked, to_task(request, desk.config)), desk) is None:
        return "It couldn't be started."
    started = Letter(plain("It was old, but still wanted: started."))
    desk.errands.run(desk.speaker.edit(press.place, press.message_id, lambda: started))
    return "Started."
