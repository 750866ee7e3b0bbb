"""Something small in the place of Claude Code, that notes when it was started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = """#!/bin/sh
for task; do :; done
: > "{marks}/$task"
case $task in line*) head -c 52428800 /dev/zero | tr '\\0' x; echo;; esac
echo '{{"type":"result","subtype":"success","is_error":false,"result":"Done.","num_turns":1,"total_cost_usd":0}}'
"""


@dataclass(frozen=True, slots=True)
class StandIn:
    """A program `claude` in a folder of its own. A task is one word: the name of the mark that it makes.

    It changes nothing, and ends well. A task that begins with "line" prints a line of 50 MiB first.
    """

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> StandIn:
        """Make it below a folder that doesn't exist."""
        (folder / "marks").mkdir(parents=True)
        program = folder / "claude"
        program.write_text(_SCRIPT.format(marks=folder / "marks"))
        program.chmod(0o755)
        return cls(folder)

    def variables(self) -> dict[str, str]:
        """Return what makes the bot use it."""
        path = os.pathsep.join((str(self.folder), os.environ.get("PATH", os.defpath)))
        return {"PATH": path, "SANDBOX_AGENT": "claude"}

    def started_at(self, task: str) -> float | None:
        """Return when it was started for a task, in seconds since 1970; None if it wasn't yet.

        To a few milliseconds, and after its shell has started: too late rather than too early.
        """
        try:
            return (self.folder / "marks" / task).stat().st_mtime
        except FileNotFoundError:
            return None

    def count(self) -> int:
        """Return how many tasks it was started for."""
        return sum(1 for _ in (self.folder / "marks").iterdir())
