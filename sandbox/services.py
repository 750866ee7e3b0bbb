"""Waiting until the services that the environment names take connections."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

SECONDS = 60.0
_TRY_SECONDS = 2.0
_PAUSE_SECONDS = 0.1

_PORTS = {
    **dict.fromkeys(("postgres", "postgresql", "ecto"), 5432),
    **dict.fromkeys(("redis", "valkey"), 6379),
    **dict.fromkeys(("mysql", "mysql2", "mariadb"), 3306),
    "mongodb": 27017,
    "amqp": 5672,
    "memcached": 11211,
}
_WEB = {"http": 80, "https": 443}
_WEB_NAMES = ("ELASTICSEARCH_URL", "OPENSEARCH_URL", "MINIO_URL", "S3_ENDPOINT", "AWS_ENDPOINT_URL")
"""Services that speak HTTP; another variable with such an address may name anything."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service beside the run, by the variable that names it."""

    variable: str
    host: str
    port: int

    @property
    def shown(self) -> str:
        """Return it as people read it."""
        return f"{self.variable} ({self.host}:{self.port})"


def services_of(environment: Mapping[str, str]) -> list[Service]:
    """Return the services on this machine, or in this Pod, that the environment names; others aren't ours to wait for."""
    found: dict[tuple[str, int], Service] = {}
    for name in sorted(environment):
        if not name.endswith(("_URL", "_URI", "_ENDPOINT")):
            continue
        try:
            parts = urlsplit(environment[name])
            scheme = parts.scheme.partition("+")[0]
            known = _PORTS.get(scheme) or (_WEB.get(scheme) if name in _WEB_NAMES else None)
            port = parts.port or known
        except ValueError:
            continue
        if known and port and parts.hostname in ("localhost", "127.0.0.1", "::1"):
            found.setdefault((parts.hostname, port), Service(name, parts.hostname, port))
    return list(found.values())


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
        socket.create_connection((service.host, service.port), timeout=seconds).close()
    except OSError:
        return False
    return True
