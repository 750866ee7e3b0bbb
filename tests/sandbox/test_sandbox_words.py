"""Texts of people become names and single lines that can do no harm."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from sandbox.words import MAX_SLUG, branch_name, printable, slug, title

HOSTILE: list[str] = json.loads(
    (Path(__file__).parents[1] / "data" / "hostile-strings.json").read_text()
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Add a farewell", "add-a-farewell"),
        ("  Fix: #12 (again)!  ", "fix-12-again"),
        ("Füge Grüße hinzu", "fuge-grue-hinzu"),
        ("добавь прощание", "task"),
        ("", "task"),
        ("---", "task"),
        ("x" * 100, "x" * MAX_SLUG),
        ("one two three four five six seven eight nine", "one-two-three-four-five-six-seven-eight"),
    ],
)
def test_words_of_a_text(text: str, words: str) -> None:
    assert slug(text) == words


def test_a_branch_has_the_words_of_the_first_paragraph() -> None:
    assert branch_name("abcd2345", "\n\nAdd a\nfarewell\n\nand more") == (
        "claude/abcd2345-add-a-farewell"
    )


def test_every_hostile_text_makes_a_branch_that_git_accepts() -> None:
    for text in HOSTILE:
        name = branch_name("abcd2345", text)
        assert len(slug(text)) <= MAX_SLUG
        subprocess.run(
            ["git", "check-ref-format", "--branch", name], check=True, capture_output=True
        )


@pytest.mark.parametrize(
    ("prompt", "line"),
    [
        ("\n\n  Mend   the\troof \nand more", "Mend the roof"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\u202e\n", "Task"),
        ("x" * 80, "x" * 71 + "…"),
    ],
)
def test_the_title_is_the_first_line_that_says_something(prompt: str, line: str) -> None:
    assert title(prompt) == line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\tb", "a\tb"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("a\x00b\x7fc\x85d\u2028e\u200bf\ufeffg", "abcdefg"),
        ("\u202eevil\u2066x\u2069", "evilx"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("\ud800x", "?x"),
        ("\x1b", ""),
        ("\x1b[31", ""),
    ],
)
def test_what_a_terminal_would_obey_is_dropped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_no_hostile_text_keeps_a_control_character() -> None:
    for text in HOSTILE:
        shown = printable(text)
        assert shown.replace("\t", "").isprintable() or not any(
            ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in shown.replace("\t", "")
        )
        shown.encode("utf-8")
