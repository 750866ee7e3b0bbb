"""Handing an answer on as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sandbox.broker.requests import Head
from sandbox.broker.server import Exchange
from sandbox.broker.upstream import Answer
from sandbox.broker.wire import Gone

Tap = Callable[[bytes], bool]
"""Sees each piece before the client does; says whether the rest is wanted should the client be gone."""


def chosen(head: Head, names: Iterable[str]) -> dict[str, str]:
    """Return those headers of a request that are handed on; a name that ends in `*` stands for all that begin so."""
    exact = {name for name in names if not name.endswith("*")}
    beginnings = tuple(name[:-1] for name in names if name.endswith("*"))
    return {
        name: value
        for name, value in head.headers.items()
        if name in exact or (beginnings and name.startswith(beginnings))
    }


def relay(
    exchange: Exchange, answer: Answer, headers: Mapping[str, str], tap: Tap | None = None
) -> None:
    """Send an answer to the client with these headers. Raises Gone, Unreachable."""
    wire = exchange.wire
    length = answer.header("Content-Length")
    framing = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": length}
    if answer.status in (204, 304):
        framing = {}
    wire.begin(answer.status, {**headers, **framing, **exchange.connection()})
    send = wire.send_chunk if length is None else wire.send
    gone: Gone | None = None
    for chunk in answer.chunks():
        wanted = tap is not None and tap(chunk)
        if gone is None:
            try:
                send(chunk)
            except Gone as end:
                gone = end
        if gone is not None and not wanted:
            break
    if gone is not None:
        raise gone
    if "Transfer-Encoding" in framing:
        wire.send_chunk(b"")
