"""Asking the broker, from the sandbox program: for its State, to decrypt, and where dependencies are kept."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from sandbox import sops
from sandbox.broker.state import State, decode

PAUSE_SECONDS = 0.05
STEP_SECONDS = 5.0
_ANSWER_BYTES = 5 << 20


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


def decrypt(broker: str, data: bytes, kind: str) -> bytes:
    """Have the broker decrypt a file of a kind of `sandbox.sops.PRINTED_AS`. Raises NotDecrypted."""
    try:
        status, body = _call(broker, f"POST {{path}}/decrypt/{kind}", data, sops.SECONDS + 5.0)
    except (OSError, ValueError) as error:
        raise sops.NotDecrypted(f"the broker didn't answer: {error}") from error
    if status != 200:
        raise sops.NotDecrypted(body.decode("utf-8", "replace").strip() or f"HTTP {status}")
    return body


def end_decrypting(broker: str) -> bool:
    """Have the broker decrypt nothing more; False when it doesn't answer."""
    try:
        return _call(broker, "POST {path}/decrypt/end", b"", STEP_SECONDS)[0] == 200
    except (OSError, ValueError):
        return False


def take_cache(broker: str) -> bytes:
    """Have the broker hand out the addresses of the cache, which it does once; nothing when it doesn't answer."""
    try:
        status, body = _call(broker, "POST {path}/cache/take", b"", STEP_SECONDS)
    except (OSError, ValueError):
        return b""
    return body if status == 200 else b""


def _ask(broker: str) -> bytes:
    status, body = _call(broker, "GET {path}/state", None, STEP_SECONDS)
    if status != 200:
        raise ValueError("the broker answers otherwise")
    return body


def _call(broker: str, asked: str, data: bytes | None, seconds: float) -> tuple[int, bytes]:
    """Make one request, whose line is `asked` with {path} for the broker's own; return status and body."""
    parts = urlsplit(broker)
    request = f"{asked.replace('{path}', parts.path)} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
    if data is not None:
        request += f"Content-Length: {len(data)}\r\n"
    answer = bytearray()
    with socket.create_connection((parts.hostname or "", parts.port or 0), seconds) as wire:
        wire.sendall(f"{request}\r\n".encode("ascii") + (data or b""))
        while len(answer) < _ANSWER_BYTES and (part := wire.recv(64 << 10)):
            answer += part
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 "):
        raise ValueError("the broker answers otherwise")
    return int(head[9:12]), body
