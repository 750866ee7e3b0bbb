"""The bot's pulse: a file that says when Telegram last answered getUpdates, and the probe that reads it.

`python -m bot.pulse FILE SECONDS` exits with 0 when that was no longer ago, and says in one line what it saw. The time is
that of the machine's steady clock, which all of its processes share, and which nobody sets; after a restart of the machine
an old file is one from the future, and counts as none. Imports next to nothing: a probe starts a process each time.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

EVERY_SECONDS = 5.0
"""So often the file is written at most: with updates in hand, getUpdates is asked three times a second."""


class Pulse:
    """Writes the file. Raises OSError from `beat` where it can't."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: float | None = None

    def beat(self) -> None:
        """Write down that Telegram answered just now. Blocks for as long as the disk does."""
        now = time.monotonic()
        if self._last is not None and now - self._last < EVERY_SECONDS:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}~")
        temporary.write_text(repr(now), encoding="ascii")
        temporary.replace(self._path)
        self._last = now


def age_seconds(path: Path) -> float | None:
    """Return how many seconds ago the last beat was; None when there is none that can be read."""
    try:
        age = time.monotonic() - float(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return age if age >= 0 else None


def probe(path: Path, most_seconds: float) -> tuple[bool, str]:
    """Say whether the last beat is young enough, and in words what was seen."""
    age = age_seconds(path)
    if age is None:
        return False, "Telegram hasn't answered getUpdates yet."
    return age <= most_seconds, f"Telegram answered getUpdates {age:.0f} s ago."


if __name__ == "__main__":
    good, words = probe(Path(sys.argv[1]), float(sys.argv[2]))
    sys.stdout.write(words + "\n")
    sys.exit(0 if good else 1)
