"""The table of Runs that /jobs shows: pages of a few rows, each with its buttons. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.buttons import Keyboard, page_row
from bot.card import doing_words
from bot.continuation import first_asked
from bot.markup import Markup, bold, code, italic, joined, lines, paragraphs, plain, shortened
from bot.messages import HEADLINES, ICONS, target
from bot.speaker import Button
from runs.outcome import Ending
from runs.run import Run, State, by_age

ROWS = 5
"""So many Runs fill a phone's screen."""

_PAST = {Ending.ASKS: "asked back"}


@dataclass(frozen=True, slots=True)
class Table:
    """One page: its text and its buttons. `page` is the one that is shown, from 1 to `last`."""

    text: Markup
    keyboard: Keyboard
    page: int
    last: int


def table(runs: Iterable[Run], now: float, page: int = 1, *, moves: bool = True) -> Table:
    """Return a page of what runs and waits, then of what ended, newest first; a page too far is the last.

    `moves` False says below it that it isn't kept up to date any more.
    """
    ordered = sorted(runs, key=by_age)
    live = [run for run in ordered if not run.ended]
    ended = sorted((run for run in ordered if run.ended), key=_end, reverse=True)
    footer = Markup() if moves else italic("not kept up to date any more: 🔄")
    if not ordered:
        empty = lines("No runs here.", plain('Start one: /run repo "task"'))
        return Table(paragraphs(empty, footer), _buttons([], 1, 1), 1, 1)
    last = -(-len(ordered) // ROWS)
    page = max(1, min(page, last))
    shown = [*live, *ended][(page - 1) * ROWS : page * ROWS]
    count = joined(
        [
            bold(f"{len(live)} running or waiting, {len(ended)} ended"),
            f"page {page} of {last}" if last > 1 else "",
        ],
        " · ",
    )
    rows = [_row(number, run, now) for number, run in enumerate(shown, 1)]
    return Table(paragraphs(count, *rows, footer).cut(), _buttons(shown, page, last), page, last)


def _end(run: Run) -> tuple[float, tuple[int, int, str]]:
    return (run.ended_at or run.created_at, by_age(run))


def _row(number: int, run: Run, now: float) -> Markup:
    icon = _icon(run)
    return lines(
        joined([bold(str(number)), icon, target(run), code(run.id)], " "),
        joined([_state(run, now), shortened(run.origin.person_name, 40)], " · "),
        plain(shortened(first_asked(run.task), 60)),
    )


def _icon(run: Run) -> str:
    if run.outcome is not None:
        return ICONS[run.outcome.ending]
    return "🕐" if run.state is State.QUEUED else "⚙️"


def _state(run: Run, now: float) -> str:
    if run.outcome is not None:
        how = _PAST.get(run.outcome.ending) or HEADLINES[run.outcome.ending].lower()
        return f"{how} {_about(now - (run.ended_at or now))} ago"
    if run.state is State.QUEUED:
        return f"waiting, place {run.place}" if run.place else "waiting"
    if run.cancelled_by:
        words = "stopping"
    elif run.report is None and run.started_at is not None and run.held is None:
        words = "running"  # on a cluster only the end brings a Report
    else:
        words = doing_words(run, run.report.phase if run.report else None)
    return f"{words} · {_about(now - (run.started_at or run.created_at))}"


def _about(seconds: float) -> str:
    """Return a time in its largest unit, so that the table needs no edit each second."""
    minutes = int(max(0.0, seconds)) // 60
    if minutes < 60:
        return f"{minutes} min" if minutes else "less than 1 min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _buttons(shown: Sequence[Run], page: int, last: int) -> Keyboard:
    logs = tuple(Button(f"📄 {number}", f"logs:{run.id}") for number, run in enumerate(shown, 1))
    acts = tuple(
        button for number, run in enumerate(shown, 1) if (button := _act(number, run)) is not None
    )
    refresh = Button("🔄", f"jobs:{page}")
    return tuple(row for row in (logs, acts, page_row("jobs", page, last, refresh)) if row)


def _act(number: int, run: Run) -> Button | None:
    """Return the button of what one most likely wants with a Run."""
    if run.outcome is None:
        return None if run.cancelled_by else Button(f"⏹ {number}", f"stop:{run.id}")
    return None if run.outcome.ended_well else Button(f"🔁 {number}", f"retry:{run.id}:1")
