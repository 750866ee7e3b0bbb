"""Asking the broker for its State, from the sandbox program."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from sandbox.broker.state import State, decode

PAUSE_SECONDS = 0.05
STEP_SECONDS = 5.0
_ANSWER_BYTES = 1 << 20


def read_state(
    broker: str, seconds: float, stopped: Callable[[], bool] = lambda: False
) -> State | None:
    """Return the State of the broker at an address; None when it doesn't answer in time.

    One that was killed is started again, so it is asked until then.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            state = decode(_ask(broker))
        except (OSError, ValueError):
            state = None
        if state is not None or stopped() or time.monotonic() >= until:
            return state
        time.sleep(PAUSE_SECONDS)


def _ask(broker: str) -> bytes:
    parts = urlsplit(broker)
    request = (
        f"GET {parts.path}/state HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    )
    answer = bytearray()
    with socket.create_connection((parts.hostname or "", parts.port or 0), STEP_SECONDS) as wire:
        wire.sendall(request.encode("ascii"))
        while len(answer) < _ANSWER_BYTES and (part := wire.recv(64 << 10)):
            answer += part
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ValueError("the broker answers otherwise")
    return body
