"""The product's own processes: started as people start them, and ended by their ids."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from runs import durable

T = TypeVar("T")

COMMAND = Path(sys.executable).with_name("claude-sandbox")
LIMIT_SECONDS = 180.0
_PAUSE_SECONDS = 0.02


class BotProcess:
    """A `claude-sandbox bot` (or another command) with its output in a file; `end` is safe to repeat."""

    def __init__(
        self,
        variables: Mapping[str, str],
        log: Path,
        command: tuple[str, ...] = (str(COMMAND), "bot"),
    ) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env=dict(variables),
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Return how it ended, negative for a signal; None while it lives."""
        return self._process.poll()

    @property
    def log(self) -> str:
        """Return what it printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def interrupt(self) -> None:
        """Press Ctrl-C: the terminal tells all of the process group."""
        os.killpg(self.pid, signal.SIGINT)

    def end(self) -> None:
        """Kill it as a power cut does; what it started goes on."""
        self._process.kill()
        self._process.wait(LIMIT_SECONDS)

    async def ended(self, seconds: float = LIMIT_SECONDS) -> int:
        """Wait for its end; return the exit code."""
        await until(lambda: self.exit_code is not None, "the process ended", seconds)
        assert self.exit_code is not None
        return self.exit_code


async def until(condition: Callable[[], T | None], what: str, seconds: float = LIMIT_SECONDS) -> T:
    """Wait until a condition has a true value, and return that; `what` is said when it never has."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"never in {seconds:.0f} s: {what}"
        await asyncio.sleep(_PAUSE_SECONDS)
    return found


def end_runs(state: Path) -> None:
    """Kill the programs of all Runs that live below a state folder, and wait until their keepers have ended."""
    end = time.monotonic() + LIMIT_SECONDS
    for folder in (state / "runs").glob("*"):
        while durable.is_held(folder / "lock"):
            with suppress(OSError, ValueError):
                noted = json.loads((folder / "started.json").read_bytes())
                # While the lock is held the number can't have been given to another process.
                os.kill(noted.get("program", noted["keeper"]), signal.SIGKILL)
            assert time.monotonic() < end, f"the run in {folder} doesn't end"
            time.sleep(_PAUSE_SECONDS)
