"""What is said of a Run on the command line: a row, a JSON object, the result. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from bot.continuation import first_asked
from bot.explain import duration
from bot.markup import Markup, paragraphs, shortened
from bot.messages import ANSWER_ADVICE, HEADLINES, completion
from cli.screen import Column
from runs.outcome import Ending
from runs.run import Run, State

COLUMNS = (
    Column("RUN"),
    Column("STATE"),
    Column("AGE", 2),
    Column("REPO", 1, grows=True),
    Column("BY", 4, grows=True),
    Column("TASK", 3, grows=True),
)
TASK_CHARACTERS = 200


def row(run: Run, now: float) -> tuple[str, ...]:
    """Return the cells of a table of Runs, as COLUMNS has them."""
    return (
        run.id,
        state_words(run),
        about(now - (run.ended_at or run.started_at or run.created_at)),
        run.task.repo_name or run.task.repo_url,
        run.origin.person_name,
        shortened(first_asked(run.task), TASK_CHARACTERS),
    )


def state_words(run: Run) -> str:
    """Return in a few words how a Run stands."""
    if run.outcome is not None:
        return HEADLINES[run.outcome.ending].lower()
    if run.state is State.QUEUED:
        return f"waiting, place {run.place}" if run.place else "waiting"
    if run.cancelled_by:
        return "stopping"
    return "starting" if run.report is None else "running"


def about(seconds: float) -> str:
    """Return a time as kubectl has it, in its largest unit."""
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole}s"
    if whole < 120 * 60:
        return f"{whole // 60}m"
    return f"{whole // 3600}h" if whole < 48 * 3600 else f"{whole // 86400}d"


def values(run: Run) -> dict[str, object]:
    """Return a Run as scripts get it; names are kept, new ones may come. Times are UTC as in RFC 3339."""
    outcome, report = run.outcome, run.report
    found: dict[str, object] = {
        "run": run.id,
        "job": f"claude-{run.id}",
        "state": run.state.value,
        "ending": outcome.ending.value if outcome else None,
        "ended_well": outcome.ended_well if outcome else None,
        "cause": outcome.cause.value if outcome and outcome.cause else None,
        "error": outcome.error if outcome else None,
        "repo": run.task.repo_name,
        "url": run.task.repo_url,
        "ref": run.task.branch,
        "task": first_asked(run.task),
        "by": run.origin.person_name,
        "from": "command line" if run.origin.by_command_line else "chat",
        "created_at": _time(run.created_at),
        "started_at": _time(run.started_at),
        "ended_at": _time(run.ended_at),
        "stopped_by": run.cancelled_by,
        "told": run.told,
    }
    names = ("branch", "pull_request", "pushed", "files", "insertions", "deletions", "cost_usd")
    for name in (*names, "model", "summary", "question"):
        found[name] = getattr(report, name) if report else None
    return found


def result(run: Run, log_tail: str) -> Markup:
    """Return how a Run ended, in the words of the chat, and what one can do next on the command line."""
    told = completion(run, log_tail).mapped(lambda text: for_terminal(text, run))
    if run.outcome is not None and run.outcome.ending in (Ending.FAILED, Ending.NOT_PUSHED):
        return paragraphs(told, f"Once more: claude-sandbox retry {run.id}")
    return told


def launched(run: Run) -> str:
    """Return what is said of a Run that was started."""
    waits = " and waits for its turn" if run.state is State.QUEUED else ""
    branch = f", branch {run.task.branch}" if run.task.branch else ""
    return f"Run {run.id} is there{waits}: {run.task.repo_name}{branch}"


def what_next(run: Run) -> list[tuple[str, str]]:
    """Return what can be said of a Run that goes on, and what that does."""
    return [
        (f"claude-sandbox logs {run.id} -f", "its log as it is printed"),
        ("claude-sandbox jobs", "how it stands, and how it ended"),
        (f"claude-sandbox cancel {run.id}", "stop it and keep its work"),
    ]


def took(run: Run) -> str:
    """Return how long a Run has been going on, or took."""
    return duration((run.ended_at or run.created_at) - (run.started_at or run.created_at))


def for_terminal(text: str, run: Run) -> str:
    """Return what the chat says with the commands of the command line in place of the chat's."""
    text = text.replace(ANSWER_ADVICE, f'Answer it: claude-sandbox retry {run.id} --answer "…"')
    text = text.replace("📎\u00a0Full log", f"claude-sandbox logs {run.id}")
    text = re.sub(r"/logs (\S+) sidecar (\S+)", r"claude-sandbox logs \1 -c \2", text)
    return re.sub(r"(?<!\S)/jobs\b", "claude-sandbox jobs", text)


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
