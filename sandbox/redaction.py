"""Blacking out the values that must not be printed, in every form and however they are split over lines. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MARK = "[redacted]"

_MIN_HELD = 4
"""A line that ends in this many characters of a secret waits for the next line."""
_MAX_HELD = 64
"""Lines that may wait; a secret split over more isn't found whole."""


class Redactor:
    """Takes lines one after the other and gives them back without secrets.

    A line may come back late, together with the next ones, when its end looks like the beginning of a secret.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._forms = sorted({form for secret in secrets for form in forms(secret)}, key=len)
        self._forms.reverse()
        self._pattern = re.compile("|".join(map(re.escape, self._forms)) or "(?!)")
        self._starts = {form[:size] for form in self._forms for size in range(_MIN_HELD, len(form))}
        self._longest = len(self._forms[0]) if self._forms else 0
        self._held: list[str] = []
        self._shown = ""

    @property
    def longest(self) -> int:
        """How many characters the longest form of a secret has; 0 without secrets."""
        return self._longest

    def line(self, line: str) -> list[str]:
        """Take a line (without its line break); return those that can be printed now, in order."""
        if not self._forms:
            return [line]
        lines = [self._shown, *self._held, line]
        joined = "".join(lines)
        if any(form in joined for form in self._forms):
            lines = self._blacken(lines, joined)
            joined = "".join(lines)
        del lines[0]
        waiting = self._unfinished(joined) if len(lines) < _MAX_HELD else 0
        self._held = []
        while waiting > 0 and lines:
            waiting -= len(lines[-1])
            self._held.insert(0, lines.pop())
        self._remember(lines)
        return lines

    def flush(self) -> list[str]:
        """Return the lines that still wait."""
        held, self._held = self._held, []
        self._shown = ""
        return held

    def text(self, text: str) -> str:
        """Return a whole text of one or more lines without secrets; what `line` holds isn't touched."""
        lines = text.split("\n")
        joined = "".join(lines)
        if not any(form in joined for form in self._forms):
            return text
        return "\n".join(self._blacken(lines, joined))

    def _remember(self, lines: list[str]) -> None:
        """Keep the end of what is shown: too short a beginning of a secret doesn't wait, but its rest must be known."""
        if lines:
            self._shown = (self._shown + "".join(lines)[-_MIN_HELD:])[-_MIN_HELD:]

    def _blacken(self, lines: list[str], joined: str) -> list[str]:
        spans = [match.span() for match in self._pattern.finditer(joined)]
        result = []
        start = 0
        for line in lines:
            result.append(_without(line, start, spans))
            start += len(line)
        return result

    def _unfinished(self, joined: str) -> int:
        """Return how many characters at the end may be the beginning of a secret."""
        for size in range(min(self._longest - 1, len(joined)), _MIN_HELD - 1, -1):
            if joined[-size:] in self._starts:
                return size
        return 0


def forms(secret: str) -> set[str]:
    """Return the forms in which a secret may be printed: plain, URL-encoded, JSON, hexadecimal and base64.

    Base64 depends on what stands before: of each of the three alignments the characters that the neighbours can't
    change are taken. Line breaks in a secret don't count, since lines are joined before the search.
    """
    raw = secret.encode("utf-8", "surrogateescape")
    found = {secret, json.dumps(secret)[1:-1], quote(raw, safe=""), quote_plus(raw), raw.hex()}
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode("ascii")
        first = (0, 2, 3)[offset]
        last = len(encoded) - (0, 3, 2)[(len(raw) + offset) % 3]
        stable = encoded[first:last]
        found |= {stable, stable.replace("+", "-").replace("/", "_")}
    joined = {re.sub(r"[\r\n]", "", form) for form in found}
    return {form for form in joined if len(form) >= 8}


def _without(line: str, start: int, spans: list[tuple[int, int]]) -> str:
    """Cut the spans (positions in the joined text) out of a line that begins at `start`."""
    kept = []
    position = start
    end = start + len(line)
    for first, last in spans:
        if last <= start or first >= end:
            continue
        kept.append(line[position - start : max(first, position) - start])
        if first >= start:
            kept.append(MARK)
        position = min(last, end)
    kept.append(line[position - start :])
    return "".join(kept)
