"""The guide is kept: docs/guide.md has each of its sentences, what is ours, and a test that exists for each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.parts.guide import plain, sentences
from tests.parts.named_tests import assert_there, named_tests

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
NOTHING = (ROOT / "tests" / "data" / "guide-promises-nothing.txt").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\) \| ", line.strip("| "))]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| the guide |")
]
QUOTED = [plain(row[0].replace("“", " ").replace("”", " ")) for row in ROWS]
SENTENCES = list(dict.fromkeys(sentences()))


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_of_the_guide_is_kept_or_promises_nothing(sentence: str) -> None:
    kept = any(sentence in quoted for quoted in QUOTED)
    assert kept is not (sentence in NOTHING.splitlines()), "in one of both, and not in both"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_what_is_ours_is_said_and_shown_by_tests_that_exist(row: list[str]) -> None:
    assert len(row) == 3, "the guide, ours, shown by"
    assert row[1]
    named = named_tests(row[2])
    assert named, "a promise needs its test"
    assert re.sub(r"`[^`]+`|\[[^]]+\]\([^)]+\)|, ", "", row[2]) == ""
    assert_there(named)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_a_row_quotes_the_guide_in_its_own_words(row: list[str]) -> None:
    guide = " ".join(sentences())
    for quoted in re.findall(r"“(.*?)”|`(.*?)`", row[0]):
        assert plain("".join(quoted)) in guide


def test_what_promises_nothing_is_in_the_guide_too() -> None:
    assert set(NOTHING.splitlines()) <= set(SENTENCES)
