"""Telegram's flood limits as sliding windows: data in, seconds to wait out."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """At most `count` messages in any `seconds`."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class FloodLimits:
    """How much a bot may send, edits included.

    Source: core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this: "avoid sending more than one
    message per second" in one chat, where "short bursts" may pass; "20 messages per minute to the same group"; "about
    30 messages per second" in all. The length of a burst isn't documented: five in five seconds is this playground's.
    """

    chat: Window = Window(5, 5.0)
    group: Window = Window(20, 60.0)
    overall: Window = Window(30, 1.0)


class Flood:
    """What was sent lately. `clock` gives seconds that only grow."""

    def __init__(self, limits: FloodLimits, clock: Callable[[], float]) -> None:
        """Start with nothing sent."""
        self._limits = limits
        self._clock = clock
        self._sent: dict[int | None, deque[float]] = {}

    def spend(self, chat_id: int, *, is_group: bool) -> int | None:
        """Count one message to a chat and return None; or count nothing and return the whole seconds to wait."""
        now = self._clock()
        windows = [(None, self._limits.overall), (chat_id, self._limits.chat)]
        if is_group:
            windows.append((chat_id, self._limits.group))
        waits = [self._wait(key, window, now) for key, window in windows]
        if max(waits) > 0:
            return max(1, math.ceil(max(waits)))
        for key in (None, chat_id):
            self._sent.setdefault(key, deque(maxlen=1000)).append(now)
        return None

    def _wait(self, key: int | None, window: Window, now: float) -> float:
        inside = [at for at in self._sent.get(key, ()) if at > now - window.seconds]
        return 0.0 if len(inside) < window.count else inside[-window.count] + window.seconds - now
