"""The gate: nothing of the repository runs before the network policies have taken hold.

They do so about a second after a Pod's start. SANDBOX_GATE names an address that they refuse, the API server's: once
it is refused, they hold. As a program, `python3 -I gate.py ADDRESS PORT SECONDS` exits with REFUSED when it is refused in
time.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

PROBE_SECONDS = 1.0
"""An address that doesn't answer for so long is taken as refused: many policies drop what they don't allow."""
PAUSE_SECONDS = 0.2
REFUSED = 10
"""Not 0, which the exit of a process counts as that somebody else took."""
_IN_A_ROW = 2
"""A server that is just being restarted refuses too."""


class GateMode(Enum):
    """What a run does when no policy took hold in time: it goes on and says so, or it fails. OFF waits for none."""

    OFF = "off"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Gate:
    """Which address must be refused within how many seconds."""

    address: str
    port: int
    mode: GateMode
    seconds: float


def read_gate(text: str) -> Gate:
    """Read `ADDRESS:PORT warn|fail SECONDS`, such as `10.43.0.1:443 warn 10`. Raises ValueError."""
    match = _GATE.fullmatch(text)
    if match is None:
        raise ValueError("not of the form ADDRESS:PORT warn|fail SECONDS")
    return Gate(
        match["address"].strip("[]"),
        int(match["port"]),
        GateMode(match["mode"]),
        float(match["seconds"]),
    )


class Watch:
    """Probes from its making on, in a process of its own, so that a clone can be made meanwhile."""

    def __init__(self, gate: Gate) -> None:
        arguments = [gate.address, str(gate.port), str(gate.seconds)]
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__, *arguments],
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self, until: float, stopped: Callable[[], bool]) -> bool | None:
        """Say whether the address was refused in time; None when the run's time is over or it is stopped meanwhile.

        `until` is a `time.monotonic` value.
        """
        while not stopped() and time.monotonic() < until:
            try:
                return self._process.wait(PAUSE_SECONDS) == REFUSED
            except subprocess.TimeoutExpired:
                continue
        return None

    def close(self) -> None:
        """End the probing."""
        self._process.kill()
        self._process.wait()


def is_refused(address: str, port: int, seconds: float) -> bool:
    """Probe until the address was refused some times in a row; return False when that didn't come in time."""
    import socket  # only the process that probes needs it

    until = time.monotonic() + seconds
    refusals = 0
    while refusals < _IN_A_ROW:
        if time.monotonic() > until and not refusals:
            return False
        try:
            socket.create_connection((address, port), PROBE_SECONDS).close()
        except OSError:
            refusals += 1
        else:
            refusals = 0
        if refusals < _IN_A_ROW:
            time.sleep(PAUSE_SECONDS)
    return True


_GATE = re.compile(
    r"(?P<address>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z:.-]+):(?P<port>[0-9]{1,5})"
    r" (?P<mode>warn|fail) (?P<seconds>[0-9]{1,4}(?:\.[0-9]+)?)"
)

if __name__ == "__main__":
    sys.exit(REFUSED if is_refused(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])) else 1)
