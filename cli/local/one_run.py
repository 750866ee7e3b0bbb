"""What the two ways of a run on this machine share: what was asked, by which settings, and where its lines go."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from bot.config import Config
from bot.settings import Settings
from cli.exits import Failure
from cli.local.pod import Stopping
from cli.screen import Screen
from runs.outcome import Outcome
from runs.run import Origin, Run, State, run_id
from sandbox.redaction import Redactor
from sandbox.task import Task

_TAIL_LINES = 400
"""So many lines are looked through for what proves a failure."""


@dataclass(frozen=True, slots=True)
class OneRun:
    """A Run that a person waits for in a terminal."""

    key: str
    task: Task
    origin: Origin
    settings: Settings
    config: Config
    environment: Mapping[str, str] = field(repr=False)

    @property
    def id(self) -> str:
        """Return the Run's id."""
        return run_id(self.key)

    def begun(self, started_at: float) -> Run:
        """Return the Run as it begins."""
        return Run(
            id=self.id,
            key=self.key,
            task=self.task,
            origin=self.origin,
            state=State.RUNNING,
            created_at=started_at,
            version="",
            started_at=started_at,
        )

    def ended(self, outcome: Outcome, started_at: float, ended_at: float) -> Run:
        """Return the Run as it ended."""
        return replace(
            self.begun(started_at),
            state=State.ENDED,
            ended_at=ended_at,
            report=outcome.report,
            outcome=outcome,
        )


class Lines:
    """Shows the lines of a run as they come, without secrets, and keeps the last of them.

    `unread` is why nobody reads them any more: the pipe is closed, the terminal gone, the disk full.
    """

    def __init__(self, screen: Screen, redactor: Redactor, keep: Callable[[str], None]) -> None:
        self.screen = screen
        self.stopping = Stopping()
        self.unread: OSError | Failure | None = None
        self._redactor = redactor
        self._keep = keep
        self._last: deque[str] = deque(maxlen=_TAIL_LINES)

    def show(self, line: str) -> None:
        """Show a line: beside the answer where that is JSON. Where nobody reads it, the run is to push what it has and end."""
        line = self._redactor.text(line)
        self._last.append(line)
        self._keep(line)
        if self.unread is not None:
            return
        try:
            if self.screen.as_json:
                self.screen.note(line)
            else:
                self.screen.say(line)
        except (OSError, Failure) as error:
            self.unread = error
            if not self.stopping.asked.is_set():
                self.stopping.ask()

    @property
    def tail(self) -> str:
        """Return the last lines."""
        return "\n".join(self._last)
