"""Quotes as keyboards and phones type them around a task."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quoted:
    """A text that stood in quotes, verbatim, and the `rest` behind the closing one."""

    text: str
    rest: str


class NotClosed(Exception):
    """A quote was opened and not closed; `closer` would close it."""

    def __init__(self, closer: str) -> None:
        super().__init__("not closed")
        self.closer = closer


def unquote(text: str) -> Quoted | None:
    """Read the quoted text at the beginning of a text; None when no quote stands there. Raises NotClosed.

    Quotes that open and close with different characters may nest. An apostrophe between two letters closes
    nothing. A text whose last character is a quote of the same kind counts as closed by it: phones mix them.
    """
    text = text.rstrip()
    closers = _CLOSERS.get(text[:1])
    if closers is None:
        return None
    end = _closing(text, closers)
    if end is None and len(text) > 1 and text[-1] in _alike(closers[0]):
        end = len(text) - 1
    if end is None:
        raise NotClosed(closers[0])
    return Quoted(text[1:end], text[end + 1 :])


_CLOSERS = {
    '"': '"',
    "“": "”",
    "”": "”",
    "„": "“”",
    "«": "»",
    "»": "«",
    "'": "'",
    "‘": "’",
    "‚": "‘’",
}
QUOTES = "".join(_CLOSERS)
"""Characters that open a quoted text."""

_KINDS = ('"“”„', "«»", "'‘’‚")
_APOSTROPHES = "'’"


def _closing(text: str, closers: str) -> int | None:
    """Return where the quote closes that the first character opens."""
    opener = text[0]
    depth = 1
    for at in range(1, len(text)):
        character = text[at]
        if character in closers:
            if (
                character in _APOSTROPHES
                and text[at - 1].isalnum()
                and text[at + 1 : at + 2].isalnum()
            ):
                continue
            depth -= 1
            if depth == 0:
                return at
        elif character == opener:
            depth += 1
    return None


def _alike(closer: str) -> str:
    return next(kind for kind in _KINDS if closer in kind)
