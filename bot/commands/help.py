"""/help and /start: what the bot understands, and what to do first."""

from __future__ import annotations

from bot import guide
from bot.desk import Asked, Desk


async def help_(asked: Asked, desk: Desk) -> None:
    """Answer with the commands, or with more about one."""
    desk.answer(asked.message, guide.help_text(asked.arguments, guide.aliases_of(desk.config)))


async def start_(asked: Asked, desk: Desk) -> None:
    """Greet, and say what to do."""
    message = asked.message
    aliases = guide.aliases_of(desk.config)
    text = guide.greeting(message.person.name, aliases, private=message.private)
    desk.answer(message, text)
