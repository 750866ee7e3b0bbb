"""Blacking out what must not be printed: the values that are known, and whatever has the form of a token. Pure.

Values are found in every form in which they may be written, and however they are split over lines; tokens by
`sandbox/tokens.py`.
"""

from __future__ import annotations

import base64
import io
import json
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import NewType
from urllib.parse import quote, quote_plus

from sandbox.tokens import Span, token_spans
from sandbox.words import printable

MARK = "[redacted]"

Redacted = NewType("Redacted", bytes)
"""A log, or a part of one, that a Redactor has gone over: it may leave as it is."""

_MIN_HELD = 4
"""A line that ends in this many characters of a secret waits for the next line."""
_MAX_HELD = 64
"""Lines that may wait; a secret split over more isn't found whole."""
_MAX_BLOCK = 200
"""Lines of a key file or of wrapped base64 that may wait for each other: a key of 16,384 bits."""
_WIDEST = 200
"""A longer line is none of a key file, and no wrapped one."""
_LONGEST_TOKEN = 1024


class Redactor:
    """Takes lines one after the other and gives them back without secrets.

    A line may come back late, together with the next ones, when its end looks like the beginning of a secret.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._values = _Values(secrets)
        self._blocks = _Blocks()

    def learn(self, secrets: Iterable[str]) -> None:
        """Know further secrets from now on. To be called when no line waits."""
        self._values = _Values((*self._values.secrets, *secrets))

    @property
    def longest(self) -> int:
        """How many characters at the end of a text that was cut may belong to half a secret."""
        return max(self._values.longest, _LONGEST_TOKEN)

    def line(self, line: str) -> list[str]:
        """Take a line (without its line break); return those that can be printed now, in order."""
        return [shown for known in self._values.line(line) for shown in self._blocks.line(known)]

    def flush(self) -> list[str]:
        """Return the lines that still wait."""
        known = [shown for line in self._values.flush() for shown in self._blocks.line(line)]
        return known + self._blocks.flush()

    def text(self, text: str) -> str:
        """Return a whole text of one or more lines without secrets; what `line` holds isn't touched."""
        return _without_tokens(self._values.text(text))

    def stream(self, lines: Iterable[str]) -> Iterator[str]:
        """Give foreign lines back without secrets and printable, as they come; what `line` holds isn't touched."""
        redactor = Redactor()
        redactor._values = self._values.twin()
        for line in lines:
            yield from redactor.line(printable(line))
        yield from redactor.flush()

    def log(self, log: bytes) -> Redacted:
        """Return a whole log as `stream` does; takes about a second for 8 MiB, so call it off an event loop."""
        # Piece by piece: a thread that works on all of it in one call keeps the event loop waiting for that long.
        shown = bytearray()
        for line in self.stream(_lines(log)):
            shown += line.encode() + b"\n"
        del shown[-1:]
        return Redacted(bytes(shown))


class _Values:
    """Blackens known values; what it keeps between lines is its own."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self.secrets = tuple(secrets)
        self._forms = sorted({form for secret in self.secrets for form in forms(secret)}, key=len)
        self._forms.reverse()
        self._pattern = re.compile("|".join(map(re.escape, self._forms)) or "(?!)")
        self._starts = {form[:size] for form in self._forms for size in range(_MIN_HELD, len(form))}
        beginnings = "|".join({re.escape(form[:_MIN_HELD]) for form in self._forms})
        self._beginnings = re.compile(f"(?={beginnings})")
        self.longest = len(self._forms[0]) if self._forms else 0
        self._held: list[str] = []
        self._shown = ""

    def twin(self) -> _Values:
        """Return one for the same values that has seen no line yet."""
        twin = _Values(())
        twin._forms, twin._pattern, twin.longest = self._forms, self._pattern, self.longest
        twin._starts, twin._beginnings = self._starts, self._beginnings
        return twin

    def line(self, line: str) -> list[str]:
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
        held, self._held = self._held, []
        self._shown = ""
        return held

    def text(self, text: str) -> str:
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
        end = joined[-(self.longest - 1) :]
        for beginning in self._beginnings.finditer(end):
            if end[beginning.start() :] in self._starts:
                return len(end) - beginning.start()
        return 0


class _Blocks:
    """Blackens tokens; lines that may belong together, as those of a key file do, are looked at together."""

    def __init__(self) -> None:
        self._block: list[str] = []

    def line(self, line: str) -> list[str]:
        if len(self._block) < _MAX_BLOCK and len(line) <= _WIDEST and self._goes_on(line):
            self._block.append(line)
            return []
        if not self._block:
            return [_without_tokens(line)]
        self._block.append(line)
        return self.flush()

    def _goes_on(self, line: str) -> bool:
        """Say whether a line begins a block, or belongs to the one that was begun."""
        begins = _OPENS.search(line, max(0, len(line) - _LINE_END)) is not None
        return begins or (bool(self._block) and _CONTINUES.search(line) is not None)

    def flush(self) -> list[str]:
        if not self._block:
            return []
        text = "\n".join(self._block)
        self._block = []
        return _without_tokens(text).split("\n")


def _lines(log: bytes) -> Iterator[str]:
    """Give the lines of a log, whatever ends them, so that joined they are the log again."""
    line = "\n"
    for line in io.TextIOWrapper(io.BytesIO(log), "utf-8", "replace"):
        yield line.removesuffix("\n")
    if line.endswith("\n"):
        yield ""


def forms(secret: str) -> set[str]:
    """Return the forms in which a secret may be printed: plain, escaped for a URL, JSON, Python, a shell or HTML, hexadecimal and base64.

    Base64 depends on what stands before: of each of the three alignments the characters that the neighbours can't
    change are taken. Line breaks in a secret don't count, since lines are joined before the search.
    """
    raw = secret.encode("utf-8", "surrogateescape")
    found = {secret, json.dumps(secret)[1:-1], quote(raw, safe=""), quote_plus(raw), raw.hex()}
    found |= {json.dumps(json.dumps(secret)[1:-1])[1:-1], repr(secret)[1:-1], ascii(secret)[1:-1]}
    marked = secret.translate(_HTML)
    found |= {marked, marked.replace("'", "&#x27;"), marked.replace("'", "&#39;")}
    found |= {shlex.quote(secret).strip("'"), re.sub(r"([^\w@%+=:,./-])", r"\\\1", secret)}
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode("ascii")
        first = (0, 2, 3)[offset]
        last = len(encoded) - (0, 3, 2)[(len(raw) + offset) % 3]
        stable = encoded[first:last]
        found |= {stable, stable.replace("+", "-").replace("/", "_")}
    joined = {re.sub(r"[\r\n]", "", form) for form in found}
    return {form for form in joined if len(form) >= 8}


_HTML = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;"}
_LINE_END = 64
# A key file begins, or a line is filled with base64 to its end.
_OPENS = re.compile(
    r"(?:PRIVATE KEY(?: BLOCK)?-----|Private-Lines: \d+|[A-Za-z0-9+/]{59}[A-Za-z0-9+/=])\s*\Z"
)
# An empty line, a header of a key file (RFC 1421, RFC 9580), or base64 at the line's end.
_CONTINUES = re.compile(r"^\W*\Z|^\W*[A-Za-z-]{4,20}: [^\n]*\Z|(?:^|\s)[A-Za-z0-9+/]+={0,2}\s*\Z")


def _without_tokens(text: str) -> str:
    spans = token_spans(text)
    return _without(text, 0, spans) if spans else text


def _without(line: str, start: int, spans: list[Span]) -> str:
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
