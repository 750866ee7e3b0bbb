"""How long each phase of a run took."""

from __future__ import annotations

import time

from sandbox.report import Phase


class Stopwatch:
    """Measures the phases from `started_at` on, a value of `time.monotonic`. A phase that comes twice is added up."""

    def __init__(self, started_at: float) -> None:
        self._phase = Phase.ENVIRONMENT
        self._since = started_at
        self._spent: dict[Phase, float] = {}

    def enter(self, phase: Phase) -> tuple[tuple[Phase, float], ...]:
        """Begin a phase; return the phases that are over, each with its seconds."""
        now = time.monotonic()
        if phase is not self._phase:
            self._spent[self._phase] = self._spent.get(self._phase, 0.0) + now - self._since
            self._phase, self._since = phase, now
        return tuple((over, round(seconds, 2)) for over, seconds in self._spent.items())
