"""The mark `shows`: a test says which cells of docs/stacks.md it proves.

    @pytest.mark.shows("cache hit", "bundler")                 # a column, then one row or several: tests/shown/rows.py
    pytest.param("mysql", marks=pytest.mark.shows("service up", "mysql"))

With `KEEP_SHOWN=1` those that pass are written down in `tests/data/shown.txt`, from which `make stacks` makes the page.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shown.rows import check

SHOWN = Path(__file__).parents[1] / "data" / "shown.txt"

_seen = pytest.StashKey[dict[str, bool]]()


def cells(item: pytest.Item) -> Iterator[str]:
    """Give the lines that a test writes down: column, row and its name."""
    for mark in item.iter_markers("shows"):
        column, *rows = mark.args
        check(column, tuple(rows))
        yield from (f"{column}\t{row}\t{item.nodeid}" for row in rows)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make stacks` ask which cells there are tests for."""
    parser.addoption("--show-marks", action="store_true", help="print the cells that `shows` names")


def pytest_configure(config: pytest.Config) -> None:
    """Keep what is seen with the session."""
    config.stash[_seen] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse a mark for a cell that there isn't."""
    named = [cell for item in items for cell in cells(item)]
    if config.option.show_marks:
        print(*sorted(set(named)), sep="\n")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """See which cells' tests passed; one that failed takes its cell away."""
    report = yield
    if report.when == "call" or report.failed:
        seen = item.config.stash[_seen]
        for cell in cells(item):
            seen[cell] = report.passed and seen.get(cell, True)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write it down, where that was asked for."""
    seen = session.config.stash[_seen]
    if not os.environ.get("KEEP_SHOWN") or not seen:
        return
    known = set(SHOWN.read_text("utf-8").splitlines()) if SHOWN.exists() else set()
    known |= {cell for cell, passed in seen.items() if passed}
    known -= {cell for cell, passed in seen.items() if not passed}
    SHOWN.write_text("".join(f"{cell}\n" for cell in sorted(known)), "utf-8")
