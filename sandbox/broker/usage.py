"""Counting what a call of the Messages API used, from the answer as it passes. Pure.

See https://platform.claude.com/docs/en/build-with-claude/streaming: `message_start` names the model and what was read,
each `message_delta` what was written so far.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sandbox.broker.prices import Usage

MAX_LINE_BYTES = 4 << 20
MAX_WHOLE_BYTES = 32 << 20
_FRAME_BYTES = 90
"""What an event of text holds beside the text."""
_TOKEN_BYTES = 4


class Counter:
    """Takes an answer piece by piece. `streamed` says whether it is a stream of events or one JSON value."""

    def __init__(self, *, streamed: bool) -> None:
        self.model = ""
        self.usage = Usage()
        self.complete = False
        self._streamed = streamed
        self._rest = bytearray()
        self._text_bytes = 0

    def feed(self, chunk: bytes) -> bool:
        """Take a piece; True when `usage` changed. Never raises, whatever the piece is."""
        before = self.usage
        self._rest += chunk
        if not self._streamed:
            del self._rest[MAX_WHOLE_BYTES:]
            return False
        *lines, rest = bytes(self._rest).split(b"\n")
        for line in lines:
            self._read_line(line)
        self._rest = bytearray(rest[:MAX_LINE_BYTES])
        return self.usage != before

    def finish(self) -> None:
        """Take the end of the answer. What was cut off before it told its usage is estimated by its length."""
        if self._streamed:
            self._read_line(bytes(self._rest))
            if not self.complete:
                estimate = -(-self._text_bytes // _TOKEN_BYTES)
                self.usage = replace(self.usage, output=max(self.usage.output, estimate))
            return
        message = _decoded(bytes(self._rest))
        self._read_message(message)
        self.complete = "usage" in message

    def _read_line(self, line: bytes) -> None:
        if not line.startswith(b"data:"):
            return
        if b'"usage"' not in line:
            if b"content_block_delta" in line:
                self._text_bytes += max(len(line) - _FRAME_BYTES, _TOKEN_BYTES)
            return
        event = _decoded(line[5:])
        kind = event.get("type")
        if kind == "message_start":
            self._read_message(_mapping(event, "message"))
        elif kind == "message_delta":
            self.usage = _merged(self.usage, _mapping(event, "usage"))
            self.complete = True

    def _read_message(self, message: dict[str, Any]) -> None:
        model = message.get("model")
        self.model = model if isinstance(model, str) else ""
        self.usage = _merged(self.usage, _mapping(message, "usage"))


def _merged(known: Usage, told: dict[str, Any]) -> Usage:
    """Return the usage with what was told last of each kind."""
    kept = _mapping(told, "cache_creation")
    searches = _mapping(told, "server_tool_use")
    return Usage(
        input=_count(told, "input_tokens", known.input),
        written=_count(told, "cache_creation_input_tokens", known.written),
        written_1h=_count(kept, "ephemeral_1h_input_tokens", known.written_1h),
        read=_count(told, "cache_read_input_tokens", known.read),
        output=_count(told, "output_tokens", known.output),
        searches=_count(searches, "web_search_requests", known.searches),
        fast=known.fast or told.get("speed") == "fast",
        us_only=known.us_only or told.get("inference_geo") == "us",
    )


def _count(values: dict[str, Any], name: str, known: int) -> int:
    found = values.get(name)
    whole = isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 1 << 40
    return found if whole else known  # type: ignore[return-value]  # an int, as just seen


def _mapping(values: dict[str, Any], name: str) -> dict[str, Any]:
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
