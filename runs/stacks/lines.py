"""Texts read line by line: comments out, line numbers kept."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST_LINE = 2000


def numbered(text: str, comment: str = "#") -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that holds something besides a comment.

    A comment begins with `comment` outside of quotes. A line that no person wrote, so long is it, is left out: what
    looks for words in it may take time by its square.
    """
    for number, line in enumerate(text.splitlines(), 1):
        kept = "" if len(line) > LONGEST_LINE else without_comment(line, comment)
        if kept.strip():
            yield number, kept


def without_comment(line: str, comment: str = "#") -> str:
    """Return a line up to its comment."""
    if comment not in line:
        return line
    quote = ""
    for at, character in enumerate(line):
        if quote:
            quote = "" if character == quote and line[at - 1] != "\\" else quote
        elif character in "\"'":
            quote = character
        elif line.startswith(comment, at):
            return line[:at]
    return line


def without_blocks(text: str, opening: str, closing: str) -> str:
    """Blank out what stands between two marks, such as `/*` and `*/`, and keep the line breaks."""
    parts = []
    rest = text
    while True:
        before, found, rest = rest.partition(opening)
        parts.append(before)
        if not found:
            return "".join(parts)
        inside, closed, rest = rest.partition(closing)
        parts.append("\n" * inside.count("\n"))
        if not closed:
            return "".join(parts)


def line_of(text: str, at: int) -> int:
    """Return the number of the line in which a character stands."""
    return text.count("\n", 0, at) + 1


def line_with(text: str, word: str) -> int:
    """Return the number of the first line that holds a word; 1 where none does."""
    at = text.find(word)
    return 1 if at < 0 else line_of(text, at)


def version_in(text: str) -> str | None:
    """Return the version that a requirement begins at: 3.3.0 of `ruby-3.3.0`, 20 of `^18 || ^20`, 3.10 of `>=3.10,<4`."""
    newest = text.replace("||", "|").split("|")[-1]
    match = _VERSION.search(newest)
    return match[1] if match else None


def range_in(text: str) -> str | None:
    """Return a requirement that leaves the version open, such as `>= 3.2, < 3.5`; None for one that names it."""
    return text if ">" in text.replace("~>", "") else None


_VERSION = re.compile(r"(?<![\w.])(?:v|go|ruby-|python-)?(\d{1,4}(?:\.\d{1,4}){0,3})")
