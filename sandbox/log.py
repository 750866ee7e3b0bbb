"""What the sandbox prints: readable, redacted, and never more than 8 MiB.

Kubernetes serves only the newest log file of a container, 10 MiB by default. So the first 6 MiB are printed as they
come; then phase lines and one line in ten seconds, while a ring keeps the last 2 MiB, which are printed when the
agent has ended. One read of the finished log then has the whole.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from collections.abc import Callable

from sandbox.redaction import Redactor
from sandbox.words import printable

TOTAL_BYTES = 8 << 20
LIVE_BYTES = 6 << 20
RING_BYTES = 2 << 20
LINE_BYTES = 4096
"""A longer line is cut."""
RAW_LINE_BYTES = 2 * LINE_BYTES
"""How much of a line is looked at: enough that what is printed of it was redacted as a whole."""

_SAMPLE_SECONDS = 10.0
_SAMPLE_BYTES = 200
_SAMPLES_UNTIL = LIVE_BYTES + (512 << 10)
_RESERVE = 64 << 10
_BLOCK = 64 << 10
_AGENT_PREFIX = "│ "
_NOTE_PREFIX = "· "


class Output:
    """A file descriptor that may break, fill up or stand still: then text is lost, never the run."""

    def __init__(self, descriptor: int = 1, patience_seconds: float = 2.0) -> None:
        self._descriptor = descriptor
        self._patience = patience_seconds
        self._broken = False
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def write(self, data: bytes) -> None:
        """Write as much as can be written without waiting for ever."""
        view = memoryview(data)
        while view and not self._broken:
            # Whoever reads a pipe that is ready takes at least PIPE_BUF bytes at once, so this can't block.
            if not self._poll.poll(self._patience * 1000):
                self._patience = 0.0
                return
            try:
                view = view[os.write(self._descriptor, view[: select.PIPE_BUF]) :]
            except BrokenPipeError:
                self._broken = True
            except OSError:
                return


class Log:
    """The log of one run. Lines of the agent carry a prefix, so that none can pass for ours."""

    def __init__(
        self,
        redactor: Redactor,
        write: Callable[[bytes], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.redactor = redactor
        self._write = write
        self._unwritten = bytearray()
        self._clock = clock
        self._written = 0
        self._ring: deque[bytes] = deque()
        self._ring_bytes = 0
        self._block = bytearray()
        self._kept_back = 0
        self._recent: deque[str] = deque(maxlen=3)
        self._next_sample = 0.0

    def phase(self, name: str, detail: str = "") -> None:
        """Print that a phase begins."""
        self._ours(f"▶ {name} {detail}".rstrip())

    def note(self, text: str) -> None:
        """Print something that people should know, a line for each line of it."""
        for line in text.splitlines():
            self._ours(_NOTE_PREFIX + line)

    def agent(self, text: str) -> None:
        """Print one line of the agent's, now or with the ring."""
        if self._written < LIVE_BYTES:
            for line in self._render(text):
                self._emit(line)
            return
        if not self._recent:
            self._flush_redactor()
        seen = text[: RAW_LINE_BYTES + 1]
        self._recent.append(seen)
        self._keep(seen.encode("utf-8", "replace"))
        self._sample()

    def flush(self) -> None:
        """Write what was printed so far; lines of the agent's are gathered until then."""
        if self._unwritten:
            self._write(bytes(self._unwritten))
            self._unwritten.clear()

    def agent_ended(self) -> None:
        """Print what was kept back: the agent says nothing more."""
        self._flush_redactor()
        self.flush()
        if not self._kept_back:
            return
        blocks, size = self._render_ring()
        room = max(TOTAL_BYTES - _RESERVE - self._written, 0)
        while blocks and size > room:
            size -= len(blocks.popleft())
        left_out = max(self._kept_back - size, 0)
        self._ours(f"{_NOTE_PREFIX}{left_out / (1 << 20):.1f} MiB of the log are left out here")
        for block in blocks:
            self._put(block)
        self.flush()

    def _ours(self, text: str) -> None:
        self._flush_redactor()
        self._emit(_cut(self.redactor.text(printable(text)), LINE_BYTES))
        self.flush()

    def _render(self, text: str) -> list[str]:
        """Return the lines that can be printed once this one is known."""
        line = printable(text[:RAW_LINE_BYTES])
        if len(text) > RAW_LINE_BYTES:
            # The cut may have split a secret: its first half must not be printed.
            line = self.redactor.text(line)
            line = line[: max(len(line) - self.redactor.longest, 0)] + "…"
        return [_cut(_AGENT_PREFIX + done, LINE_BYTES) for done in self.redactor.line(line)]

    def _flush_redactor(self) -> None:
        for line in self.redactor.flush():
            self._emit(_cut(_AGENT_PREFIX + line, LINE_BYTES))

    def _keep(self, line: bytes) -> None:
        self._kept_back += len(line) + 1
        self._block += line.replace(b"\n", b" ") + b"\n"
        if len(self._block) >= _BLOCK:
            self._ring.append(bytes(self._block))
            self._ring_bytes += len(self._block)
            self._block.clear()
        while self._ring_bytes > RING_BYTES:
            self._ring_bytes -= len(self._ring.popleft())

    def _sample(self) -> None:
        now = self._clock()
        if now < self._next_sample or self._written > _SAMPLES_UNTIL:
            return
        self._next_sample = now + _SAMPLE_SECONDS
        # Only between its neighbours it can be seen whether a line holds a part of a secret.
        around = "\n".join(map(printable, self._recent))
        lines = self.redactor.text(around).split("\n")
        self._emit(_cut(_AGENT_PREFIX + lines[len(lines) // 2], _SAMPLE_BYTES))

    def _render_ring(self) -> tuple[deque[bytes], int]:
        self._ring.append(bytes(self._block))
        rendered: deque[bytes] = deque()
        size = 0
        while self._ring:
            raw = self._ring.popleft().decode("utf-8", "replace")
            lines = [done for line in raw.split("\n")[:-1] for done in self._render(line)]
            if not self._ring:
                lines += [_cut(_AGENT_PREFIX + line, LINE_BYTES) for line in self.redactor.flush()]
            rendered.append("".join(line + "\n" for line in lines).encode("utf-8", "replace"))
            size += len(rendered[-1])
        return rendered, size

    def _emit(self, line: str) -> None:
        self._put(line.encode("utf-8", "replace") + b"\n")

    def _put(self, data: bytes) -> None:
        self._written += len(data)
        self._unwritten += data
        if len(self._unwritten) >= _BLOCK:
            self.flush()


def _cut(line: str, limit: int) -> str:
    if len(line) * 4 <= limit:
        return line
    encoded = line.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return line
    return encoded[: limit - 4].decode("utf-8", "ignore") + "…"
