"""The table of /jobs: pages, buttons, and what stands in a row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.markup import Markup, lines, plain
from bot.speaker import Button
from bot.table import ROWS, Table, table
from playground.keyboard import MAX_DATA_BYTES
from runs.outcome import Ending, Outcome
from runs.run import Run
from sandbox.report import Cause, Phase, Report
from tests.bot.golden_files import check_golden
from tests.bot.sample_runs import ENDS, ID, NOW, PUSHED, QUEUED, RUNNING, failed

AGENT = replace(RUNNING, id="aaaaaaaa", report=Report(ID, Phase.AGENT))
STOPPING = replace(AGENT, id="bbbbbbbb", cancelled_by="Grace")


def with_buttons(page: Table) -> Markup:
    """Return a page with its buttons below it, as text."""
    rows = [plain(" ".join(f"[{button.text}]" for button in row)) for row in page.keyboard]
    return lines(page.text, *rows)


def ended(count: int) -> list[Run]:
    """Return so many Runs that ended, one a minute, the last the newest."""
    return [
        replace(PUSHED, id=f"aaaaaa{chr(97 + n // 20)}{chr(97 + n % 20)}", ended_at=NOW + 60 * n)
        for n in range(count)
    ]


def test_tables_golden() -> None:
    two_days_ago = replace(failed(Cause.CLONE_BRANCH), id="cccccccc", ended_at=NOW - 2 * 86400)
    runs = [QUEUED, AGENT, STOPPING, PUSHED, two_days_ago, *ENDS.values()]
    check_golden(
        "table",
        {
            "the first page": with_buttons(table(runs, NOW + 3600)),
            "the last page": with_buttons(table(runs, NOW + 3600, 99)),
            "a page that doesn't move any more": with_buttons(table([AGENT], NOW, moves=False)),
            "only ends": with_buttons(table([two_days_ago], NOW)),
            "nothing": with_buttons(table([], NOW)),
            "nothing, and not moving": with_buttons(table([], NOW, moves=False)),
        },
    )


def test_what_is_under_way_stands_before_what_ended_and_the_newest_end_first() -> None:
    text = table([*ended(3), AGENT], NOW).text.text()
    places = [text.index(word) for word in ("aaaaaaaa", "aaaaaaac", "aaaaaaab")]
    assert places == sorted(places)


def test_a_run_that_asks_is_told_of_as_past() -> None:
    asks = replace(PUSHED, outcome=Outcome(Ending.ASKS))
    assert "asked back 1 h ago" in table([asks], NOW + 3600).text.text()


@pytest.mark.parametrize(("count", "last"), [(1, 1), (ROWS, 1), (ROWS + 1, 2), (23, 5)])
def test_every_run_is_on_one_page(count: int, last: int) -> None:
    runs = ended(count)
    pages = [table(runs, NOW, number) for number in range(1, last + 1)]
    assert all(page.last == last for page in pages)
    text = "".join(page.text.text() for page in pages)
    assert all(text.count(run.id) == 1 for run in runs)
    assert table(runs, NOW, 999).page == last
    assert table(runs, NOW, -5).page == 1


def buttons(page: Table) -> list[Button]:
    return [button for row in page.keyboard for button in row]


def test_a_button_names_its_run_and_fits_into_telegrams_limit() -> None:
    page = table([QUEUED, STOPPING, failed(Cause.LOGIN), PUSHED, *ended(9)], NOW)
    assert {button.text: button.data for button in buttons(page)}["⏹ 2"] == f"stop:{QUEUED.id}"
    assert "⏹ 1" not in {button.text for button in buttons(page)}
    assert all(len(button.data.encode()) <= MAX_DATA_BYTES for button in buttons(page))


def test_nothing_of_it_moves_within_a_minute() -> None:
    assert table([AGENT, PUSHED], NOW + 61).text == table([AGENT, PUSHED], NOW + 100).text
