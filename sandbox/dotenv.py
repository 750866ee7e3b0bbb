"""Reading .env files: names and values, nothing else. No expansion, no command is ever run. Pure."""

from __future__ import annotations

import re

_LINE = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*", re.ASCII)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def parse(text: str) -> tuple[dict[str, str], list[int]]:
    """Return the variables, of a name given twice the last, and the numbers of lines that aren't understood.

    A value is bare (a comment after it begins with " #"), between single quotes, as it stands, or between double
    quotes, with \\n, \\t, \\" and the like; between quotes it may have several lines.
    """
    found: dict[str, str] = {}
    wrong: list[int] = []
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    number, place = 0, 0
    while place <= len(text):
        number += 1
        begin, end = place, _end_of_line(text, place)
        place = end + 1
        match = _LINE.match(text, _past_blanks(text, begin), end)
        if match is None:
            if not _NOTHING.match(text, begin, end):
                wrong.append(number)
            continue
        first = match.end()
        if text[first : first + 1] not in ("'", '"'):
            found[match[1]] = re.split(r"(?:^|\s)#", text[first:end], maxsplit=1)[0].rstrip()
            continue
        last = _closing(text, first)
        end = end if last is None else _end_of_line(text, last)
        if last is None or not _AFTER.fullmatch(text, last + 1, end):
            wrong.append(number)
            continue
        found[match[1]] = _unquoted(text[first : last + 1])
        number += text.count("\n", begin, end)
        place = end + 1
    return found, wrong


_NOTHING = re.compile(r"[ \t]*(?:#.*)?$")
_AFTER = re.compile(r"\s*(?:#.*)?")
_DOUBLE = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def _end_of_line(text: str, place: int) -> int:
    end = text.find("\n", place)
    return len(text) if end < 0 else end


def _past_blanks(text: str, place: int) -> int:
    while text[place : place + 1] in (" ", "\t"):
        place += 1
    return place


def _closing(text: str, first: int) -> int | None:
    """Return where the quote at a place is closed; looked for once, however many lines come before it."""
    if text[first] == "'":
        end = text.find("'", first + 1)
        return end if end > 0 else None
    match = _DOUBLE.match(text, first)
    return match.end() - 1 if match else None


def _unquoted(quoted: str) -> str:
    inner = quoted[1:-1]
    if quoted[0] == "'":
        return inner
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), inner, flags=re.DOTALL)
