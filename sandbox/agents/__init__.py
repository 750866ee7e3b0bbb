"""The agents behind one small interface: a command to run, its output read line by line, and what it came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sandbox.report import Cause


@dataclass(frozen=True, slots=True)
class AgentResult:
    """How the agent ended, by its own words and its exit. Fields are those of `sandbox.report.Report`."""

    ended_well: bool
    summary: str = ""
    cause: Cause | None = None
    error: str | None = None
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    turns: int | None = None
    model: str | None = None
    session_id: str | None = None
    denied: tuple[str, ...] = ()


class Agent(Protocol):
    """One execution of a coding agent. Makes no process itself: `sandbox.process` does."""

    def command(self) -> list[str]:
        """Return the argument list to start, the program first."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Return variables to set for the agent only, beside the scrubbed environment."""
        ...

    def read(self, line: bytes) -> list[str]:
        """Take one line of the agent's standard output; return the lines to print for people, mostly none or one."""
        ...

    def result(self, exit_code: int) -> AgentResult:
        """Judge the execution after its process has ended; `exit_code` is negative for a signal, as in subprocess."""
        ...
