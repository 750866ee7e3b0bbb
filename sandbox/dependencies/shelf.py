"""Taking what is kept of earlier runs into this one, and putting its own there: what goes wrong is noted, and nothing more."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.dependencies.archive import BadArchive
from sandbox.dependencies.cache import Entries, NoEntry, Root, Until, name_inside, remove
from sandbox.log import Log
from sandbox.plain_files import is_real_folder
from sandbox.process import Limits

KEEP_SECONDS = 120.0
"""The longest that writing an entry may take: the agent waits for it."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """One repository's entries, and a folder on the disk of the run, in which they are unpacked."""

    entries: Entries
    folder: Path
    limits: Limits
    log: Log

    def take(self, key: str, target: Callable[[str], Path]) -> str | None:
        """Bring all folders of an entry to their places; return in which folder it was made, None where there is none.

        `target` says where the root of a place goes, and raises NoEntry for a place that isn't to be filled.
        """
        scratch = tempfile.mkdtemp(prefix=".restore-", dir=self.folder)
        try:
            made_in, places = self.entries.restore(key, Path(scratch), self._until())
            targets = [_free(target(place), place) for place in places]
            names = [name_inside(number, place) for number, place in enumerate(places)]
            _move([Path(scratch, name) for name in names], targets)
        except NoEntry as reason:
            if str(reason):
                self.log.note(str(reason))
            return None
        except OSError as error:
            self.log.note(f"a cache entry was ignored: {error}")
            return None
        finally:
            remove(Path(scratch))
        return made_in

    def put(self, key: str, made_in: str, roots: Sequence[Root]) -> None:
        """Keep folders as the entry of a key."""
        started = time.monotonic()
        try:
            size = self.entries.keep(key, made_in, roots, self._until(KEEP_SECONDS))
        except (BadArchive, OSError) as error:
            self.log.note(f"not kept in the cache: {error}")
        else:
            took = time.monotonic() - started
            self.log.note(f"kept in the cache: {size / (1 << 20):.1f} MiB in {took:.1f} s")

    def _until(self, seconds: float = math.inf) -> Until:
        stop = self.limits.stop
        deadline = min(self.limits.deadline, time.monotonic() + seconds)
        return Until(deadline, lambda: stop is not None and stop.requested)


def _free(target: Path, place: str) -> Path:
    """Return the target, if nothing stands there and nothing leads elsewhere. Raises NoEntry."""
    if os.path.lexists(target) or not is_real_folder(target.parent):
        raise NoEntry(f"a cache entry was ignored: {place!r} can't be filled")
    return target


def _move(sources: Sequence[Path], targets: Sequence[Path]) -> None:
    """Move all of them or none. Raises OSError."""
    moved: list[Path] = []
    try:
        for source, target in zip(sources, targets, strict=True):
            source.rename(target)
            moved.append(target)
    except OSError:
        for target in moved:
            remove(target)
        raise
