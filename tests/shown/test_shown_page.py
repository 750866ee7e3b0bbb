"""docs/stacks.md names tests that exist, that said so, and that passed."""

from __future__ import annotations

import pytest

from tests.parts.shown import SHOWN
from tests.shown.page import PAGE, declared, page
from tests.shown.rows import check

NOTED = SHOWN.read_text(encoding="utf-8").splitlines()


def test_the_page_says_what_passed_and_is_still_said_by_the_tests() -> None:
    still = declared()
    gone = [line for line in NOTED if line not in still]
    assert not gone, "these tests don't say so any more: take them out, then make stacks"
    assert PAGE.read_text(encoding="utf-8") == page(NOTED), "it is out of date: make stacks"


def test_the_page_links_to_the_test_and_says_where_there_is_none() -> None:
    line = "cache hit\tbundler\ttests/a/test_a.py::test_gems_are_kept"
    rows = page(
        [line, line.replace("gems", "all"), "recognised\truby\tt.py::test_r[a|b]"]
    ).splitlines()
    (bundler,) = (row for row in rows if row.startswith("| bundler "))
    assert bundler == (
        "| bundler | [r: a/b](../t.py) | manifest only | manifest only |"
        " [all are kept](../tests/a/test_a.py) +1 |"
    )


@pytest.mark.parametrize(("column", "row"), [("cache hit", "mysql"), ("version", "cobol")])
def test_a_mark_for_no_cell_is_refused(column: str, row: str) -> None:
    with pytest.raises(ValueError, match="no cell"):
        check(column, (row,))
