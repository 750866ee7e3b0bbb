"""A person at a terminal: reads what a program asks, and types."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 240.0


class Terminal:
    """A command in a terminal of its own; `seen` is all that it has shown, with what was typed where that shows."""

    def __init__(self, words: list[str], environment: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cli", *words],
            cwd=ROOT,
            env={**environment, "TERM": "xterm", "COLUMNS": "120"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self.seen = ""
        self._read_to = 0

    def answer(self, question: str, line: str) -> None:
        """Wait for a question, and type a line."""
        self.wait_for(question)
        os.write(self._master, f"{line}\n".encode())

    def answer_unseen(self, question: str, line: str) -> None:
        """Wait for a question whose answer isn't shown, and type a line once the terminal shows none."""
        self.wait_for(question)
        deadline = time.monotonic() + LIMIT_SECONDS
        while termios.tcgetattr(self._master)[3] & termios.ECHO:
            assert time.monotonic() < deadline, f"what is typed would be shown:\n{self.seen}"
            time.sleep(0.01)
        os.write(self._master, f"{line}\n".encode())

    def wait_for(self, words: str) -> None:
        """Wait until something new shows. Raises AssertionError with all that was shown."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while words not in self.seen[self._read_to :]:
            assert time.monotonic() < deadline, f"{words!r} never came:\n{self.seen}"
            assert self._read(), f"it ended before {words!r}:\n{self.seen}"
        self._read_to = self.seen.index(words, self._read_to) + len(words)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(2)

    def end(self) -> int:
        """Wait for the end; return the exit code."""
        while self._read():
            pass
        os.close(self._master)
        return self._process.wait(LIMIT_SECONDS)

    def _read(self) -> bool:
        if not select.select([self._master], [], [], LIMIT_SECONDS)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # how a terminal says that nobody is left
            return False
        self.seen += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)
