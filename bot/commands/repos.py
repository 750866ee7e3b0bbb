"""/repos: where the bot can work, in pages."""

from __future__ import annotations

from bot import guide
from bot.access import Action, refuse
from bot.buttons import page_buttons
from bot.config import Role
from bot.desk import Asked, Desk
from bot.incoming import Press
from bot.outbox import Priority
from bot.speaker import Letter


async def repos(asked: Asked, desk: Desk) -> None:
    """Answer with the first page."""
    letter = _letter(asked.role, 1, desk)
    desk.answer(asked.message, letter.text, letter.keyboard)


async def repos_button(press: Press, role: Role, page: str, desk: Desk) -> str:
    """Turn to a page; return the line shown to who pressed."""
    if refuse(role, Action.READ) is not None:
        return "You may not look at the repos."
    last = guide.pages_of_repos(desk.config)
    number = max(1, min(int(page), last)) if page.isdecimal() and len(page) < 6 else 1
    letter = _letter(role, number, desk)
    turning = desk.speaker.edit(press.place, press.message_id, lambda: letter, Priority.ANSWER)
    desk.errands.run(turning)
    return f"Page {number} of {last}"


def _letter(role: Role, page: int, desk: Desk) -> Letter:
    text = guide.repos(desk.config, role, desk.forge_url, page)
    return Letter(text, page_buttons("repos", page, guide.pages_of_repos(desk.config)))
