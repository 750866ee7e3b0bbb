"""What a Run is, kept on its Job as annotations: built strictly, read tolerantly.

Every annotation exists from the creation on, an empty one as "", so that each later change can be guarded by a test
of its old text (RFC 6902, section 4.6). All texts are ASCII.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from runs import encoding
from runs.outcome import Outcome
from runs.run import Marks, Origin, run_id
from sandbox.numbers import can_be_counted_with
from sandbox.task import Task

_PREFIX = "claude-sandbox/"
ASKED = _PREFIX + "asked"
"""Key, Task, Origin and time; written once."""
MARKS = _PREFIX + "marks"
"""The bot's marks with a counter; its text is the Run's version."""
ADMITTED = _PREFIX + "admitted"
"""When the Run got its place, in seconds since 1970. From here on it is never started (again) by us."""
CANCELLED = _PREFIX + "cancelled"
"""Who asked to stop, and when."""
END = _PREFIX + "end"
"""The Outcome. Written once, so that what happens to the Pod later changes nothing."""

ALL = (ASKED, MARKS, ADMITTED, CANCELLED, END)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, and when by the clock of who asked."""

    key: str
    task: Task
    origin: Origin
    at: float


@dataclass(frozen=True, slots=True)
class End:
    """How a Run ended, and when it had started, if it had."""

    outcome: Outcome
    at: float
    started_at: float | None = None


def initial(asked: Asked, *, admitted: bool) -> dict[str, str]:
    """Return the annotations of a new Job."""
    values = {
        "key": asked.key,
        "task": encoding.task_values(asked.task),
        "origin": encoding.origin_values(asked.origin),
        "at": asked.at,
    }
    return {
        ASKED: _dump(values),
        MARKS: marks_text(Marks(), previous=""),
        ADMITTED: repr(asked.at) if admitted else "",
        CANCELLED: "",
        END: "",
    }


def read_asked(found: Mapping[str, str], id_of_run: str) -> Asked | None:
    """Read what was asked; None when that isn't the Run with this id."""
    values = _load(found.get(ASKED, ""))
    task = encoding.read_task(values.get("task"))
    origin = encoding.read_origin(values.get("origin"))
    key, at = values.get("key"), values.get("at")
    if task is None or origin is None or not isinstance(key, str) or run_id(key) != id_of_run:
        return None
    return Asked(key, task, origin, _seconds(at) or 0.0)


def marks_text(marks: Marks, *, previous: str) -> str:
    """Return the text of new marks, which never equals the previous one."""
    return _dump({**encoding.marks_values(marks), "version": count(previous) + 1})


def count(text: str) -> int:
    """Return how often marks were written until this text of them; -1 for nonsense."""
    version = _load(text).get("version")
    return version if isinstance(version, int) else -1


def read_marks(found: Mapping[str, str]) -> Marks:
    """Read the marks; nonsense isn't set."""
    return encoding.read_marks(_load(found.get(MARKS, "")))


def told_text(text: str, told_at: float) -> str:
    """Return the text of marks with the told mark set."""
    marks = encoding.read_marks(_load(text))
    return marks_text(replace(marks, told_at=told_at), previous=text)


def read_admitted(found: Mapping[str, str]) -> float | None:
    """Read when the Run got its place; anything at all means that it did."""
    text = found.get(ADMITTED, "")
    if not text:
        return None
    try:
        return _seconds(float(text)) or 0.0
    except ValueError:
        return 0.0


def cancelled_text(by: str, at: float) -> str:
    """Return the text that says who wants a Run to stop."""
    return _dump({"by": by, "at": at})


def read_cancelled(found: Mapping[str, str]) -> str | None:
    """Read who wants the Run to stop."""
    text = found.get(CANCELLED, "")
    if not text:
        return None
    by = _load(text).get("by")
    return by if isinstance(by, str) and by else "?"


def end_text(end: End) -> str:
    """Return the text of an Outcome."""
    return _dump(
        {
            "outcome": encoding.outcome_values(end.outcome),
            "at": end.at,
            "started_at": end.started_at,
        }
    )


def read_end(found: Mapping[str, str]) -> End | None:
    """Read the Outcome; None while there is none, or when it is nonsense: then the Run is judged anew."""
    values = _load(found.get(END, ""))
    outcome = encoding.read_outcome(values.get("outcome"))
    at = _seconds(values.get("at"))
    if outcome is None or at is None:
        return None
    return End(outcome, at, _seconds(values.get("started_at")))


def _seconds(value: object) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return float(value) if can_be_counted_with(value) else None


def _dump(values: object) -> str:
    return json.dumps(values, separators=(",", ":"))


def _load(text: str) -> encoding.Values:
    found = encoding.load(text.encode("utf-8", "replace"))
    return found if isinstance(found, dict) else {}
