"""What a check finds: one line with a mark, and the next step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Mark(Enum):
    """How a check ended. UNKNOWN: it can't be told from here; WARNED: it works, but somebody should know."""

    GOOD = "good"
    WARNED = "warned"
    UNKNOWN = "unknown"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found about `name`; `advice` is the next step where there is one."""

    name: str
    mark: Mark
    what: str
    advice: str = ""


def good(name: str, what: str) -> Finding:
    """Return that all is well."""
    return Finding(name, Mark.GOOD, what)


def warned(name: str, what: str, advice: str = "") -> Finding:
    """Return that it works, and what to know."""
    return Finding(name, Mark.WARNED, what, advice)


def unknown(name: str, what: str, advice: str = "") -> Finding:
    """Return that it can't be told."""
    return Finding(name, Mark.UNKNOWN, what, advice)


def bad(name: str, what: str, advice: str) -> Finding:
    """Return that it doesn't work, and what to do."""
    return Finding(name, Mark.BAD, what, advice)
