"""A chat as lines for a terminal: messages as they come, edits by what they change."""

from __future__ import annotations

import textwrap

from playground.events import Event, EventKind

MARGIN = "  │ "


class Transcript:
    """Turns events into lines of at most `width` columns; remembers the messages, to show edits short."""

    def __init__(self, width: int) -> None:
        self._width = max(30, min(width, 100))
        self._texts: dict[tuple[int, int | None], str] = {}

    def lines(self, event: Event) -> list[str]:
        """Return the lines of an event, none for what a reader doesn't miss."""
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
            return [f"{event.who} presses a button"]
        if event.kind is EventKind.ANSWERED and event.detail:
            return [f"{event.who}: ({event.detail})"]
        return []

    def _body(self, rows: list[str]) -> list[str]:
        wrapped: list[str] = []
        for row in rows:
            room = self._width - len(MARGIN)
            wrapped += textwrap.wrap(
                row, room, replace_whitespace=False, drop_whitespace=False
            ) or [""]
        return [MARGIN + row.rstrip() for row in wrapped]

    def _buttons(self, event: Event) -> list[str]:
        return [MARGIN + " ".join(f"[{label}]" for label in row) for row in event.buttons]
