"""A chat as lines for a terminal: messages as they come, edits by what they change."""

from __future__ import annotations

import re
import unicodedata

from playground.events import Event, EventKind

MARGIN = "  │ "


class Transcript:
    """Turns events into lines of at most `width` columns; remembers the messages, to show edits short."""

    def __init__(self, width: int) -> None:
        self._width = max(30, min(width, 100))
        self._texts: dict[tuple[int, int | None], str] = {}

    def lines(self, event: Event) -> list[str]:
        """Return the lines of an event, none for what a reader doesn't miss."""
        if event.message is not None and event.message.service is not None:
            return []
        key = (event.chat_id, event.message_id)
        if event.kind is EventKind.SENT:
            self._texts[key] = event.text
            return [f"{event.who}:", *self._body(event.text.split("\n")), *self._buttons(event)]
        if event.kind is EventKind.EDITED:
            before = set(self._texts.get(key, "").split("\n"))
            self._texts[key] = event.text
            changed = [line for line in event.text.split("\n") if line not in before]
            return (
                [f"{event.who} edits:", *self._body(changed), *self._buttons(event)]
                if changed
                else []
            )
        if event.kind is EventKind.REACTED and event.detail:
            return [f"{event.who}: {event.detail}"]
        if event.kind is EventKind.PRESSED:
            return [f"{event.who}: [{_label(event)}]"]
        if event.kind is EventKind.ANSWERED and event.detail:
            return wrapped(f"{event.who}: ({event.detail})", self._width)
        return []

    def _body(self, rows: list[str]) -> list[str]:
        room = self._width - len(MARGIN)
        return [(MARGIN + part).rstrip() for row in rows for part in wrapped(row, room)]

    def _buttons(self, event: Event) -> list[str]:
        return [MARGIN + " ".join(f"[{label}]" for label in row) for row in event.buttons]


def _label(event: Event) -> str:
    rows = event.message.keyboard if event.message else ()
    return next(
        (button.text for row in rows for button in row if button.data == event.detail), "a button"
    )


def wrapped(row: str, room: int) -> list[str]:
    """Break a row into lines of at most `room` columns: between words, or within one that is too long for a line."""
    lines = [""]
    for word in re.findall(r"\S+\s*|\s+", row.expandtabs(4)):
        if lines[-1] and columns(lines[-1] + word.rstrip()) > room:
            lines.append("")
        for character in word:
            if columns(lines[-1] + character) <= room:
                lines[-1] += character
            elif not character.isspace():
                lines.append(character)
    return lines


def columns(text: str) -> int:
    """Count the columns that a terminal needs: wide characters take two, combining ones none."""
    return sum(map(_columns_of, text))


def _columns_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
