"""Two taps on one button are one wish: who is impatient must not get everything twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Hashable, Iterator


class Taps:
    """Remembers for a while what was brought at a press; a restarted bot may bring it once more."""

    def __init__(self) -> None:
        self._in_hand: set[Hashable] = set()
        self._done: dict[Hashable, float] = {}

    @contextlib.contextmanager
    def once(self, wish: Hashable, seconds: float) -> Iterator[bool]:
        """Give True to the first who has this wish, False while it is in hand and so long after; one that failed is open again."""
        now = asyncio.get_running_loop().time()
        self._done = {done: until for done, until in self._done.items() if until > now}
        if wish in self._in_hand or wish in self._done:
            yield False
            return
        self._in_hand.add(wish)
        try:
            yield True
            self._done[wish] = asyncio.get_running_loop().time() + seconds
        finally:
            self._in_hand.discard(wish)
