"""How fast a message may move: fast enough to look alive, slow enough that answers have room in Telegram's limits."""

from __future__ import annotations

GROUP_SECONDS = 5.0
PRIVATE_SECONDS = 3.0


def pause_seconds(beside: int, *, private: bool) -> float:
    """Return the time between two edits of a message, the longer the more messages move in its chat, itself counted."""
    return (PRIVATE_SECONDS if private else GROUP_SECONDS) * max(1, beside)
