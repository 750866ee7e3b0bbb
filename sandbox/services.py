"""Waiting until the services that stand beside the run are ready for it."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox.greetings import GREETINGS, Greeting

SECONDS = 180.0
VARIABLE = "SANDBOX_SERVICES"
"""Names and ports of the services, as in "postgres:5432 redis:6379"; all are at HOST."""
LIMIT_VARIABLE = "SANDBOX_SERVICES_SECONDS"
"""For how long they are waited for; SECONDS without it."""
HOST = "127.0.0.1"
_TRY_SECONDS = 1.0
_PAUSE_SECONDS = 0.1
_READ_BYTES = 4096
_MOST_READS = 16
"""Of one answer: who gives it in pieces may not hold up everybody else."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service beside the run."""

    name: str
    port: int


@dataclass(frozen=True, slots=True)
class Unready:
    """A service that isn't ready, and what keeps it."""

    service: Service
    why: str


def read_services(text: str) -> list[Service]:
    """Read the services of VARIABLE; what isn't a name and a port is left out."""
    found = (re.fullmatch(r"([\w.-]+):([0-9]{1,5})", word) for word in text.split())
    return [Service(match[1], int(match[2])) for match in found if match]


def read_limit(text: str) -> float:
    """Read the seconds of LIMIT_VARIABLE."""
    return float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text) else SECONDS


def wait(services: list[Service], deadline: float, stopped: Callable[[], bool]) -> list[Unready]:
    """Wait until all are ready; return those that aren't by the deadline, a `time.monotonic` value."""
    waiting = services
    while True:
        asked = ((each, _unready(each, deadline)) for each in waiting)
        missing = [Unready(service, why) for service, why in asked if why is not None]
        if not missing or stopped() or time.monotonic() >= deadline:
            return missing
        waiting = [each.service for each in missing]
        time.sleep(_PAUSE_SECONDS)


def shown(missing: Sequence[Unready]) -> str:
    """Return what isn't ready, as people read it: a line for each."""
    return "\n".join(
        f"{each.service.name} ({HOST}:{each.service.port}): {each.why}" for each in missing
    )


def names_shown(text: str) -> list[str]:
    """Return the names of the services in a text that `shown` made."""
    return re.findall(rf"^([\w.-]+) \({re.escape(HOST)}:[0-9]+\): ", text, re.MULTILINE)


def _unready(service: Service, deadline: float) -> str | None:
    """Ask a service once; return what keeps it from being ready, None when nothing does."""
    seconds = min(_TRY_SECONDS, max(deadline - time.monotonic(), 0.05))
    try:
        with socket.create_connection((HOST, service.port), timeout=seconds) as connection:
            greeting = GREETINGS.get(service.name)
            return None if greeting is None else _answered(connection, greeting)
    except TimeoutError:
        return "it doesn't answer"
    except (OSError, OverflowError) as error:
        return getattr(error, "strerror", None) or str(error)


def _answered(connection: socket.socket, greeting: Greeting) -> str | None:
    connection.sendall(greeting.says)
    answer = b""
    for _ in range(_MOST_READS):
        more = connection.recv(_READ_BYTES)
        answer += more
        if not more or greeting.ready.match(answer) or answer.endswith(b"\n"):
            break
    _part(connection)
    if greeting.ready.match(answer):
        return None
    return f"it answers {answer[:80].decode('utf-8', 'replace')!r}" if answer else "it hangs up"


def _part(connection: socket.socket) -> None:
    """End a connection so that the service has no reason to complain of it in its log."""
    try:
        connection.shutdown(socket.SHUT_WR)
        for _ in range(_MOST_READS):
            if not connection.recv(_READ_BYTES):
                return
    except OSError:
        return
