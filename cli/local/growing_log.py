"""A log on this machine as it grows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


class GrowingLog:
    """Shows what is added to a log, in whole lines."""

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        self._path = path
        self._tell = tell
        self._position = 0
        self._rest = b""

    def show(self, *, to_its_end: bool = False) -> None:
        """Show what came since the last call; also a last line without an end, `to_its_end`."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                data = file.read()
        except FileNotFoundError:
            return
        self._position += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if to_its_end and self._rest:
            lines.append(self._rest)
        for line in lines:
            self._tell(line.decode("utf-8", "replace"))
