"""Runs and their parts as JSON values: built strictly, read tolerantly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from enum import Enum
from typing import Any, TypeAlias, TypeVar

from runs.outcome import Ending, Exit, Outcome, Seen
from runs.run import Marks, Origin, Run, State
from sandbox import report as reports
from sandbox.numbers import can_be_counted_with
from sandbox.report import Cause, Report
from sandbox.task import RepoStack, Task

Values: TypeAlias = dict[str, Any]
_Member = TypeVar("_Member", bound=Enum)


def task_values(task: Task) -> Values:
    """Return a Task as JSON values."""
    return asdict(task)


def read_task(found: object) -> Task | None:
    """Read a Task; None when the repo or the prompt is missing."""
    values = _typed(found, _TASK)
    if "repo_url" not in values or "prompt" not in values:
        return None
    if isinstance(values.get("services"), list):
        values["services"] = tuple(str(name) for name in values["services"])
    values["variables"] = tuple(
        (pair[0], pair[1])
        for pair in values.get("variables", ())
        if isinstance(pair, list | tuple)
        and len(pair) == 2
        and all(isinstance(x, str) for x in pair)
    )
    if "stack" in values:
        values["stack"] = _read_stack(values["stack"])
    return Task(**values)


def _read_stack(found: Values) -> RepoStack:
    values = _typed(found, _STACK)
    for name in ("chosen", "notes"):
        values[name] = tuple(str(each) for each in values.get(name, ()))
    return RepoStack(**values)


def origin_values(origin: Origin) -> Values:
    """Return an Origin as JSON values."""
    return asdict(origin)


def read_origin(found: object) -> Origin | None:
    """Read an Origin; None when one of its three ids is missing."""
    values = _typed(found, _ORIGIN)
    if not {"chat_id", "message_id", "person_id"} <= values.keys():
        return None
    return Origin(**values)


def marks_values(marks: Marks) -> Values:
    """Return Marks as JSON values."""
    return asdict(marks)


def read_marks(found: object) -> Marks:
    """Read Marks; what is missing isn't set."""
    return Marks(**_typed(found, _MARKS))


def run_values(run: Run) -> Values:
    """Return a Run with all its parts as JSON values."""
    return {
        **{name: getattr(run, name) for name in _RUN},
        "state": run.state.value,
        "task": task_values(run.task),
        "origin": origin_values(run.origin),
        "marks": marks_values(run.marks),
        "report": _report_values(run.report),
        "outcome": None if run.outcome is None else outcome_values(run.outcome),
    }


def read_run(found: object) -> Run | None:
    """Read a Run; None when it lacks what makes a Run: ids, Task, Origin, the time it was made, its state."""
    values = _typed(found, _RUN)
    if not isinstance(found, dict) or not {"id", "key", "created_at"} <= values.keys():
        return None
    task, origin = read_task(found.get("task")), read_origin(found.get("origin"))
    outcome = read_outcome(found.get("outcome"))
    state = _member(State, found.get("state"))
    if task is None or origin is None or state is None:
        return None
    if (state is State.ENDED) is not (outcome is not None):
        return None
    parts: Values = {
        "task": task,
        "origin": origin,
        "state": state,
        "outcome": outcome,
        "report": _read_report(found.get("report")),
        "marks": read_marks(found.get("marks")),
    }
    return Run(**{"version": "0", **values, **parts})


def outcome_values(outcome: Outcome) -> Values:
    """Return an Outcome as JSON values."""
    return {
        "ending": outcome.ending.value,
        "cause": None if outcome.cause is None else outcome.cause.value,
        "error": outcome.error,
        "exit": None if outcome.exit is None else asdict(outcome.exit),
        "remark": outcome.remark,
        "report": _report_values(outcome.report),
    }


def read_outcome(found: object) -> Outcome | None:
    """Read an Outcome; None when it doesn't say how the Run ended."""
    if not isinstance(found, dict):
        return None
    ending = _member(Ending, found.get("ending"))
    if ending is None:
        return None
    cause = _member(Cause, found.get("cause")) or _member(Seen, found.get("cause"))
    if cause is None and found.get("cause") is not None:
        cause = Cause.INTERNAL
    ended = found.get("exit")
    codes = _typed(ended, {"code": int, "signal": int})
    texts = _typed(found, {"error": str, "remark": str})
    return Outcome(
        ending,
        _read_report(found.get("report")),
        cause,
        texts.get("error"),
        Exit(codes.get("code"), codes.get("signal")) if isinstance(ended, dict) else None,
        texts.get("remark"),
    )


def dump(values: Values) -> bytes:
    """Return JSON text that keeps every string, lone surrogates too."""
    return json.dumps(values, indent=1).encode("ascii")


def load(data: bytes) -> object:
    """Read JSON text; None when it isn't JSON."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


_NUMBER = (int, float)
_TASK: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("repo_url", "prompt", "repo_name", "branch", "model", "setup"), str),
    **dict.fromkeys(("memory", "cpu", "image", "base", "trusted_base"), str),
    "timeout_seconds": int,
    "budget_usd": _NUMBER,
    "pull_request": bool,
    "trusts_branch": bool,
    "services": list,
    "variables": list,
    "stack": dict,
}
_STACK: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("language", "version", "requirement"), str),
    **dict.fromkeys(("chosen", "notes"), list),
}
_ORIGIN: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("chat_id", "message_id", "person_id", "thread_id"), int),
    "person_name": str,
    "private": bool,
}
_MARKS: Mapping[str, type | tuple[type, ...]] = {
    "card_id": int,
    "card_closed": bool,
    "home_told": bool,
    "claimed_at": _NUMBER,
    "told_at": _NUMBER,
}
_RUN: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("id", "key", "version", "cancelled_by"), str),
    **dict.fromkeys(("created_at", "started_at", "ended_at"), _NUMBER),
    "place": int,
}


def _typed(found: object, kinds: Mapping[str, type | tuple[type, ...]]) -> Values:
    """Keep the known keys whose values have the right type."""
    if not isinstance(found, dict):
        return {}
    return {
        name: found[name]
        for name, kind in kinds.items()
        if isinstance(found.get(name), kind)
        and (kind is bool or not isinstance(found[name], bool))
        and can_be_counted_with(found[name])
    }


def _report_values(report: Report | None) -> object:
    return None if report is None else load(reports.encode(report))


def _read_report(found: object) -> Report | None:
    return reports.decode(json.dumps(found).encode()) if isinstance(found, dict) else None


def _member(kind: type[_Member], value: object) -> _Member | None:
    return next((member for member in kind if member.value == value), None)
