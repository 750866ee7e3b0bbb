"""The broker's server: a thread for each connection, as many as a run needs, and each request to its passage."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sandbox.broker import state as states
from sandbox.broker.ledger import Ledger
from sandbox.broker.refusals import Refusal, Refused, refusal
from sandbox.broker.requests import BadRequest, Head
from sandbox.broker.settings import Settings
from sandbox.broker.upstream import Server, Unreachable
from sandbox.broker.wire import Gone, Wire

MAX_CONNECTIONS = 48
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
JSON = {"Content-Type": "application/json"}


class NotLetThrough(Exception):
    """A request that this Run may not make. `status` and the text are the answer."""

    def __init__(self, status: int, text: str, refused: Refusal | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.refused = refused


@dataclass(slots=True)
class Exchange:
    """One request on its way: what came, and all that a passage needs to answer it.

    `path` is what follows the passage's name. `servers` are the connections that this client's requests have opened.
    """

    head: Head
    path: str
    wire: Wire
    settings: Settings
    ledger: Ledger
    servers: dict[str, Server] = field(default_factory=dict)
    reusable: bool = False

    def server(self, url: str) -> Server:
        """Return the connection to the server of a URL."""
        parts = url.split("/", 3)
        name = "/".join(parts[:3])
        if name not in self.servers:
            self.servers[name] = Server(url, self.settings.environment)
        return self.servers[name]

    def answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        """Send a whole answer; the connection stays open if the request was read to its end."""
        self.wire.answer(status, {**headers, **self.connection()}, content)

    def connection(self) -> dict[str, str]:
        """Return the header that says whether the connection stays."""
        return {} if self.reusable else {"Connection": "close"}


class Passage(Protocol):
    """What lets some requests through. Raises NotLetThrough, BadRequest, Unreachable, Gone."""

    def __call__(self, exchange: Exchange) -> None:
        """Answer a request."""
        ...


class Broker:
    """Serves one listening socket for one Run."""

    def __init__(self, settings: Settings, ledger: Ledger, passages: Mapping[str, Passage]) -> None:
        self._settings = settings
        self._ledger = ledger
        self._passages = {"state": _tell_state, **passages}
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def serve(self, listening: socket.socket) -> None:
        """Serve until the socket is closed."""
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                if listening.fileno() < 0:
                    return
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Who finds no place waits here, and those behind in the socket's queue.
            self._places.acquire()
            threading.Thread(target=self._attend, args=(connection,), daemon=True).start()

    def _attend(self, connection: socket.socket) -> None:
        wire = Wire(connection)
        servers: dict[str, Server] = {}
        try:
            while self._take_one(wire, servers):
                pass
        finally:
            for server in servers.values():
                server.close()
            with contextlib.suppress(OSError):
                wire.close()
            self._places.release()

    def _take_one(self, wire: Wire, servers: dict[str, Server]) -> bool:
        """Answer the next request; False when the connection has to end."""
        try:
            head = wire.next_head()
            return head is not None and self._pass(self._exchange(head, wire, servers))
        except NotLetThrough as refused:
            self._refuse(wire, refused.status, f"{refused}", refused.refused)
        except BadRequest as bad:
            self._refuse(wire, bad.status, f"{bad}", refusal(_kind(bad)))
        except Gone:
            pass
        return False

    def _exchange(self, head: Head, wire: Wire, servers: dict[str, Server]) -> Exchange:
        prefix = self._settings.prefix
        if not head.path.startswith(f"{prefix}/"):
            raise NotLetThrough(404, "there is nothing here")  # said by anybody on this machine
        path = head.path[len(prefix) :]
        return Exchange(head, path, wire, self._settings, self._ledger, servers)

    def _pass(self, exchange: Exchange) -> bool:
        head, wire = exchange.head, exchange.wire
        _, name, rest = (exchange.path + "/").split("/", 2)
        passage = self._passages.get(name)
        exchange.path = f"/{rest}".rstrip("/")
        if passage is None and name.startswith("git") and head.method == "GET":
            return _send_on(exchange, name.removeprefix("git"))
        if passage is None:
            kind = Refused.OTHER_REPOSITORY if name.startswith("git") else Refused.OTHER_API
            detail = f"{head.method} {head.path[len(self._settings.prefix) :]}"
            raise NotLetThrough(
                404, "the broker lets nothing of this name through", refusal(kind, detail)
            )
        try:
            passage(exchange)
        except Unreachable as error:
            log(f"{head.method} {name}: {error}")
            if not wire.answered:
                wire.answer(502, {**TEXT, "Connection": "close"}, f"{error}\n".encode())
            return False
        return exchange.reusable and head.keep_alive

    def _refuse(self, wire: Wire, status: int, text: str, refused: Refusal | None) -> None:
        if refused is not None:
            self._ledger.refuse(refused)
            log(f"refused: {refused.kind.value} {refused.detail}".rstrip())
        if wire.answered:
            return
        with contextlib.suppress(Gone):
            content_type, content = TEXT, f"{text}\n".encode()
            if text.startswith("{"):
                content_type = JSON
            wire.answer(status, {**content_type, "Connection": "close"}, content)


def log(text: str) -> None:
    """Print one line for who operates the broker."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"broker: {text}\n")
        sys.stderr.flush()


def _kind(bad: BadRequest) -> Refused:
    return Refused.SIZE if bad.status in (413, 431) else Refused.MALFORMED


def _send_on(exchange: Exchange, rest: str) -> bool:
    """Send git to where it was going: `insteadOf` takes …/shop-theme, too, for a part of …/shop. No key is used for it."""
    head = exchange.head
    address = exchange.settings.repo_url.rstrip("/") + rest + exchange.path
    query = f"?{head.query}" if head.query else ""
    exchange.reusable = head.length == 0
    exchange.answer(302, {"Location": address + query}, b"")
    return exchange.reusable and head.keep_alive


def _tell_state(exchange: Exchange) -> None:
    if exchange.head.method != "GET" or exchange.path:
        raise NotLetThrough(404, "there is nothing here")
    exchange.reusable = exchange.head.length == 0
    exchange.answer(200, JSON, states.encode(exchange.ledger.state))
