"""The buttons under messages that tell of a Run; `bot.router.BUTTONS` says what each does."""

from __future__ import annotations

from bot.config import RunLimits
from bot.remedy import GO_ON, USUAL_LIMITS, changed, remedy, with_change
from bot.speaker import Button
from runs.run import Run

Keyboard = tuple[tuple[Button, ...], ...]


def card_buttons(run: Run) -> Keyboard:
    """Return what can be done with a Run under way, nothing with one that ended."""
    if run.ended:
        return ()
    logs = Button("📄 Logs", f"logs:{run.id}")
    if run.cancelled_by is not None:
        return ((logs,),)
    return ((Button("⏹ Stop", f"stop:{run.id}"), logs),)


def page_buttons(verb: str, page: int, last: int) -> Keyboard:
    """Return what turns to the pages before and behind, nothing where all is on one."""
    row = page_row(verb, page, last)
    return (row,) if row else ()


def page_row(verb: str, page: int, last: int, *between: Button) -> tuple[Button, ...]:
    """Return a row that turns to the pages before and behind, with other buttons between."""
    before = (Button("◀", f"{verb}:{page - 1}"),) if page > 1 else ()
    behind = (Button("▶", f"{verb}:{page + 1}"),) if page < last else ()
    return (*before, *between, *behind)


def end_buttons(
    run: Run, ignored: frozenset[str] = frozenset(), limits: RunLimits = USUAL_LIMITS
) -> Keyboard:
    """Return what can be done with a Run that ended: one that didn't end well can be tried again, as it was or changed, or
    go on from what it pushed.

    `ignored` are the fields of a Task that the Backend can't apply, `limits` the most that another try may have.
    """
    logs = Button("📄 Logs", f"logs:{run.id}")
    if run.outcome is None or run.outcome.ended_well:
        return ((logs,),)
    # Always the first attempt: pressed twice, also by two people, it meets the one new Run.
    again = [Button("🔁 Retry", f"retry:{run.id}:1")]
    change = remedy(run.outcome, run.task, ignored, limits)
    task = changed(run.task, change, limits=limits) if change else None
    if change is not None and task is not None:
        label = f"🔁 {with_change(task, change)}"
        again.append(Button(label, f"retry:{run.id}:1:{change.value}"))
    report = run.outcome.report
    rows = [tuple(again), (logs, Button("📎 Full log", f"file:{run.id}"))]
    if report is not None and report.pushed and report.branch:
        rows.insert(1, (Button("▶ Go on from there", f"retry:{run.id}:1:{GO_ON}"),))
    return tuple(rows)
