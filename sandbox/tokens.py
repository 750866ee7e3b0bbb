"""Finding tokens and keys by their form, however they are written: plain, escaped for a URL or JSON, or in base64. Pure."""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from sandbox.secret_places import NAME, NAMED, PLACES
from sandbox.service_token_forms import SERVICES
from sandbox.token_forms import PLATFORMS

Span = tuple[int, int]
Piece = tuple[int, str]
"""Where a part of a text stands in it, and the part."""

_MOST_AFTER = 24_000
"""How many characters behind its keyword a form may reach: a private key of 16,384 bits."""
_MIN_HALF = 6
"""So many characters behind a keyword count as half a token where the text ends or was cut."""
_DEPTH = 2
"""Base64 in base64 is looked through so deep: the `auth` of a registry's credentials in a Secret."""


def token_spans(text: str) -> list[Span]:
    """Return where tokens stand in a text, in order and apart from each other."""
    return _merged(list(_spans(text, _DEPTH)))


@dataclass(frozen=True, slots=True)
class _Form:
    keyword: str
    rest: str
    reach: int


@dataclass(frozen=True, slots=True)
class _View:
    """A text without its escapes; each of the `positions` in it is that of the `sources` at the same index."""

    text: str
    positions: list[int]
    sources: list[int]

    def source(self, position: int) -> int:
        index = bisect_right(self.positions, position) - 1
        return self.sources[index] + position - self.positions[index]


def _spans(text: str, depth: int) -> Iterator[Span]:
    yield from _plain_spans(text)
    yield from _encoded_spans(text, depth)
    if _ESCAPE.search(text) is not None:
        view = _view(_escaped_lines(text), _ESCAPE, _meaning)
        for start, end in (*_plain_spans(view.text), *_encoded_spans(view.text, depth)):
            yield view.source(start), view.source(end)


def _escaped_lines(text: str) -> Iterator[Piece]:
    position = 0
    for line in text.split("\n"):
        if _ESCAPE.search(line) is not None:
            yield position, line
        position += len(line) + 1


def _plain_spans(text: str) -> Iterator[Span]:
    for keywords in (_keywords(), _INNER_KEYWORDS):
        done = 0
        for hit in keywords.finditer(text):
            span = _span_at(text, hit) if hit.start() >= done else None
            if span is not None:
                done = span[1]
                yield span
    if "…" in text:
        yield from (half.span(1) for half in _SECOND_HALF.finditer(text))


def _span_at(text: str, hit: re.Match[str]) -> Span | None:
    if hit.lastgroup == "name":
        named = _NAMED.match(text, hit.end())
        return named.span(1) if named else None
    if hit.group() == "END":
        return _cut_key(text, hit)
    for form in _FORMS[hit.group()]:
        pattern = _pattern(form)
        starts = range(max(0, hit.start() - form.reach), hit.start() + 1)
        tries = (pattern.match(text, start, hit.end() + _MOST_AFTER) for start in starts)
        found = next((match for match in tries if match is not None), None)
        if found is not None:
            start, end = found.span(found.lastindex or 0)
            if start < end:
                return start, end
    return _half(text, hit)


def _half(text: str, hit: re.Match[str]) -> Span | None:
    """Return the beginning of a token whose rest was cut off, by the end of a line or with an ellipsis."""
    pattern = _half_pattern(hit.group())
    found = pattern.match(text, hit.end()) if pattern else None
    if found is None or text[found.end() : found.end() + 1] not in ("", "\n", "…"):
        return None
    word = found.group()
    random = any(map(str.isdigit, word)) or not (word.islower() or word.isupper())
    return (hit.start(), found.end()) if random else None


def _cut_key(text: str, hit: re.Match[str]) -> Span | None:
    """Return the lines above the last one of a key file: what is left of one whose beginning was cut off."""
    if _KEY_END.match(text, hit.start()) is None:
        return None
    end = start = edge = text.rfind("\n", 0, hit.start())
    while edge > 0 and end - edge < _MOST_AFTER:
        above = text.rfind("\n", 0, edge)
        words = text[above + 1 : edge].split()[-1:]
        if not words or _KEY_LINE.fullmatch(words[0]) is None:
            break
        start = text.index(words[0], above + 1)
        edge = above
    return (start, end) if start < end else None


def _encoded_spans(text: str, depth: int) -> Iterator[Span]:
    """Return the spans of base64 that hold a token, at whatever character the base64 began."""
    if depth == 0:
        return
    for run in _BASE64.finditer(text):
        word = run.group()
        if word.islower() or word.isupper():
            continue
        view = _view([(0, word)], _BREAK, lambda _: "") if "\n" in word else None
        for start, end in _decoded_spans(view.text if view else word, depth - 1):
            if view is not None:
                start, end = view.source(start), view.source(end)
            yield run.start() + start, run.start() + end


def _decoded_spans(word: str, depth: int) -> Iterator[Span]:
    characters = word.rstrip("=").translate(_FROM_URL)
    for offset in range(4):
        piece = characters[offset:]
        if len(piece) % 4 == 1:
            piece = piece[:-1]
        decoded = base64.b64decode(piece + "=" * (-len(piece) % 4)).decode("latin-1")
        if _READABLE.search(decoded) is None:
            continue
        for start, end in _spans(decoded, depth):
            yield offset + start * 4 // 3, min(offset + -(-end * 4 // 3), len(word))


def _view(
    parts: Iterable[Piece], escape: re.Pattern[str], meaning: Callable[[re.Match[str]], str]
) -> _View:
    """Return parts of a text, a line each, with every escape replaced by what it means."""
    pieces: list[str] = []
    positions: list[int] = []
    sources: list[int] = []
    position = 0
    for offset, part in parts:
        last = 0
        for match in escape.finditer(part):
            piece, plain = part[last : match.start()], meaning(match)
            pieces += [piece, plain]
            positions += [position, position + len(piece)]
            sources += [offset + last, offset + match.start()]
            position += len(piece) + len(plain)
            last = match.end()
        pieces += [part[last:], "\n"]
        positions.append(position)
        sources.append(offset + last)
        position += len(part) - last + 1
    return _View("".join(pieces[:-1]), positions, sources)


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _meaning(match: re.Match[str]) -> str:
    code, character = match.group(1) or match.group(2), match.group(3)
    if code:
        return chr(int(code, 16))
    return {"n": "\n", "r": "\r", "t": "\t"}.get(character, character)


# A percent sign and two digits stand for a byte (RFC 3986, 2.1). JSON's escapes (RFC 8259, 7) may be escaped once more
# where JSON stands in a string of JSON.
_ESCAPE = re.compile(r"%([0-7][0-9A-Fa-f])|\\+(?:u00([0-7][0-9a-fA-F])|([nrt/\"']))")
_BREAK = re.compile(r"\s+(?:│ )?")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}(?:\r?\n(?:│ )?[A-Za-z0-9+/_-]{4,})*={0,2}", re.ASCII)
_FROM_URL = str.maketrans("-_", "+/")
_READABLE = re.compile(r"[\x20-\x7e]{16}")
# What follows the ellipsis of a cut and looks random may be the rest of a token.
_SECOND_HALF = re.compile(
    r"…((?=[a-z0-9_=-]{0,60}[A-Z])(?=[A-Z0-9_=-]{0,60}[a-z])(?=[A-Za-z_=-]{0,60}\d)"
    r"[A-Za-z0-9_=-]{10,})(?![A-Za-z0-9_=/-])(?!\.\w)",
    re.ASCII,
)
_ROW = re.compile(r"(\[[^\]]+\])\{\d+,\}")
_KEY_END = re.compile(r"(?<=-----)END [A-Z0-9 ]{0,40}PRIVATE KEY")
_KEY_LINE = re.compile(r"[A-Za-z0-9+/=]{2,128}")
_NAMED = re.compile(NAMED, re.ASCII)
_INNER_KEYWORDS = re.compile("JQQJ99|Q~")
"""Keywords that stand in the middle of a word."""


def _forms() -> dict[str, list[_Form]]:
    """Return the forms of each keyword, and with them those of every keyword that it begins with."""
    own: dict[str, list[_Form]] = {"END": []}
    for vendors in (PLATFORMS, SERVICES, PLACES):
        for vendor in vendors:
            for keyword, rest in vendor.forms.items():
                own.setdefault(keyword, []).append(_Form(keyword, rest, vendor.reach))
    return {
        keyword: [form for other in own if keyword.startswith(other) for form in own[other]]
        for keyword in sorted(own, key=len, reverse=True)
    }


_FORMS = _forms()


@cache
def _pattern(form: _Form) -> re.Pattern[str]:
    return re.compile(form.rest if form.reach else re.escape(form.keyword) + form.rest, re.ASCII)


@cache
def _half_pattern(keyword: str) -> re.Pattern[str] | None:
    """Return the pattern of half of what follows a keyword; None where it would be found in ordinary words.

    These are the forms of one long row of characters; those of an exact length have the shorter keywords.
    """
    rows = (_ROW.fullmatch(form.rest) for form in _FORMS[keyword] if not form.reach)
    row = next((row for row in rows if row is not None), None)
    return re.compile(f"{row[1]}{{{_MIN_HALF},500}}", re.ASCII) if row else None


@cache
def _keywords() -> re.Pattern[str]:
    """Return the pattern of all keywords at the beginning of a word; the order of letters decides, so it is quick."""
    begins = "".join(re.escape(first) for first in sorted({keyword[0] for keyword in _FORMS}))
    return re.compile(rf"\b(?=[{begins}A-Z])(?:{_tree(list(_FORMS))}|(?P<name>{NAME}))", re.ASCII)


def _tree(words: list[str]) -> str:
    """Return a pattern that matches the longest of some words, and looks at no letter twice."""
    firsts: dict[str, list[str]] = {}
    for word in words:
        if word:
            firsts.setdefault(word[0], []).append(word[1:])
    if not firsts:
        return ""
    branches = "|".join(re.escape(first) + _tree(rest) for first, rest in firsts.items())
    return f"(?:{branches}){'?' if '' in words else ''}"
