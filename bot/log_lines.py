"""Which lines of a log a person wants to see. Pure: text in, lines out. Those that prove a failure: `sandbox.proof`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.markup import clean, units
from sandbox.report import Phase


@dataclass(frozen=True, slots=True)
class CacheUse:
    """Whether a Run's dependencies came from the cache ("hit", "miss" or "part"), and how long that took."""

    cache: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """The last rows that fit into a message; `all` says that none was left out."""

    rows: list[str]
    all: bool


def whole_words(tail: bytes, size: int) -> bytes:
    """Return the end of a log that was read with this limit from its first whole word on: half a token tells nothing of itself."""
    return re.split(rb"\s", tail, maxsplit=1)[-1] if len(tail) >= size else tail


def rows_of(log: bytes) -> list[str]:
    """Return a log's lines, fit to be shown; none for an empty log."""
    text = clean(log.decode("utf-8", "replace")).rstrip("\n")
    return text.split("\n") if text.strip() else []


def matching(rows: list[str], word: str) -> list[str]:
    """Return the lines that hold a text, whatever its case; it is no pattern."""
    wanted = word.casefold()
    return [row for row in rows if wanted in row.casefold()]


def of_phase(rows: list[str], name: str) -> list[str]:
    """Return the lines of one phase of the sandbox, its heading first; none where the log has no such phase.

    No line of the agent's can pass for a heading, since each has a prefix.
    """
    found: list[str] = []
    inside = False
    for row in rows:
        if row.startswith("▶ "):
            inside = row.split()[1:2] == [name]
        if inside:
            found.append(row)
    return found


def phase_of(rows: list[str]) -> Phase | None:
    """Return the phase that the last heading begins; None where there is no heading."""
    for row in reversed(rows):
        name = row.split()[1:2] if row.startswith("▶ ") else []
        if name and name[0] in _PHASES:
            return _PHASES[name[0]]
    return None


def cache_of(rows: list[str]) -> CacheUse | None:
    """Return what the agent's heading says of the dependencies; None where it isn't there, or says nothing of them."""
    for row in reversed(rows):
        if found := _CACHE.fullmatch(row.rstrip()):
            return CacheUse(found[1], float(found[2]))
    return None


def fitted(rows: list[str], room: int) -> Fitted:
    """Return as many of the last rows as fit into so many UTF-16 units; of one that is too long, its end."""
    taken: list[str] = []
    size = 0
    for row in reversed(rows):
        size += units(row) + 1
        if size > room:
            break
        taken.insert(0, row)
    if not taken and rows:
        return Fitted(["…" + rows[-1][-room // 2 :]], all=False)
    return Fitted(taken, all=len(taken) == len(rows))


_CACHE = re.compile(r"▶ agent \S+, cache (hit|miss|part), (\d{1,6}) s")
_PHASES = {phase.value: phase for phase in Phase}
