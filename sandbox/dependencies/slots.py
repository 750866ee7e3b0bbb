"""Where a bucket keeps one repository's entries: a few places, each with an address to read and one to write it.

The bot signs them for one Run without knowing which lockfiles there are; the program in the sandbox finds out by an
entry's head which place is whose.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

COUNT = 8
VARIABLE = "SANDBOX_CACHE_URLS"
BROKERED = "broker"
"""Stands in SANDBOX_CACHE where the broker hands the slots out."""
_MOST = 64


@dataclass(frozen=True, slots=True)
class Slot:
    """One place: the addresses say all that is needed, so they are as secret as a key while they are valid."""

    read: str = field(repr=False)
    write: str = field(repr=False)


def encode(slots: Sequence[Slot]) -> str:
    """Return slots as one line of JSON."""
    return json.dumps([[slot.read, slot.write] for slot in slots], separators=(",", ":"))


def decode(text: str | bytes) -> tuple[Slot, ...]:
    """Read slots; none where it isn't what `encode` wrote."""
    try:
        found = json.loads(text)
        slots = tuple(Slot(str(read), str(write)) for read, write in found[:_MOST])
        schemes = {urlsplit(url).scheme for slot in slots for url in (slot.read, slot.write)}
    except (ValueError, TypeError, KeyError, RecursionError):
        return ()
    return slots if schemes <= {"http", "https"} else ()
