"""The broker beside a Run on this machine: a child of the keeper, which starts it again when it was killed.

The keys come to the keeper, and go on to the broker, through pipes: nothing of them stands in an environment, which
other processes of the same user could read.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HANDED = "SANDBOX_BROKER_HANDED"
"""The keeper's variable: its descriptors of the keys' pipe and of the socket on which the broker listens."""
FOLDER = "broker"
"""The folder of the broker in that of its Run: its state and its log."""

_ROOT = Path(__file__).resolve().parent.parent
_PROGRAM = (
    "import os, sys; sys.path.append(sys.argv.pop(1)); "
    "from sandbox.broker.__main__ import main; sys.exit(main(sys.argv[1:], os.environ))"
)
_COMMAND = (sys.executable, "-I", "-S", "-c", _PROGRAM, str(_ROOT))
_PAUSE_SECONDS = 1.0
_MAX_STARTS = 30
_UNUSABLE = 2
"""The exit code of settings that no further start would mend."""


@dataclass(slots=True)
class Beside:
    """One broker. `life` is the end of a pipe whose other end the Run's processes hold: with them the broker ends."""

    environment: Mapping[str, str]
    listening: int
    life: int
    keys: bytes = field(repr=False)
    process: int | None = None
    starts: int = 0
    started_at: float = 0.0

    def tend(self) -> float | None:
        """Start the broker if it isn't there; return in how many seconds to look again, None for not before its end."""
        if self.process is not None and not self._ended():
            return None
        if self.starts >= _MAX_STARTS:
            return None
        wait = self.started_at + _PAUSE_SECONDS - time.monotonic()
        if self.starts > 1 and wait > 0:
            return wait
        self._start()
        return None

    def _start(self) -> None:
        self.starts += 1
        self.started_at = time.monotonic()
        folder = Path(FOLDER)
        reader, writer = os.pipe()
        try:
            os.write(writer, self.keys)  # far less than a pipe holds
            folder.mkdir(exist_ok=True, mode=0o700)
            inherited = (self.listening, reader, self.life)
            for descriptor in inherited:
                os.set_inheritable(descriptor, True)
            append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self.process = os.posix_spawn(
                _COMMAND[0],
                [*_COMMAND, *map(str, inherited)],
                {**self.environment, "SANDBOX_BROKER_STATE": str(folder.absolute())},
                file_actions=[(os.POSIX_SPAWN_OPEN, 2, str(folder / "log"), append, 0o600)],
                setpgroup=0,
                setsigdef=[signal.SIGPIPE],
            )
            for descriptor in inherited:
                os.set_inheritable(descriptor, False)
        except OSError:
            self.process = None  # tried again at the next look
        finally:
            os.close(reader)
            os.close(writer)

    def _ended(self) -> bool:
        try:
            ended, status = os.waitpid(self.process or 0, os.WNOHANG)
        except ChildProcessError:
            return True
        if ended and os.waitstatus_to_exitcode(status) == _UNUSABLE:
            self.starts = _MAX_STARTS
        return bool(ended)


def read_keys(descriptor: int) -> bytes:
    """Read the keys from their pipe, and close it."""
    with os.fdopen(descriptor, "rb") as pipe:
        return pipe.read()


def write_keys(keys: Mapping[str, str]) -> int:
    """Return the end of a pipe from which these keys can be read."""
    reader, writer = os.pipe()
    os.write(writer, json.dumps(keys).encode())
    os.close(writer)
    return reader
