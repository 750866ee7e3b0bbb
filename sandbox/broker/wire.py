"""The client's side of a connection: requests in, answers out, each within its limits."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Mapping

from sandbox.broker.requests import MAX_HEAD_BYTES, BadRequest, Head, read_head

IDLE_SECONDS = 75.0
"""How long a connection may wait for its next request."""
HEAD_SECONDS = 10.0
"""How long a head may take from its first byte on."""
STALL_SECONDS = 300.0
"""How long a client may send, or take, nothing: git compresses a large push meanwhile."""
BLOCK = 256 << 10
_LINGER_BYTES = 4 << 20
_LINGER_SECONDS = 2.0
_LINE_BYTES = 256


class Gone(Exception):
    """The client ended the connection, or stood still for too long."""


class Wire:
    """One connection to a client."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = bytearray()
        self._answered = False

    @property
    def answered(self) -> bool:
        """Say whether the answer to the present request has begun."""
        return self._answered

    def next_head(self) -> Head | None:
        """Wait for a request; None when the client has no more. Raises BadRequest, Gone."""
        self._answered = False
        if not self._buffer and not self._fill(IDLE_SECONDS):
            return None
        until = time.monotonic() + HEAD_SECONDS
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise BadRequest(431, "a head that is too large")
            left = until - time.monotonic()
            if left <= 0:
                raise BadRequest(408, "a head that takes too long")
            if not self._fill(left):
                return None
        if end > MAX_HEAD_BYTES:
            raise BadRequest(431, "a head that is too large")
        data = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        return read_head(data)

    def body(self, head: Head, most: int) -> Iterator[bytes]:
        """Give a body piece by piece. Raises BadRequest for one of more than `most` bytes, Gone."""
        if head.length is not None and head.length > most:
            raise BadRequest(413, "a body that is too large")
        if head.expects and head.length != 0:
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if head.length is not None:
            yield from self._take(head.length)
            return
        whole = 0
        while size := self._chunk_size():
            whole += size
            if whole > most:
                raise BadRequest(413, "a body that is too large")
            yield from self._take(size)
            if self._line() != b"":
                raise BadRequest(400, "a chunk that is longer than it says")
        if self._line() != b"":
            raise BadRequest(400, "trailers are not taken")

    def answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        """Send a whole answer. Raises Gone."""
        self.begin(status, {**headers, "Content-Length": str(len(content))})
        self.send(content)

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the head of an answer. Raises Gone."""
        self._answered = True
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._send(f"HTTP/1.1 {status} \r\n{lines}\r\n".encode("latin-1", "replace"))

    def send(self, chunk: bytes) -> None:
        """Send a piece of a body. Raises Gone."""
        if chunk:
            self._send(chunk)

    def send_chunk(self, chunk: bytes) -> None:
        """Send a piece of a chunked body; the empty one ends it. Raises Gone."""
        self._send(b"%x\r\n%b\r\n" % (len(chunk), chunk))

    def close(self) -> None:
        """End the connection so that the client still gets the answer, though it may be sending."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            until = time.monotonic() + _LINGER_SECONDS
            left = _LINGER_BYTES
            while left > 0 and (wait := until - time.monotonic()) > 0:
                self._socket.settimeout(wait)
                taken = len(self._socket.recv(BLOCK))
                left -= taken
                if not taken:
                    break
        self._socket.close()

    def _take(self, length: int) -> Iterator[bytes]:
        while length:
            if not self._buffer and not self._fill(STALL_SECONDS):
                raise Gone
            piece = bytes(self._buffer[:length])
            del self._buffer[: len(piece)]
            length -= len(piece)
            yield piece

    def _chunk_size(self) -> int:
        line = self._line()
        size = line.partition(b";")[0]
        if not 0 < len(size) <= 8 or size.strip(b"0123456789abcdefABCDEF"):
            raise BadRequest(400, "a chunk without a size")
        return int(size, 16)

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _LINE_BYTES:
                raise BadRequest(400, "a line in a chunked body that is too long")
            if not self._fill(STALL_SECONDS):
                raise Gone
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if len(line) > _LINE_BYTES or not line.endswith(b"\r"):
            raise BadRequest(400, "a line in a chunked body that ends otherwise")
        return line[:-1]

    def _fill(self, seconds: float) -> bool:
        """Read some; False when there is no more, or none came in time."""
        try:
            self._socket.settimeout(seconds)
            data = self._socket.recv(BLOCK)
        except OSError:
            return False
        self._buffer += data
        return bool(data)

    def _send(self, data: bytes) -> None:
        try:
            self._socket.settimeout(STALL_SECONDS)
            self._socket.sendall(data)
        except OSError as error:
            raise Gone from error
