"""The real sandbox program with an agent that is a shell script: run as a program by `tests.sandbox.running`.

The script is $AGENT_SCRIPT. It ends well when it exits with 0; its last line of output is its summary.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from sandbox.__main__ import main
from sandbox.agents import AgentResult
from sandbox.task import Assignment


class ShellAgent:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._script = environment["AGENT_SCRIPT"]
        self._model = {
            name: environment[name] for name in environment if name.startswith("ANTHROPIC_")
        }
        self._last = ""

    def command(self) -> list[str]:
        return ["sh", "-c", self._script]

    def environment(self) -> Mapping[str, str]:
        return self._model

    def read(self, line: bytes) -> list[str]:
        self._last = line.decode("utf-8", "replace")
        return [self._last]

    def result(self, exit_code: int) -> AgentResult:
        return AgentResult(exit_code == 0, summary=self._last)


def choose(_assignment: Assignment, environment: Mapping[str, str], _redact: object) -> ShellAgent:
    return ShellAgent(environment)


if __name__ == "__main__":
    sys.exit(main(os.environ, choose, grace_seconds=float(os.environ.get("GRACE", "10"))))
