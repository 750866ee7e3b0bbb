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
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    number = 0
    while number < len(lines):
        first = number
        line = lines[number].strip(" \t")
        number += 1
        if not line or line.startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            wrong.append(first + 1)
            continue
        rest = line[match.end() :]
        if rest[:1] not in ("'", '"'):
            found[match[1]] = re.split(r"(?:^|\s)#", rest, maxsplit=1)[0].rstrip()
            continue
        end = _closing(rest)
        while end is None and number < len(lines):
            rest += "\n" + lines[number]
            number += 1
            end = _closing(rest)
        if end is None or not re.fullmatch(r"\s*(?:#.*)?", rest[end + 1 :]):
            wrong.append(first + 1)
            number = first + 1
            continue
        found[match[1]] = _unquoted(rest[: end + 1])
    return found, wrong


def _closing(rest: str) -> int | None:
    """Return where the quote that a text begins with is closed."""
    if rest[0] == "'":
        end = rest.find("'", 1)
        return end if end > 0 else None
    match = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL).match(rest)
    return match.end() - 1 if match else None


def _unquoted(quoted: str) -> str:
    inner = quoted[1:-1]
    if quoted[0] == "'":
        return inner
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), inner, flags=re.DOTALL)
