"""The lines that people read while the agent works."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from sandbox.agents.steps import (
    FAILURE_CHARACTERS,
    FAILURE_LINES,
    MAX_CHARACTERS,
    lines_for,
    one_line,
)

DATA = Path(__file__).parents[1] / "data"

SECRET = "s3cret-s3cret"


def use(tool: str, **values: Any) -> dict[str, Any]:
    block = {"type": "tool_use", "name": tool, "input": values}
    return {"type": "assistant", "message": {"content": [block]}}


def result(content: Any, **values: Any) -> dict[str, Any]:
    block = {"type": "tool_result", "content": content, "is_error": True, **values}
    return {"type": "user", "message": {"content": [block]}}


def retry(**values: Any) -> dict[str, Any]:
    return {"type": "system", "subtype": "api_retry", **values}


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (use("Write", file_path="/w/clone/src/x.py", content="x"), "✎ Write src/x.py"),
        (use("Edit", file_path="/w/clone/x.py"), "✎ Edit x.py"),
        (use("NotebookEdit", notebook_path="/w/clone/x.ipynb"), "✎ Edit x.ipynb"),
        (use("Read", file_path="/etc/hosts"), "Read /etc/hosts"),
        (use("Read", file_path="/w/clone/../secret"), "Read /w/clone/../secret"),
        (use("Read", file_path="/w/clone-2/x"), "Read /w/clone-2/x"),
        (use("Read"), "Read"),
        (use("Bash", command="git add -A && git commit"), "$ git add -A && git commit"),
        (use("Bash", command="\ncat <<E\nline\nE\n"), "$ cat <<E …"),
        (use("Bash", command=["not", "text"]), "$"),
        (use("Grep", pattern="def main"), 'Search "def main"'),
        (use("Glob", pattern="**/*.py"), 'Find "**/*.py"'),
        (use("WebFetch", url="https://example.org"), "Fetch https://example.org"),
        (use("SomeNewTool", anything=1), "SomeNewTool"),
        (
            retry(attempt=1, max_retries=2, retry_delay_ms=623, error_status=529),
            "API overloaded (529), attempt 1 of 2, again in 0.6 s",
        ),
        (
            retry(attempt=2, max_retries=10, retry_delay_ms=512, error_status=500),
            "API error (500), attempt 2 of 10, again in 0.5 s",
        ),
        (
            retry(attempt=1, max_retries=1, retry_delay_ms=571, error_status=None),
            "API doesn't answer, attempt 1 of 1, again in 0.6 s",
        ),
        (retry(), "API doesn't answer, attempt ? of ?"),
        (
            {
                "type": "system",
                "subtype": "permission_denied",
                "tool_name": "Bash",
                "message": "No.",
            },
            "✗ Bash denied: No.",
        ),
    ],
)
def test_a_step_is_one_line(row: dict[str, Any], line: str) -> None:
    assert lines_for(row, "/w/clone", str) == [line]


@pytest.mark.parametrize(
    "row",
    [
        use("Bash", command="echo " + "x" * 147 + SECRET),
        use("x" * 150 + SECRET),
        {"type": "system", "subtype": "permission_denied", "message": "x" * 140 + SECRET},
    ],
)
def test_a_secret_is_blackened_before_a_line_is_cut_fault_35(row: dict[str, Any]) -> None:
    (line,) = lines_for(row, "/c", lambda text: text.replace(SECRET, "[redacted]"))
    assert "x[red" in line and SECRET[:4] not in line


PYTEST = (
    "Exit code 1\n" + "collecting\n" * 50 + "E   assert 1 == 2\n1 failed in 0.10s\n" + "tidy\n" * 9
)
LINES = [
    "  Exit code 1",
    "  collecting (×50)",
    "  E   assert 1 == 2",
    "  1 failed in 0.10s",
    "  tidy (×9)",
]


@pytest.mark.parametrize("content", [PYTEST, [{"type": "text", "text": PYTEST}]])
def test_a_command_that_failed_is_told_by_the_lines_that_prove_it(content: Any) -> None:
    assert lines_for(result(content), "/c", str) == LINES


def test_however_much_a_failed_command_printed_it_takes_few_lines_fault_34() -> None:
    printed = "Exit code 2\n" + "".join(f"error: {n} {'x' * 5000}\n" for n in range(500))
    lines = lines_for(result(printed), "/c", str)
    assert len(lines) == FAILURE_LINES
    assert all(len(line) <= FAILURE_CHARACTERS + 2 for line in lines)


def test_a_secret_in_what_a_command_printed_is_blackened_before_it_is_cut_fault_35() -> None:
    printed = "Exit code 2\nerror: " + "x" * (FAILURE_CHARACTERS - 12) + SECRET
    lines = lines_for(result(printed), "/c", lambda text: text.replace(SECRET, "[redacted]"))
    assert not [line for line in lines if SECRET[:4] in line]


def test_a_message_with_words_and_tools_is_a_line_for_each() -> None:
    row = use("Read", file_path="/c/a")
    row["message"]["content"][:0] = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "Look:"},
    ]
    assert lines_for(row, "/c", str) == ["Look:", "Read a"]


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"type": "stream_event", "event": {"type": "message_start"}},
        {"type": "user", "message": {"content": [{"type": "text", "text": "secret"}]}},
        result("Exit code 1\nfatal: it went well after all", is_error=False),
        result("Claude requested permissions to write"),
        result(["Exit code 1"]),
        result(None),
        {"type": "system", "subtype": "init"},
        {"type": "assistant", "message": {"content": "no list"}},
        {"type": "assistant", "message": {"content": [{"type": "text", "text": " \n"}]}},
        {"type": ["assistant"]},
    ],
)
def test_what_is_no_step_says_nothing(row: dict[str, Any]) -> None:
    assert lines_for(row, "/c", str) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("first\nsecond", "first"),
        ("\n\n  later", "later"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07x", "red x"),
        ("a\x00b\x07c\td", "abc d"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("a\u2028b", "ab"),
        ("\ufeff\u200bx", "x"),
        ("a\r\nb", "a"),
        ("a\rb", "ab"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
        ("x" * 160, "x" * 160),
        ("x" * 161, "x" * 159 + "…"),
        ("x" * 10**6, "x" * 159 + "…"),
        (" " * 10**6 + "x", "x"),
    ],
)
def test_a_text_becomes_one_harmless_line_fault_34(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize("text", json.loads((DATA / "hostile-strings.json").read_text("utf-8")))
def test_no_hostile_text_moves_a_cursor_fault_34(text: str) -> None:
    line = one_line(text)
    assert len(line) <= MAX_CHARACTERS
    assert not any(
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in line
    )
