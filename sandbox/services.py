"""Waiting until the services that stand beside the run take connections."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

SECONDS = 60.0
VARIABLE = "SANDBOX_SERVICES"
"""Names and ports of the services, as in "postgres:5432 redis:6379"; all are at HOST."""
HOST = "127.0.0.1"
_TRY_SECONDS = 2.0
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Service:
    """A service beside the run."""

    name: str
    port: int

    @property
    def shown(self) -> str:
        """Return it as people read it."""
        return f"{self.name} ({HOST}:{self.port})"


def read_services(text: str) -> list[Service]:
    """Read the services of VARIABLE; what isn't a name and a port is left out."""
    found = (re.fullmatch(r"([\w.-]+):([0-9]{1,5})", word) for word in text.split())
    return [Service(match[1], int(match[2])) for match in found if match]


def wait(services: list[Service], deadline: float, stopped: Callable[[], bool]) -> list[Service]:
    """Wait until all take connections; return those that don't by the deadline, a `time.monotonic` value."""
    waiting = list(services)
    while True:
        waiting = [each for each in waiting if not _takes_connections(each, deadline)]
        if not waiting or stopped() or time.monotonic() >= deadline:
            return waiting
        time.sleep(_PAUSE_SECONDS)


def _takes_connections(service: Service, deadline: float) -> bool:
    seconds = min(_TRY_SECONDS, max(deadline - time.monotonic(), 0.05))
    try:
        socket.create_connection((HOST, service.port), timeout=seconds).close()
    except (OSError, OverflowError):
        return False
    return True
