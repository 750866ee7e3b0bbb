"""Chunks of bytes to lines, in bounded memory. Pure."""

from __future__ import annotations

from collections.abc import Generator, Iterator


class Lines:
    """Cuts a stream of bytes into lines of at most `limit` bytes.

    With `cut`, a longer line is given with its first `limit` bytes; without, it is left out and `skipped` counts it.
    Line breaks aren't given. A carriage return rewrites its line, as on a terminal: only what follows the last one
    counts.
    """

    def __init__(self, limit: int, *, cut: bool) -> None:
        self.skipped = 0
        self._limit = limit
        self._cut = cut
        self._open = bytearray()
        self._overlong = False
        self._returned = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Take a chunk; give the lines that it ends."""
        if b"\r" not in chunk:
            chunk = yield from self._whole_lines(chunk)
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            self._extend(chunk[start:end])
            yield from self._close()
            start = end + 1
        self._extend(chunk[start:])

    def finish(self) -> Iterator[bytes]:
        """Give the last line when no line break ended it."""
        if self._open or self._overlong:
            yield from self._close()

    def _whole_lines(self, chunk: bytes) -> Generator[bytes, None, bytes]:
        """Give the lines of a chunk the quick way; return what has to be taken the slow way."""
        first, newline, rest = chunk.partition(b"\n")
        if not newline:
            return chunk
        self._extend(first)
        yield from self._close()
        *lines, last = rest.split(b"\n")
        for line in lines:
            if len(line) <= self._limit:
                yield line
            else:
                self._extend(line)
                yield from self._close()
        return last

    def _extend(self, piece: bytes) -> None:
        text = piece.rstrip(b"\r")
        if text:
            _, rewritten, last = text.rpartition(b"\r")
            if self._returned or rewritten:
                self._restart()
            room = self._limit - len(self._open)
            self._overlong = self._overlong or len(last) > room
            self._open += last[: max(room, 0)]
        self._returned = piece.endswith(b"\r") or (self._returned and not piece)

    def _restart(self) -> None:
        self._open.clear()
        self._overlong = False
        self._returned = False

    def _close(self) -> Iterator[bytes]:
        line = bytes(self._open)
        overlong = self._overlong
        self._restart()
        if overlong and not self._cut:
            self.skipped += 1
        else:
            yield line
