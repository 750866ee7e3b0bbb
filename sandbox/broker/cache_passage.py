"""Handing out the addresses at which this Run's dependencies are kept: once, before anything of the repository runs."""

from __future__ import annotations

import threading

from sandbox.broker.refusals import Refused, refusal
from sandbox.broker.server import JSON, Exchange, NotLetThrough
from sandbox.broker.settings import Settings
from sandbox.dependencies.slots import VARIABLE

TAKE = "/take"
_TAKEN = "cache-taken"


class CachePassage:
    """Hands the addresses to whoever asks first, which is the sandbox program.

    An agent that had them could put into the next run's dependencies what it likes, and long after its own run.
    """

    def __init__(self, settings: Settings) -> None:
        self._addresses = settings.environment.get(VARIABLE, "")
        self._turn = threading.Lock()
        # A broker that was killed must not hand them out again.
        self._mark = settings.folder and settings.folder / _TAKEN
        self._taken = bool(self._mark and self._mark.exists())

    def __call__(self, exchange: Exchange) -> None:
        """Answer a request."""
        head = exchange.head
        if head.method != "POST" or exchange.path != TAKE or head.length != 0 or not self._take():
            detail = refusal(Refused.OTHER_API, f"{head.method} /cache{exchange.path}")
            raise NotLetThrough(403, "the broker hands out nothing any more", detail)
        exchange.reusable = True
        exchange.answer(200, JSON, self._addresses.encode())

    def _take(self) -> bool:
        with self._turn:
            first, self._taken = not self._taken, True
            if first and self._mark:
                self._mark.touch()
            return first
