"""Who may call what isn't the Bot API: a page of this very server, and programs on this machine.

Whoever can reach it may speak for everybody in the World, and the bot behind it may run an agent on this machine. So
a web page of somebody else must not: a call has to name a loopback host (against DNS rebinding), and what changes
anything must have a content type that a page of another origin can't send without a permission that is never given.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


def guarded(handler: Handler) -> Handler:
    """Wrap a handler so that it answers only calls that name a loopback host."""

    async def guard(request: web.Request) -> web.StreamResponse:
        host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
        if host not in _LOOPBACK:
            return answer(403, {"error": "call this by a loopback address"})
        return await handler(request)

    return guard


def answer(status: int, body: object) -> web.Response:
    """Make an answer of JSON."""
    return web.Response(
        status=status,
        body=to_json(body).encode("utf-8", "surrogatepass"),
        content_type="application/json",
    )


def to_json(body: object) -> str:
    """Write a value as JSON on one line."""
    return json.dumps(body, ensure_ascii=False)
