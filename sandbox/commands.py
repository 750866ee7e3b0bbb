"""Running a command of the repository: its output to the log, within bounds, and the lines that prove a failure."""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.lines import Lines
from sandbox.log import RAW_LINE_BYTES, Log
from sandbox.process import Command, Ended, Limits, ProgramMissing, run
from sandbox.proof import proving_lines

LIVE_BYTES = 512 << 10
"""So much of one command's output is printed as it comes: the rest of the log is the agent's."""
_TAIL_LINES = 400
_SHOWN_LATE = 40
_PROVING_LINES = 6


@dataclass(frozen=True, slots=True)
class Did:
    """How a command ended. `why` are the lines that prove a failure, redacted."""

    command: str
    ended: Ended
    exit_code: int
    why: str = ""

    @property
    def well(self) -> bool:
        """Say whether it did what it was to do."""
        return self.ended is Ended.BY_ITSELF and self.exit_code == 0

    @property
    def words(self) -> str:
        """Say how it failed, and what proves it."""
        if self.ended is Ended.DEADLINE:
            how = f"{self.command} took too long and was ended"
        elif self.ended is Ended.STOPPED:
            how = f"{self.command} was stopped from outside"
        elif self.exit_code < 0:
            how = f"{self.command} was killed by signal {-self.exit_code}"
        else:
            how = f"{self.command} failed (exit code {self.exit_code})"
        return f"{how}\n{self.why}".rstrip()


def perform(command: Command, limits: Limits, log: Log) -> Did:
    """Run a command to its end. A program that isn't there is a failure like any other."""
    shown = shown_command(command.arguments)
    log.note(f"$ {shown}")
    output = _Output(log)
    try:
        execution = run(command, limits, output.take, output.take)
    except ProgramMissing as missing:
        return Did(shown, Ended.BY_ITSELF, 127, log.redactor.text(str(missing)))
    output.finish()
    well = execution.ended is Ended.BY_ITSELF and execution.exit_code == 0
    return Did(shown, execution.ended, execution.exit_code, "" if well else output.why())


def shown_command(arguments: Sequence[str]) -> str:
    """Return a command as people read it."""
    shown = shlex.join(arguments).replace("\n", "; ")
    return shown if len(shown) <= 120 else shown[:119] + "…"


class _Output:
    def __init__(self, log: Log) -> None:
        self._log = log
        self._lines = Lines(RAW_LINE_BYTES + 1, cut=True)
        self._left = LIVE_BYTES
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._late: deque[str] = deque(maxlen=_SHOWN_LATE)

    def take(self, chunk: bytes) -> None:
        for line in self._lines.feed(chunk):
            self._print(line)
        self._log.flush()

    def finish(self) -> None:
        for line in self._lines.finish():
            self._print(line)
        if self._late:
            self._log.note("… what it printed between is left out here")
            for text in self._late:
                self._log.agent(text)
        self._log.flush()

    def why(self) -> str:
        text = self._log.redactor.text("\n".join(self._tail))
        return "\n".join(proving_lines(text, most=_PROVING_LINES))

    def _print(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        self._tail.append(text)
        self._left -= len(line)
        if self._left > 0:
            self._log.agent(text)
        else:
            self._late.append(text)
