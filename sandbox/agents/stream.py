"""An agent that writes stream-json: Claude Code, and everything that speaks as it does.

Pure: lines in, lines for people and one AgentResult out. The rows were read off Claude Code 2.1.330; see
https://code.claude.com/docs/en/headless for what is promised of them.
"""

from __future__ import annotations

import re
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.agents import AgentResult, rows, steps
from sandbox.report import Cause
from sandbox.words import printable

MAX_SUMMARY = 8000
"""Characters of the agent's last words that are kept; the Report cuts further."""

MAX_ERROR = 500


class StreamAgent:
    """An Agent over a command that writes stream-json; for one execution.

    `redact` is applied to every text before it is cut, since half a secret is not recognized as one.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], redact: steps.Redact
    ) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._redact = redact
        self._folder = ""
        self._model: str | None = None
        self._session_id: str | None = None
        self._last_words = ""
        self._plain_lines: deque[str] = deque(maxlen=5)
        self._result: dict[str, Any] | None = None

    def command(self) -> list[str]:
        """Return the argument list to start."""
        return list(self._command)

    def environment(self) -> Mapping[str, str]:
        """Return the variables that the agent needs of its own."""
        return dict(self._environment)

    def read(self, line: bytes) -> list[str]:
        """Take one line of output; return the lines for people. Never raises, whatever the line is."""
        if line.startswith(_SILENT) and _FAILED not in line:
            return []
        row = rows.parse(line)
        if row is None:
            return self._read_plain(line)
        self._remember(row)
        return steps.lines_for(row, self._folder, self._redact)

    def result(self, exit_code: int) -> AgentResult:
        """Judge the execution: it ended well if its result row, and its exit code, say so."""
        row = self._result
        if row is None:
            failure = _without_result(exit_code, list(self._plain_lines))
            return self._judged({}, self._last_words, failure)
        if not _claims_success(row):
            return self._judged(row, self._last_words, _failure(row))
        return self._judged(row, rows.text(row, "result"), _contradiction(exit_code))

    def _judged(
        self, row: dict[str, Any], summary: str, failure: tuple[Cause, str] | None
    ) -> AgentResult:
        cause, error = failure or (None, None)
        return AgentResult(
            ended_well=failure is None,
            summary=_bounded(self._redact(summary)),
            cause=cause,
            error=error and self._redact(error)[:MAX_ERROR],
            cost_usd=rows.amount(row, "total_cost_usd"),
            input_tokens=_input_tokens(rows.mapping(row, "usage")),
            output_tokens=rows.whole(rows.mapping(row, "usage"), "output_tokens"),
            turns=rows.whole(row, "num_turns"),
            model=self._model,
            session_id=self._session_id,
            denied=_denied(row),
        )

    def _read_plain(self, line: bytes) -> list[str]:
        """Show a line as it is: the log cuts it where it is safe to."""
        shown = printable(self._redact(line.decode("utf-8", "replace").rstrip("\r\n")))
        if not shown.strip():
            return []
        self._plain_lines.append(shown[:MAX_ERROR])
        return [shown]

    def _remember(self, row: dict[str, Any]) -> None:
        kind = rows.text(row, "type")
        if kind == "result":
            self._result = row
        elif kind == "system" and rows.text(row, "subtype") == "init":
            self._folder = rows.text(row, "cwd")
            self._model = rows.text(row, "model")[:100] or None
            self._session_id = rows.text(row, "session_id")[:100] or None
        elif kind == "assistant":
            message = rows.mapping(row, "message")
            words = [rows.text(block, "text") for block in rows.mappings(message, "content")]
            if any(words) and rows.text(message, "model") != _NOT_THE_MODEL:
                self._last_words = "\n".join(filter(None, words))


def _bounded(words: str) -> str:
    """Leave out the middle of words that are too long: a question stands at their end."""
    if len(words) <= MAX_SUMMARY:
        return words
    return f"{words[: MAX_SUMMARY - _END_CHARACTERS - 5]}\n\n…\n\n{words[-_END_CHARACTERS:]}"


_END_CHARACTERS = 2000
_SILENT = (b'{"type":"user"', b'{"type":"stream_event"')
"""Rows that say nothing to people and can be large; parsing them would be for nothing …"""
_FAILED = b'"is_error":true'
"""… but for a tool's result that is an error."""

_NOT_THE_MODEL = "<synthetic>"
"""The model that Claude Code names beside its own messages about errors."""

_UNAUTHORIZED = 401
_EXPIRED = "OAuth token has expired"
"""What the API says of a login that was valid once (https://docs.claude.com/en/docs/claude-code/troubleshooting)."""

_STATUS_CAUSES = {
    401: Cause.API_AUTH,
    403: Cause.API_FORBIDDEN,
    404: Cause.API_NOT_FOUND,
    429: Cause.API_RATE_LIMIT,
    529: Cause.API_OVERLOADED,
}

_SUBTYPE_CAUSES = {"error_max_budget_usd": Cause.BUDGET, "error_max_turns": Cause.TURNS}


def _without_result(exit_code: int, last_lines: list[str]) -> tuple[Cause, str]:
    name = _signal_name(exit_code)
    if name:
        return Cause.AGENT_KILLED, f"the agent was ended by {name}"
    if exit_code == 0:
        return Cause.AGENT_SILENT, "the agent ended without a result"
    end = f"the agent ended without a result, with exit code {exit_code}"
    return Cause.AGENT_FAILED, ": ".join([end, "\n".join(last_lines)] if last_lines else [end])


def _claims_success(row: dict[str, Any]) -> bool:
    """Say whether a result row tells of success. API errors call themselves a "success" that is an error."""
    return row.get("is_error") is False and row.get("subtype") == "success"


def _contradiction(exit_code: int) -> tuple[Cause, str] | None:
    """Say what is wrong with a success that ends with this exit code; None if nothing is."""
    if exit_code == 0:
        return None
    name = _signal_name(exit_code)
    if name:
        return Cause.AGENT_KILLED, f"the agent told of success, then was ended by {name}"
    return Cause.AGENT_FAILED, f"the agent told of success, but exited with code {exit_code}"


def _failure(row: dict[str, Any]) -> tuple[Cause, str]:
    subtype = rows.text(row, "subtype")
    words = _error_words(row)
    if rows.text(row, "terminal_reason").startswith("aborted"):
        return Cause.AGENT_FAILED, "the agent was interrupted"
    if subtype in _SUBTYPE_CAUSES:
        return _SUBTYPE_CAUSES[subtype], words or subtype
    if words.startswith("Not logged in"):
        return Cause.LOGIN, words
    status = _api_status(row, words)
    if status == _UNAUTHORIZED and _EXPIRED in words:
        return Cause.LOGIN_EXPIRED, words
    if status is not None:
        return _STATUS_CAUSES.get(status, Cause.API_ERROR), words or f"API error {status}"
    if rows.text(row, "terminal_reason") == "api_error" or words.startswith("API Error"):
        return Cause.API_ERROR, words or "API error"
    return Cause.AGENT_FAILED, words or f"the agent ended with {subtype or 'an error'}"


def _error_words(row: dict[str, Any]) -> str:
    found = row.get("errors")
    errors = [item for item in found if isinstance(item, str)] if isinstance(found, list) else []
    joined = {"errors": "\n".join(errors) or rows.text(row, "result")}
    return rows.text(joined, "errors").strip()


def _api_status(row: dict[str, Any], words: str) -> int | None:
    """Read the HTTP status from its own field, which older versions don't have, or from the words."""
    status = rows.whole(row, "api_error_status")
    if status is not None:
        return status
    told = re.match(r"API Error:? \(?(\d{3})\b", words)
    return int(told[1]) if told else None


def _signal_name(exit_code: int) -> str | None:
    """Name the signal of an exit: negative for the process itself, 128 and more for one that tells it on."""
    number = -exit_code if exit_code < 0 else exit_code - 128
    if number <= 0:
        return None
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}" if exit_code < 0 else None


def _input_tokens(usage: dict[str, Any]) -> int | None:
    """Count what the model read: new, cached and read from the cache."""
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    found = [count for name in names if (count := rows.whole(usage, name)) is not None]
    return sum(found) if found else None


def _denied(row: dict[str, Any]) -> tuple[str, ...]:
    names = [rows.text(denial, "tool_name") for denial in rows.mappings(row, "permission_denials")]
    return tuple(dict.fromkeys(name[:60] for name in names if name))
