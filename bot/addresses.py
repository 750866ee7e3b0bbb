"""Where chats are today: a group that became a supergroup has another id, while the config and the Runs keep the old one.

Nothing of it is kept by us: Telegram says it to whoever wants to write to the old id, also years later.
"""

from __future__ import annotations

from collections.abc import Iterable

_FIRST_SUPERGROUP = -1_000_000_000_000
"""Ids of basic groups are above, those of supergroups and channels below (core.telegram.org/api/bots/ids)."""


class Addresses:
    """What is known of groups that became supergroups."""

    def __init__(self) -> None:
        self._moved: dict[int, int] = {}
        self._asked: set[int] = set()

    def of(self, chat_id: int) -> int:
        """Return where a chat is today: its own id, or that of the supergroup that it became."""
        while chat_id in self._moved:
            chat_id = self._moved[chat_id]
        return chat_id

    def same(self, one: int, other: int) -> bool:
        """Say whether two ids mean one chat."""
        return self.of(one) == self.of(other)

    def known_as(self, chat_id: int, names: Iterable[int]) -> int:
        """Return by which of these ids a chat is called, its own id where by none."""
        return next((name for name in names if self.same(name, chat_id)), chat_id)

    def note(self, old: int, new: int) -> bool:
        """Take note that a group became a supergroup; False for one that would have come back to itself."""
        at = new
        while at != old and at in self._moved:
            at = self._moved[at]
        if at == old:
            return False
        self._moved[old] = new
        return True

    def unasked(self, chat_ids: Iterable[int]) -> set[int]:
        """Return the basic groups of which it isn't known whether they still are."""
        return {
            chat_id
            for chat_id in chat_ids
            if _FIRST_SUPERGROUP < chat_id < 0
            and chat_id not in self._moved
            and chat_id not in self._asked
        }

    def note_asked(self, chat_id: int) -> None:
        """Take note that Telegram was asked: a change from now on is told by itself."""
        self._asked.add(chat_id)
