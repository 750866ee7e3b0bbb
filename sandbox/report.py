"""The way out: the Report that a sandbox writes about itself, at most 3 KB of JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any

from sandbox.numbers import can_be_counted_with

MAX_BYTES = 3072
"""Kubernetes keeps 4,096 bytes of a container's termination message; the rest is left to foreign writers."""


class Phase(str, Enum):
    """How far a run came, in this order. Those between clone and agent are for repositories that need them."""

    ENVIRONMENT = "environment"
    CLONE = "clone"
    SECRETS = "secrets"
    SERVICES = "services"
    DEPENDENCIES = "dependencies"
    SETUP = "setup"
    AGENT = "agent"
    DELIVER = "deliver"
    DONE = "done"


class Verdict(str, Enum):
    """What became of the work. UNFINISHED stands in provisional Reports only.

    FAILED may still have pushed: `pushed` and `branch` then name the unfinished work.
    """

    UNFINISHED = "unfinished"
    PUSHED = "pushed"
    NOTHING_CHANGED = "nothing-changed"
    NOT_PUSHED = "not-pushed"
    FAILED = "failed"


class Cause(str, Enum):
    """Why a run failed, as far as the sandbox program can tell."""

    BAD_ENVIRONMENT = "bad-environment"
    TOOLS_MISSING = "tools-missing"
    UNPROTECTED = "unprotected"
    BROKER = "broker"
    CLONE_AUTH = "clone-auth"
    CLONE_NOT_FOUND = "clone-not-found"
    CLONE_BRANCH = "clone-branch"
    CLONE_NETWORK = "clone-network"
    CLONE_TIMEOUT = "clone-timeout"
    CLONE_FAILED = "clone-failed"
    DECRYPT_FAILED = "decrypt-failed"
    SERVICE_UNREACHABLE = "service-unreachable"
    SETUP_FAILED = "setup-failed"
    AGENT_MISSING = "agent-missing"
    AGENT_FAILED = "agent-failed"
    AGENT_SILENT = "agent-silent"
    AGENT_KILLED = "agent-killed"
    AGENT_HANGS = "agent-hangs"
    LOGIN = "login"
    LOGIN_EXPIRED = "login-expired"
    API_AUTH = "api-auth"
    API_FORBIDDEN = "api-forbidden"
    API_NOT_FOUND = "api-not-found"
    API_RATE_LIMIT = "api-rate-limit"
    API_OVERLOADED = "api-overloaded"
    API_ERROR = "api-error"
    BUDGET = "budget"
    TURNS = "turns"
    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    PUSH_AUTH = "push-auth"
    PUSH_REFUSED = "push-refused"
    PUSH_FAILED = "push-failed"
    DISK_FULL = "disk-full"
    READ_ONLY = "read-only"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Report:
    """What the sandbox says about itself.

    Until the end, `verdict` is UNFINISHED and the rest is what is known so far. `summary` is the agent's own last
    words. `branch` is the branch that was pushed, `base` the one it started from, `files`, `insertions` and
    `deletions` are counted against `base`. `cost_usd` and tokens are what the broker
    measured, or without one what the agent claims. `denied` lists tools that were
    refused to the agent. `cause` and `error` (at most a few hundred characters, redacted) stand on a Report whose
    verdict is FAILED or NOT_PUSHED; `pull_request_error` alone never makes a run fail. `agent_ended_well` says
    whether the agent itself reported success. `remark` is what people should know, however it ended. `question` is what
    the agent asks at the end of its last words: it waits for an answer, whether it pushed something or changed nothing.
    `cache` says whether the dependencies came from it: "hit", "miss" or "part", None where there is none;
    `dependency_seconds` is how long they took, `phase_seconds` how long each phase that is over.
    """

    run_id: str
    phase: Phase
    verdict: Verdict = Verdict.UNFINISHED
    summary: str = ""
    branch: str | None = None
    base: str | None = None
    commits: int = 0
    pushed: bool = False
    pull_request: str | None = None
    pull_request_error: str | None = None
    files: int = 0
    insertions: int = 0
    deletions: int = 0
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    turns: int | None = None
    model: str | None = None
    session_id: str | None = None
    denied: tuple[str, ...] = ()
    agent_ended_well: bool = False
    remark: str | None = None
    question: str | None = None
    cache: str | None = None
    dependency_seconds: float | None = None
    phase_seconds: tuple[tuple[Phase, float], ...] = ()
    cause: Cause | None = None
    error: str | None = None
    version: int = 1


def encode(report: Report) -> bytes:
    """Return the Report as JSON of at most MAX_BYTES; the summary, then the error, is cut to fit."""
    for limit in (2000, 1200, 600, 300, 100, 0):
        cut = replace(
            report,
            summary=_cut(report.summary, limit),
            error=None if report.error is None else _cut(report.error, max(limit, 100)),
            pull_request_error=None
            if report.pull_request_error is None
            else _cut(report.pull_request_error, min(limit, 200)),
            remark=None if report.remark is None else _cut(report.remark, 300),
            question=None
            if report.question is None
            else _cut(report.question, 700 if limit else 200),
            denied=tuple(_cut(name, 60) for name in report.denied[: 2 + limit // 100]),
        )
        data = _dump(cut)
        if len(data) <= MAX_BYTES:
            return data
    return _dump(Report(report.run_id[:60], report.phase, report.verdict, cause=report.cause))


def decode(data: bytes) -> Report | None:
    """Read a Report tolerantly: None when it isn't one; unknown keys and values of a wrong type are left out."""
    try:
        found = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    if (
        not isinstance(found, dict)
        or not isinstance(found.get("run_id"), str)
        or not found["run_id"]
    ):
        return None
    try:
        phase = Phase(found.get("phase"))
        verdict = Verdict(found.get("verdict"))
    except ValueError:
        return None
    values: dict[str, Any] = {"run_id": found["run_id"], "phase": phase, "verdict": verdict}
    for name, kind in _KINDS.items():
        value = found.get(name)
        typed = isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)
        if typed and can_be_counted_with(value):
            values[name] = value
    values["denied"] = tuple(str(name) for name in _list(found.get("denied"))[:20])
    values["phase_seconds"] = _phase_seconds(found.get("phase_seconds"))
    if isinstance(found.get("cause"), str):
        try:
            values["cause"] = Cause(found["cause"])
        except ValueError:
            values["cause"] = Cause.INTERNAL
    return Report(**values)


_KINDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("summary", "branch", "base", "pull_request", "pull_request_error"), str),
    **dict.fromkeys(("model", "session_id", "error", "remark", "question", "cache"), str),
    **dict.fromkeys(("commits", "files", "insertions", "deletions", "turns", "version"), int),
    **dict.fromkeys(("input_tokens", "output_tokens"), int),
    **dict.fromkeys(("pushed", "agent_ended_well"), bool),
    **dict.fromkeys(("cost_usd", "dependency_seconds"), (int, float)),
}


def _dump(report: Report) -> bytes:
    values: dict[str, Any] = {}
    for field in fields(report):
        value = getattr(report, field.name)
        if value is None or value == () or value == "":
            continue
        values[field.name] = value.value if isinstance(value, Enum) else value
    if report.phase_seconds:
        values["phase_seconds"] = {phase.value: seconds for phase, seconds in report.phase_seconds}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _phase_seconds(found: object) -> tuple[tuple[Phase, float], ...]:
    """Read what is a phase and a time; whoever wrote the Report may have written anything."""
    seconds = found if isinstance(found, dict) else {}
    return tuple(
        (phase, float(seconds[phase.value]))
        for phase in Phase
        if _is_number(seconds.get(phase.value)) and can_be_counted_with(seconds[phase.value])
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
