"""A wire between the bot and the Bot API that can hold an answer back: the call had its effect, nobody knows yet."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

_BLOCK_BYTES = 1 << 16
_CLOSING_SECONDS = 5.0
_CALL = re.compile(rb"POST /bot[^/ ]+/(\w+) HTTP")


class SlowWire:
    """Passes everything on. While a method is held, its answers wait; `caught` is set as soon as one does."""

    def __init__(self) -> None:
        self.caught = asyncio.Event()
        self.root = ""
        self._held: str | None = None
        self._released = asyncio.Event()

    def hold(self, method: str) -> None:
        """Hold all answers of a method from now on."""
        self._held = method

    def release(self) -> None:
        """Pass on what is held, and hold nothing any more."""
        self._held = None
        self._released.set()

    async def connect(
        self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection of the bot; `target` is the Bot API's address."""
        parts = urlsplit(target)
        back, forth = await asyncio.open_connection(parts.hostname, parts.port)
        asked = b""

        async def carry_requests() -> None:
            nonlocal asked
            while block := await reader.read(_BLOCK_BYTES):
                call = _CALL.match(block)
                asked = call[1] if call else asked
                forth.write(block)
            forth.close()

        async def carry_answers() -> None:
            while block := await back.read(_BLOCK_BYTES):
                if self._held is not None and asked == self._held.encode():
                    self.caught.set()
                    await self._released.wait()
                writer.write(block)
            writer.close()

        with suppress(ConnectionError):
            await asyncio.gather(carry_requests(), carry_answers())


@asynccontextmanager
async def slow_wire(target: str) -> AsyncIterator[SlowWire]:
    """Lay a wire to a Bot API; `root` is its own address."""
    wire = SlowWire()
    writers: list[asyncio.StreamWriter] = []
    open_ones: set[asyncio.Task[None]] = set()

    def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        task = asyncio.create_task(wire.connect(target, reader, writer))
        open_ones.add(task)
        task.add_done_callback(open_ones.discard)

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    wire.root = f"http://{host}:{port}"
    try:
        yield wire
    finally:
        wire.release()
        server.close()
        for writer in writers:
            writer.close()
        if open_ones:
            await asyncio.wait(open_ones, timeout=_CLOSING_SECONDS)
