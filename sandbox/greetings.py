"""How a service is asked whether it is ready: by the first words of its own protocol, whatever its image has inside. Pure.

A port that takes connections isn't enough: Redis may still load, PostgreSQL recover, MinIO wait for its disks.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a client says first (nothing where the service does), and how the answer of a ready one begins."""

    says: bytes
    ready: re.Pattern[bytes]


def _startup() -> bytes:
    """Return a StartupMessage of PostgreSQL's protocol 3.0, as pg_isready sends it."""
    words = b"user\0postgres\0database\0sandbox\0\0"
    return struct.pack("!II", 8 + len(words), 3 << 16) + words


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode()


_HTTP = re.compile(rb"HTTP/1\.[01] [1-4]")
"""Whatever isn't the server's own fault; until it is ready it says 503."""

GREETINGS = {
    # It asks for a login, or refuses this one; 57P03 is cannot_connect_now.
    "postgres": Greeting(_startup(), re.compile(rb"R|E.{4}(?!.*\0C57P03\0).*\0\0\Z", re.DOTALL)),
    # What else it may say first is -LOADING; -DENIED is its protected mode, which would keep everybody out.
    "redis": Greeting(b"PING\r\n", re.compile(rb"\+PONG|-NOAUTH")),
    # The first packet of the handshake, version 10 of the protocol; an error packet begins with 0xff.
    "mysql": Greeting(b"", re.compile(rb".{4}\x0a", re.DOTALL)),
    # Connection.Start is a method frame.
    "rabbitmq": Greeting(b"AMQP\0\0\x09\x01", re.compile(rb"\x01")),
    "elasticsearch": Greeting(_get("/_cluster/health"), _HTTP),
    "minio": Greeting(_get("/minio/health/ready"), _HTTP),
    "memcached": Greeting(b"version\r\n", re.compile(rb"VERSION|ERROR")),
}
"""By the name of the service. One that isn't here, such as MongoDB, is ready when it takes connections."""
