"""What people read while an agent works: one short line per step, and why a command of it failed."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Any

from sandbox.agents import rows
from sandbox.proof import narrowed, proving_lines
from sandbox.words import printable

Redact = Callable[[str], str]

MAX_CHARACTERS = 160
FAILURE_LINES = 10
"""So many lines of a command's output are printed when it fails; none when it goes well."""

FAILURE_CHARACTERS = 300
FAILURE_INDENT = "  "


def lines_for(row: dict[str, Any], folder: str, redact: Redact) -> list[str]:
    """Return the lines to print for one stream-json row, mostly none or one.

    Paths below `folder`, the clone, are told relative to it. A command that failed is told by the lines of its output
    that prove it, further in than the steps; all other results of tools, and partial messages, say nothing.
    `redact` sees every text before it is cut, since half a secret is not recognized as one.
    """
    kind, subtype = rows.text(row, "type"), rows.text(row, "subtype")
    if kind == "assistant":
        blocks = rows.mappings(rows.mapping(row, "message"), "content")
        return [line for block in blocks if (line := _block(block, folder, redact))]
    if kind == "user":
        results = rows.mappings(rows.mapping(row, "message"), "content")
        return [line for result in results for line in _failure(result, redact)]
    if kind == "system" and subtype == "api_retry":
        return [_retry(row)]
    if kind == "system" and subtype == "permission_denied":
        told = f"✗ {rows.text(row, 'tool_name')} denied: {rows.text(row, 'message')}"
        return [one_line(redact(told))]
    return []


def one_line(text: str) -> str:
    """Return the printable part of a text's first line, cut to MAX_CHARACTERS."""
    shown = printable(text.strip().split("\n", 1)[0].replace("\t", " ")).strip()
    return shown if len(shown) <= MAX_CHARACTERS else shown[: MAX_CHARACTERS - 1] + "…"


def _block(block: dict[str, Any], folder: str, redact: Redact) -> str:
    kind = rows.text(block, "type")
    if kind == "text":
        return one_line(redact(rows.text(block, "text")))
    if kind != "tool_use":
        return ""
    name, told = rows.text(block, "name"), rows.mapping(block, "input")
    values = {key: redact(value) for key, value in told.items() if isinstance(value, str)}
    describe = _TOOLS.get(name)
    return one_line(describe(values, folder) if describe else redact(name))


def _failure(result: dict[str, Any], redact: Redact) -> list[str]:
    """Return why a command failed; Claude Code puts its exit code before what it printed."""
    if rows.text(result, "type") != "tool_result" or result.get("is_error") is not True:
        return []
    parts = rows.mappings(result, "content")
    said = rows.text(result, "content") or "\n".join(rows.text(part, "text") for part in parts)
    if not said.startswith(_EXIT_CODE):
        return []
    proof = proving_lines(redact(said), most=FAILURE_LINES)
    return [FAILURE_INDENT + narrowed(line, FAILURE_CHARACTERS) for line in proof]


def _path(values: dict[str, Any], folder: str) -> str:
    path = rows.text(values, "file_path") or rows.text(values, "notebook_path")
    clone = folder.rstrip("/") + "/"
    below = clone != "/" and path.startswith(clone) and ".." not in path.split("/")
    return posixpath.relpath(path, clone) if below else path


def _command(values: dict[str, Any], _folder: str) -> str:
    command = rows.text(values, "command").strip()
    first, *more = command.splitlines() or [""]
    return f"$ {first}" + (" …" if more else "")


def _retry(row: dict[str, Any]) -> str:
    status = rows.whole(row, "error_status")
    what = _STATUS.get(status or 0, "API error") if status else "API doesn't answer"
    number = f" ({status})" if status else ""
    attempt, most = rows.whole(row, "attempt"), rows.whole(row, "max_retries")
    delay = rows.amount(row, "retry_delay_ms")
    again = "" if delay is None else f", again in {delay / 1000:.1f} s"
    return one_line(f"{what}{number}, attempt {attempt or '?'} of {most or '?'}{again}")


_EXIT_CODE = "Exit code "
_STATUS = {
    401: "API refuses the key",
    403: "API forbids it",
    429: "API rate limit",
    529: "API overloaded",
}
_TOOLS: dict[str, Callable[[dict[str, Any], str], str]] = {
    "Write": lambda values, folder: f"✎ Write {_path(values, folder)}",
    "Edit": lambda values, folder: f"✎ Edit {_path(values, folder)}",
    "MultiEdit": lambda values, folder: f"✎ Edit {_path(values, folder)}",
    "NotebookEdit": lambda values, folder: f"✎ Edit {_path(values, folder)}",
    "Read": lambda values, folder: f"Read {_path(values, folder)}",
    "Bash": _command,
    "Grep": lambda values, _folder: f'Search "{rows.text(values, "pattern")}"',
    "Glob": lambda values, _folder: f'Find "{rows.text(values, "pattern")}"',
    "WebFetch": lambda values, _folder: f"Fetch {rows.text(values, 'url')}",
    "WebSearch": lambda values, _folder: f'Search the web for "{rows.text(values, "query")}"',
    "Task": lambda values, _folder: f"Subagent: {rows.text(values, 'description')}",
}
