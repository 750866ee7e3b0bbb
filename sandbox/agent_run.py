"""Running the agent: its environment, its output to the log, its end."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from sandbox.agents import Agent, AgentResult
from sandbox.lines import Lines
from sandbox.log import RAW_LINE_BYTES, Log
from sandbox.process import Command, Ended, Limits, ProgramMissing, run
from sandbox.report import Cause
from sandbox.verdict import AgentEnd

JSON_LINE_BYTES = 1 << 20
"""A longer line of the agent's standard output is left out."""

_TAIL_LINES = 5
_TAIL_CHARACTERS = 300
_UNEXPLAINED = (None, Cause.AGENT_FAILED, Cause.AGENT_SILENT, Cause.AGENT_KILLED)


def run_agent(
    agent: Agent, folder: str, environment: Mapping[str, str], limits: Limits, log: Log
) -> AgentEnd:
    """Run the agent in the clone to its end; when this returns, no process of it is left.

    `environment` is what it may know; it gets that, and what it names itself. A mistake of ours on the way counts as a
    failed agent, so that the work is still delivered.
    """
    output = _Output(agent, log)
    command = Command(agent.command(), folder, {**environment, **agent.environment()})
    try:
        execution = run(command, limits, output.take, output.take_errors)
        output.finish()
        result = agent.result(execution.exit_code)
    except ProgramMissing as missing:
        return AgentEnd(
            AgentResult(False, cause=Cause.AGENT_MISSING, error=str(missing)), Ended.BY_ITSELF
        )
    except Exception:  # the work must not die with a mistake in reading a line
        log.note(traceback.format_exc())
        error = f"a mistake in the sandbox program: {traceback.format_exc().splitlines()[-1]}"
        return AgentEnd(AgentResult(False, cause=Cause.INTERNAL, error=error), Ended.BY_ITSELF)
    finally:
        log.agent_ended()
    return AgentEnd(output.explain(result), execution.ended)


class _Output:
    """Takes what the agent writes, in bounded memory."""

    def __init__(self, agent: Agent, log: Log) -> None:
        self._agent = agent
        self._log = log
        self._lines = Lines(JSON_LINE_BYTES, cut=False)
        self._error_lines = Lines(RAW_LINE_BYTES + 1, cut=True)
        self._last_errors: deque[str] = deque(maxlen=_TAIL_LINES)
        self._told_of_skipped = False

    def take(self, chunk: bytes) -> None:
        """Take a piece of standard output."""
        for line in self._lines.feed(chunk):
            self._read(line)
        if self._lines.skipped and not self._told_of_skipped:
            self._told_of_skipped = True
            self._log.note(
                "a line of the agent's of more than 1 MiB was left out, like all that may follow"
            )
        self._log.flush()

    def take_errors(self, chunk: bytes) -> None:
        """Take a piece of standard error."""
        for line in self._error_lines.feed(chunk):
            self._print_error(line)
        self._log.flush()

    def finish(self) -> None:
        """Take the last lines as they are."""
        for line in self._lines.finish():
            self._read(line)
        for line in self._error_lines.finish():
            self._print_error(line)

    def explain(self, result: AgentResult) -> AgentResult:
        """Add to a failure that the agent doesn't explain what it wrote to standard error."""
        if result.ended_well or result.cause not in _UNEXPLAINED:
            return result
        said = "\n".join(self._last_errors)
        return replace(result, error="\n".join(part for part in (result.error, said) if part))

    def _read(self, line: bytes) -> None:
        for shown in self._agent.read(line):
            for part in shown.splitlines() or [""]:
                self._log.agent(part)

    def _print_error(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        self._log.agent(text)
        if text.strip():
            # Redacted before it is cut: half a secret is not recognized as one.
            self._last_errors.append(self._log.redactor.text(text)[:_TAIL_CHARACTERS])
