"""A Stack as JSON values: between processes, and for people's scripts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from runs.stacks.stack import Reason, Stack, Wanted


def stack_values(stack: Stack) -> dict[str, Any]:
    """Return a Stack as JSON values."""
    return asdict(stack)


def read_stack(values: dict[str, Any]) -> Stack:
    """Read what `stack_values` returned."""
    return Stack(
        values["language"],
        values["version"],
        tuple(Wanted(**wanted) for wanted in values["services"]),
        tuple(Reason(**reason) for reason in values["reasons"]),
        values["requirement"],
    )
