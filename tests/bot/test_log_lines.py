"""Which lines of a log are shown, and that what is shown fits."""

from __future__ import annotations

import pytest

from bot.log_lines import fitted, matching, of_phase, proving, rows_of
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


def test_the_lines_that_prove_a_failure_stand_with_their_neighbours() -> None:
    rows = proving([f"line {number}" for number in range(50)] + ["fatal: no", *"abcdefgh"])
    assert rows == ["line 48", "line 49", "fatal: no", "a", "b"]


def test_the_last_trouble_goes_before_earlier_one_where_room_is_short() -> None:
    rows = [f"error {number}" if number % 10 == 0 else f"line {number}" for number in range(100)]
    found = proving(rows, 7)
    assert "error 90" in found
    assert "error 80" in found
    assert "error 70" not in found
    assert len(found) == 7
    assert found == sorted(found, key=rows.index)


def test_a_command_that_names_an_error_proves_nothing() -> None:
    found = proving(ROWS, 5)
    assert "│ $ grep -rn error ." not in found
    assert "│ FAILED tests/test_greeter.py::test_farewell" in found


def test_good_news_about_errors_is_no_trouble() -> None:
    assert proving(["found 0 errors", "no failures", *"abc"], 2) == ["b", "c"]


def test_without_any_trouble_the_last_lines_are_the_proof() -> None:
    assert proving(list("abcdef"), 3) == ["d", "e", "f"]
    assert proving([], 3) == []


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
