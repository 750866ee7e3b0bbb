"""The chat page: its files at /, and what it needs beside the acts: a live stream, files up and down.

GET /play/live is a stream of server-sent events: `state` whenever `playground.view.state_json` has changed, and what
happened in the chats behind ?after=N, each with its number as id, so that a browser that lost its connection goes on
where it was. POST /play/file sends the body as a file, GET /play/file/ID returns one.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from importlib import resources
from urllib.parse import quote

from aiohttp import web

from playground.arguments import Upload
from playground.guard import answer, guarded, to_json
from playground.messages import Document
from playground.methods_messages import MAX_UPLOAD_BYTES
from playground.view import Welcome, event_json, message_json, state_json
from playground.world import World

LOOK_SECONDS = 0.5
"""How often a changed state is looked for; what happens in a chat is told at once."""

LOOKS_TO_A_SIGN = 20
"""After so many looks with nothing to tell, the stream says that it lives."""

_SHOWN_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What the page may show of a person's file; SVG can hold a program."""

_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What turns the direction of writing: with it "exe.png" may be the name of a program."""

_TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class ChatPage:
    """Serves the page of one World."""

    def __init__(self, world: World, welcome: Welcome) -> None:
        """Read the page's files."""
        self._world = world
        self._welcome = welcome
        folder = resources.files("playground") / "page"
        self._files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the page, its stream and its files."""
        router.add_get("/", guarded(self._page))
        router.add_get("/page/{name}", guarded(self._page))
        router.add_get("/play/live", guarded(self._live))
        router.add_post("/play/file", guarded(self._upload))
        router.add_get("/play/file/{id}", guarded(self._download))

    async def _page(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info.get("name", "index.html")
        data = self._files.get(name)
        if data is None:
            return answer(404, {"error": f"the page has no file {name!r}"})
        kind = _TYPES[name.rpartition(".")[2]]
        return web.Response(body=data, content_type=kind, charset="utf-8", headers=_HEADERS)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        try:
            after = int(request.headers.get("Last-Event-ID") or request.query.get("after", "0"))
        except ValueError:
            return answer(400, {"error": "after is a number"})
        stream = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await stream.prepare(request)
        # A tab that was closed comes again if it wants to.
        with contextlib.suppress(ConnectionError):
            await self._tell(stream, after)
        return stream

    async def _tell(self, stream: web.StreamResponse, after: int) -> None:
        log = self._world.state.log
        told, silent = "", 0
        while not log.closed:
            found = log.after(after)
            parts = []
            state = to_json(state_json(self._world.state, self._welcome))
            if state != told:
                told = state
                parts.append(f"event: state\ndata: {state}\n\n")
            for event in found:
                after = event.number
                data = to_json(event_json(self._world.state, event))
                parts.append(f"id: {after}\ndata: {data}\n\n")
            silent = 0 if parts else silent + 1
            if silent == LOOKS_TO_A_SIGN:
                silent = 0
                parts.append(":\n\n")
            if parts:
                await stream.write("".join(parts).encode("utf-8", "replace"))
            await log.wait(after, LOOK_SECONDS)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        # A page of another origin can't send this type unasked; see playground.guard.
        if (
            request.content_type != "application/octet-stream"
            or "Content-Type" not in request.headers
        ):
            return answer(415, {"error": "send application/octet-stream"})
        try:
            data = await request.read()
            if len(data) > MAX_UPLOAD_BYTES:
                return _too_large()
            return answer(200, self._send(request.query, data))
        except web.HTTPRequestEntityTooLarge:
            return _too_large()
        except (KeyError, ValueError) as mistake:
            return answer(400, {"error": f"{type(mistake).__name__}: {mistake}"})

    def _send(self, query: Mapping[str, str], data: bytes) -> object:
        person = self._world.state.people.get(int(query["person"]))
        if person is None:
            raise ValueError("there is no such person")
        if not data:
            raise ValueError("the file is empty")
        kind = query.get("type", "")
        size = (int(query.get("width", "0")), int(query.get("height", "0")))
        pixels = size if min(size) > 0 and kind in _SHOWN_TYPES else None
        media_type = kind or "application/octet-stream"
        file = Upload(query["name"], media_type, data, pixels, query.get("caption", ""))
        sent = self._world.send(
            person,
            int(query["chat"]),
            file,
            thread=_number(query.get("thread")),
            reply_to=_number(query.get("reply_to")),
        )
        return message_json(self._world.state, sent)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        state = self._world.state
        document = state.documents.get(request.match_info["id"])
        if document is None:
            return answer(404, {"error": "there is no such file"})
        data = state.files[document.file_id]
        return web.Response(body=data, headers=_file_headers(document))


def _too_large() -> web.Response:
    return answer(413, {"error": "a file has at most 50 MB here"})


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _file_headers(document: Document) -> dict[str, str]:
    """Make a browser keep a file, or show what is a photo; never run it."""
    photo = document.pixels is not None and document.media_type in _SHOWN_TYPES
    plain = _TURNING.sub("", document.name)[:255].encode("utf-8", "replace")
    name = quote(plain, safe="")
    disposition = "inline" if photo else f"attachment; filename*=UTF-8''{name}"
    return _HEADERS | {
        "Content-Type": document.media_type if photo else "application/octet-stream",
        "Content-Disposition": disposition,
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
