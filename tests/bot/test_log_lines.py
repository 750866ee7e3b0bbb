"""Which lines of a log are shown, and that what is shown fits."""

from __future__ import annotations

import pytest

from bot.log_lines import CacheUse, cache_of, fitted, matching, of_phase, rows_of
from bot.markup import units

LOG = """▶ environment run k7f3q2ab
▶ clone https://github.com/acme/demo
▶ agent claude
│ I look for the error in greeter.py
│ $ grep -rn error .
│ ▶ deliver all of it
│ $ pytest
│ E   assert farewell("Ada") == "Bye"
│ FAILED tests/test_greeter.py::test_farewell
│ 1 failed, 4 passed
│ I give up.
▶ deliver claude/k7f3q2ab-x-wip
▶ done failed, agent-failed
· the agent ended with exit code 1
""".encode()
ROWS = rows_of(LOG)


def test_a_text_is_looked_for_as_it_stands_whatever_its_case() -> None:
    assert matching(ROWS, "failed TESTS") == ["│ FAILED tests/test_greeter.py::test_farewell"]
    assert matching(["a.c", "abc"], "a.c") == ["a.c"]
    assert matching(["x("], "(") == ["x("]


def test_a_phase_goes_from_its_heading_to_the_next_and_no_line_of_the_agent_is_one() -> None:
    assert of_phase(ROWS, "clone") == ["▶ clone https://github.com/acme/demo"]
    assert len(of_phase(ROWS, "agent")) == 9
    assert of_phase(ROWS, "deliver") == ["▶ deliver claude/k7f3q2ab-x-wip"]
    assert of_phase(rows_of(b"an image of somebody else"), "agent") == []


@pytest.mark.parametrize("row", ["x" * 300, "👩‍👩‍👧" * 100, "a b " * 80])
def test_what_is_shown_fits_into_its_room(row: str) -> None:
    for count in (0, 1, 3, 50):
        shown = fitted([row] * count, 1000)
        assert sum(units(line) + 1 for line in shown.rows) <= 1001
        assert shown.all is (len(shown.rows) == count)
        assert bool(shown.rows) is (count > 0)


def test_of_one_line_that_is_too_long_the_end_is_shown() -> None:
    shown = fitted(["first", "x" * 5000 + "end"], 1000)
    assert len(shown.rows) == 1
    assert shown.rows[0].startswith("…")
    assert shown.rows[0].endswith("end")
    assert not shown.all


def test_an_empty_log_has_no_lines() -> None:
    assert rows_of(b"") == rows_of(b" \n\n") == []
    assert rows_of(b"one\ntwo\n") == ["one", "two"]
    assert rows_of(b"\xff\x00\x1b[31m") == ["\N{REPLACEMENT CHARACTER}"]


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (["▶ agent claude, cache hit, 3 s", "│ works"], CacheUse("hit", 3)),
        (["▶ agent scripted, cache miss, 41 s"], CacheUse("miss", 41)),
        (["▶ agent claude"], None),
        (["│ ▶ agent claude, cache hit, 3 s", "· ▶ agent claude, cache hit, 3 s"], None),
        (["▶ agent claude, cache gold, 3 s"], None),
        (["▶ deliver x, cache hit, 3 s"], None),
        ([], None),
    ],
)
def test_what_the_agents_heading_says_of_the_cache_is_read_and_nobody_elses_words(
    rows: list[str], found: CacheUse | None
) -> None:
    assert cache_of(rows) == found
