"""Which lines of a log a person wants to see. Pure: text in, lines out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.markup import clean, units

PROVING_LINES = 15
"""So many lines at most prove a failure on a phone's screen."""


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


def proving(rows: list[str], most: int = PROVING_LINES) -> list[str]:
    """Return the lines that say what went wrong, each with its neighbours, the last ones first chosen.

    Where no line says so, the last ones are the best proof that there is.
    """
    rows = [row.rstrip() for row in rows if row.strip()]
    chosen: set[int] = set()
    for number in reversed(range(len(rows))):
        if len(chosen) >= most:
            break
        if _tells_of_trouble(rows[number]):
            around = range(max(0, number - _BEFORE), min(len(rows), number + _BEHIND + 1))
            if rows[number].startswith(("▶", "·")):
                around = range(number, number + 1)
            # The line itself first, then its nearest: where the room ends, the far ones are missing.
            for near in sorted(around, key=lambda other: abs(other - number)):
                if len(chosen) < most:
                    chosen.add(near)
    if not chosen:
        return rows[-most:]
    return [rows[number] for number in sorted(chosen)]


def tells_of_trouble(rows: list[str]) -> bool:
    """Say whether any line says that something went wrong."""
    return any(map(_tells_of_trouble, rows))


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


_BEFORE = 2
_BEHIND = 2
_TROUBLE = re.compile(
    r"(?:error|exception|failure)s?\b|\bfail(?:ed|s|ing)?\b|\bfatal\b|traceback|\bpanic|denied|refused"
    r"|\bcannot\b|\bcan't\b|couldn't|not found|no such|timed out|\bkilled\b|out of memory|no space left",
    re.IGNORECASE,
)
_NO_TROUBLE = re.compile(r"\b(?:0|no) (?:errors?|failures?|failed|exceptions?)\b", re.IGNORECASE)
_STEP = re.compile("│ (?:\\$ |✎ |Read |Search |Find |Fetch )")
"""What the agent does names files and commands, which say nothing about how it went."""


def _tells_of_trouble(row: str) -> bool:
    return not _STEP.match(row) and _TROUBLE.search(_NO_TROUBLE.sub("", row)) is not None
