"""How fast messages may move: fast enough to look alive, slow enough that answers have room in Telegram's limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

GROUP_SECONDS = 5.0
PRIVATE_SECONDS = 3.0


class Pace:
    """What moves in each chat. All that edits messages shares one, since all edits of a chat share one limit."""

    def __init__(self) -> None:
        self._moving: dict[str, Counter[int]] = {}

    def note(self, kind: str, chat_ids: Iterable[int]) -> None:
        """Take note of all messages of a kind that move now, each by its chat."""
        self._moving[kind] = Counter(chat_ids)

    def pause_seconds(self, chat_id: int, *, private: bool) -> float:
        """Return the time between two edits of one message: the longer the more of them move in its chat."""
        moving = sum(chats[chat_id] for chats in self._moving.values())
        return (PRIVATE_SECONDS if private else GROUP_SECONDS) * max(1, moving)
