"""/help and /start: what the bot understands; /id: the numbers that the config needs."""

from __future__ import annotations

from bot import answers
from bot.desk import Asked, Desk


async def help_(asked: Asked, desk: Desk) -> None:
    """Answer with the commands, or with more about one."""
    desk.answer(asked.message, answers.help_text(asked.arguments, sorted(desk.config.repos)))
