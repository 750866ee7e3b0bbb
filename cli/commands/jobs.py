"""`claude-sandbox jobs`: what runs, waits and has ended."""

from __future__ import annotations

import time

from cli.cluster import visit
from cli.exits import Exit
from cli.run_words import COLUMNS, row, values
from cli.screen import Screen
from cli.where import Chosen, find_where


def run_jobs(environment: dict[str, str], chosen: Chosen, screen: Screen) -> Exit:
    """Print all Runs of the namespace, what goes on first, then the newest end first."""
    where = find_where(environment, chosen)
    runs = visit(where, lambda cluster: cluster.runs())
    live = [run for run in runs if not run.ended]
    ended = sorted(
        (run for run in runs if run.ended), key=lambda run: run.ended_at or 0, reverse=True
    )
    shown = [*live, *ended]
    screen.json([values(run) for run in shown] if screen.as_json else None)
    if not shown:
        screen.note(f'No runs in {where.words}. Start one: claude-sandbox remote "task"')
        return Exit.OK
    now = time.time()
    screen.table(COLUMNS, [row(run, now) for run in shown] if not screen.as_json else [])
    return Exit.OK
