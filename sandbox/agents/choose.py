"""Which agent does a run use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox.agents import Agent
from sandbox.agents.claude import claude
from sandbox.agents.steps import Redact
from sandbox.agents.stream import StreamAgent
from sandbox.keys import read_keys
from sandbox.redaction import Redactor
from sandbox.task import Assignment


class UnknownAgent(Exception):
    """The assignment names an agent that isn't there; the text lists those that are."""


def choose(
    assignment: Assignment, environment: Mapping[str, str], redact: Redact | None = None
) -> Agent:
    """Make the agent that the assignment names, for one execution.

    `environment` is the whole one of the sandbox program: an agent takes its own key from it. `redact` blackens what
    it tells; None means the secrets of `environment`. Raises UnknownAgent.
    """
    make = _AGENTS.get(assignment.agent)
    if make is None:
        names = ", ".join(sorted(_AGENTS))
        raise UnknownAgent(f"SANDBOX_AGENT is {assignment.agent!r}; there are: {names}")
    return make(assignment, environment, redact or Redactor(read_keys(environment).secrets).text)


def _scripted(assignment: Assignment, environment: Mapping[str, str], redact: Redact) -> Agent:
    """Run the program by its path, isolated: a clone that holds a `sandbox` package can't take its place.

    SANDBOX_SCRIPTED_PACE are the seconds that it takes for a step, for people who watch; none by default.
    """
    program = Path(__file__).with_name("scripted.py")
    pace = environment.get("SANDBOX_SCRIPTED_PACE") or "0"
    command = [sys.executable, "-I", str(program), pace, assignment.task.prompt]
    return StreamAgent(command, {}, redact)


_AGENTS: dict[str, Callable[[Assignment, Mapping[str, str], Redact], Agent]] = {
    "claude": claude,
    "scripted": _scripted,
}
