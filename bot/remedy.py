"""What another try may change, by why a Run failed: the table behind the buttons of a failure. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from enum import Enum

from bot.config import RunLimits
from bot.quantity import amount
from runs.outcome import Outcome, Seen
from sandbox.report import Cause
from sandbox.task import USUAL_MEMORY, Task

USUAL_LIMITS = RunLimits()


class Change(Enum):
    """What another try does otherwise; the value stands in a button's data and in the Run's key."""

    MEMORY = "memory"
    TIME = "time"
    IMAGE = "image"


GO_ON = "on"
"""The word for another try that begins where the Run stopped, in a button's data and in the Run's key."""

REMEDIES: dict[Cause | Seen, Change] = {
    Seen.OUT_OF_MEMORY: Change.MEMORY,
    Cause.AGENT_KILLED: Change.MEMORY,
    Cause.DEADLINE: Change.TIME,
    Seen.DEADLINE_BY_CLUSTER: Change.TIME,
    Cause.CLONE_TIMEOUT: Change.TIME,
    Seen.IMAGE_PULL: Change.IMAGE,
    Seen.IMAGE_NAME: Change.IMAGE,
    Seen.IMAGE_REFUSED: Change.IMAGE,
    Seen.ENTRYPOINT_MISSING: Change.IMAGE,
    Seen.EXEC_FORMAT: Change.IMAGE,
    Cause.TOOLS_MISSING: Change.IMAGE,
}
"""What helps against a cause. An agent that was killed mostly was so for the memory that its commands took."""

_FIELDS = {Change.MEMORY: "memory", Change.TIME: "timeout_seconds", Change.IMAGE: "image"}


def remedy(
    outcome: Outcome, task: Task, ignored: frozenset[str], limits: RunLimits = USUAL_LIMITS
) -> Change | None:
    """Return what another try should change, None where nothing is known to help, or no more of it is to be had.

    `ignored` are the fields of a Task that the Backend can't apply.
    """
    change = REMEDIES.get(outcome.cause) if outcome.cause else None
    if change is None or _FIELDS[change] in ignored:
        return None
    if changed(task, change, limits=limits) is None:
        return None
    return change


def changed(
    task: Task,
    change: Change,
    usual_image: str | None = None,
    limits: RunLimits = USUAL_LIMITS,
) -> Task | None:
    """Return the Task with the change; None when it can't be changed any further.

    Memory and time are doubled, up to what a person may ask for. `usual_image` is what the config names for the repo; where
    that is the one that failed, or none, it is the Backend's own.
    """
    if change is Change.IMAGE:
        other = usual_image if usual_image != task.image else None
        return None if task.image is None else replace(task, image=other)
    if change is Change.TIME:
        seconds = min(2 * task.timeout_seconds, limits.timeout_seconds)
        return replace(task, timeout_seconds=seconds) if seconds > task.timeout_seconds else None
    now = _mebibytes(task.memory or USUAL_MEMORY)
    then = min(2 * now, int(amount(limits.memory) / (1 << 20)))
    return replace(task, memory=_quantity(then)) if 0 < now < then else None


def with_change(task: Task, change: Change) -> str:
    """Return what a changed Task has otherwise, short enough for a button: "with 8 GiB"."""
    if change is Change.IMAGE:
        return "usual image"
    if change is Change.TIME:
        return f"with {_short(task.timeout_seconds)}"
    return "with " + re.sub("([GM])i$", r" \1iB", task.memory or USUAL_MEMORY)


def _short(seconds: int) -> str:
    """Return a time in one unit, since a button on a phone has room for few letters: "2 h", "90 min"."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _mebibytes(quantity: str) -> int:
    """Read a quantity as `bot.options.read_memory` writes it; 0 for another one, which nobody can double here."""
    match = re.fullmatch("([0-9]{1,9})([GM])i", quantity)
    return 0 if match is None else int(match[1]) * (1024 if match[2] == "G" else 1)


def _quantity(mebibytes: int) -> str:
    return f"{mebibytes // 1024}Gi" if mebibytes % 1024 == 0 else f"{mebibytes}Mi"
