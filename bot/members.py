"""Who somebody is in the home chat, asked of Telegram and kept for a while."""

from __future__ import annotations

import asyncio
import logging

from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Forbidden, TelegramError

from bot.access import Membership, membership
from bot.addresses import Addresses

log = logging.getLogger(__name__)

KEPT_SECONDS = 60.0


class Members:
    """Answers from memory for a minute; Telegram tells nobody of a change, so a longer memory would lie."""

    def __init__(self, bot: Bot, home_chat_id: int, addresses: Addresses) -> None:
        self._bot = bot
        self._home = home_chat_id
        self._addresses = addresses
        self._known: dict[int, tuple[float, Membership]] = {}

    async def of(self, person_id: int) -> Membership | None:
        """Return what a person is in the home chat; None when Telegram doesn't answer."""
        now = asyncio.get_running_loop().time()
        known = self._known.get(person_id)
        if known is not None and now - known[0] < KEPT_SECONDS:
            return known[1]
        home = self._addresses.of(self._home)
        try:
            member = await self._bot.get_chat_member(home, person_id)
        except ChatMigrated as error:
            moved = self._addresses.note(home, error.new_chat_id)
            return await self.of(person_id) if moved else None
        except (BadRequest, Forbidden):
            found = Membership.NONE
        except TelegramError as error:
            log.warning("telegram doesn't say who %s is: %s", person_id, type(error).__name__)
            return known[1] if known is not None else None
        else:
            found = membership(member.status, is_member=bool(getattr(member, "is_member", False)))
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[person_id] = (now, found)
        return found
