"""git over HTTP: this Run's repository alone, and of pushes only what this Run may change.

The protocol is gitprotocol-http(5); the client begins with `info/refs`, and sends `git-upload-pack` or `git-receive-pack`.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator
from itertools import chain
from urllib.parse import urljoin, urlsplit

from sandbox.broker.push import MalformedPush, Push, PushReader, judge, report
from sandbox.broker.refusals import Refused, refusal
from sandbox.broker.relay import chosen, relay
from sandbox.broker.requests import BadRequest
from sandbox.broker.server import TEXT, Exchange, NotLetThrough
from sandbox.broker.settings import Settings
from sandbox.broker.upstream import Answer, Call, Unreachable, same_server

MAX_FETCH_BYTES = 64 << 20
MAX_PUSH_BYTES = 2 << 30
_REDIRECTS = 3
_SENT = (
    "accept",
    "accept-encoding",
    "accept-language",
    "content-type",
    "git-protocol",
    "user-agent",
)
_RETURNED = ("Content-Type", "Content-Encoding", "Cache-Control", "Expires", "Pragma")
_SERVICES = ("service=git-upload-pack", "service=git-receive-pack")


class GitPassage:
    """Lets requests to the repository of the Run through."""

    def __init__(self, settings: Settings) -> None:
        self._run_id = settings.run_id
        self._base = settings.repo_url.rstrip("/")
        self._key: dict[str, str] = {}
        if settings.git_token is not None:
            pair = f"x-access-token:{settings.git_token}".encode()
            self._key = {"Authorization": "Basic " + b64encode(pair).decode()}
        self._asks_for_key: bool | None = None

    def __call__(self, exchange: Exchange) -> None:
        """Answer a request."""
        asked = (exchange.head.method, exchange.path)
        if asked == ("GET", "/info/refs") and exchange.head.query in _SERVICES:
            self._begin(exchange)
        elif asked == ("POST", "/git-upload-pack") and not exchange.head.query:
            self._fetch(exchange)
        elif asked == ("POST", "/git-receive-pack") and not exchange.head.query:
            self._push(exchange)
        else:
            detail = f"{exchange.head.method} {exchange.path or '/'}"
            raise NotLetThrough(
                403,
                "only the repository of this run is let through",
                refusal(Refused.OTHER_REPOSITORY, detail),
            )

    def _begin(self, exchange: Exchange) -> None:
        """Ask for the branches, as git does: without the key first, since a wrong one would close a public repository."""
        if exchange.head.length != 0:
            raise BadRequest(400, "a GET with a body")
        exchange.reusable = True
        pushes = "receive-pack" in exchange.head.query
        with_key = bool(self._key) and (pushes or self._asks_for_key is True)
        answer = self._follow(exchange, with_key=with_key)
        if answer.status == 401 and self._key and not with_key:
            answer.read(1 << 20)
            self._asks_for_key = True
            with_key = True
            answer = self._follow(exchange, with_key=True)
        elif answer.status == 200 and not with_key:
            self._asks_for_key = False
        if answer.status == 401 and with_key:
            answer.read(1 << 20)
            # git would ask for another name and password, and say that it has none.
            text = b"Authentication failed: the server refuses the key of this run (401)\n"
            exchange.answer(403, TEXT, text)
            return
        relay(exchange, answer, _headers(answer))

    def _follow(self, exchange: Exchange, *, with_key: bool) -> Answer:
        """Follow a repository that has moved within its server, and go on there."""
        for _ in range(_REDIRECTS):
            tail = f"/info/refs?{exchange.head.query}"
            call = Call("GET", _path(self._base) + tail, self._headers(exchange, with_key=with_key))
            answer = exchange.server(self._base).ask(call)
            if answer.status not in (301, 302, 307, 308):
                return answer
            answer.read(1 << 20)
            target = urljoin(self._base + tail, answer.header("Location") or "")
            if not same_server(self._base, target) or not target.endswith(tail):
                raise Unreachable(f"the repository has moved to {target[:200]}")
            self._base = target.removesuffix(tail)
        raise Unreachable("the repository's server leads in circles")

    def _fetch(self, exchange: Exchange) -> None:
        body = exchange.wire.body(exchange.head, MAX_FETCH_BYTES)
        headers = self._headers(exchange, with_key=self._asks_for_key is not False)
        if "content-encoding" in exchange.head.headers:
            headers["Content-Encoding"] = exchange.head.headers["content-encoding"]
        self._send(exchange, "/git-upload-pack", headers, body, exchange.head.length)

    def _push(self, exchange: Exchange) -> None:
        """Read what is to be changed before anything of it is sent on."""
        head = exchange.head
        body = exchange.wire.body(head, MAX_PUSH_BYTES)
        encoding = head.headers.get("content-encoding", "identity")
        if encoding == "gzip":
            body = _unpacked(body)  # so that nobody behind us can unpack it otherwise
        elif encoding != "identity":
            raise BadRequest(415, "an encoding other than gzip")
        reader = PushReader()
        try:
            known = any(map(reader.feed, body))
        except MalformedPush as error:
            raise BadRequest(400, f"no push: {error}") from error
        if not known or reader.push is None:
            raise BadRequest(400, "a push that ends before its changes are told")
        if self._refuses(exchange, reader.push, body):
            return
        length = head.length if encoding == "identity" else None
        headers = self._headers(exchange, with_key=True)
        whole = chain([bytes(reader.seen)], body)
        self._send(exchange, "/git-receive-pack", headers, whole, length)

    def _refuses(self, exchange: Exchange, push: Push, rest: Iterable[bytes]) -> bool:
        """Answer a push that this Run may not make; False for one that it may."""
        judged = judge(push, self._run_id)
        refused = [each for each in judged if each is not None]
        if not refused:
            return False
        answer = report(push, judged, self._run_id)
        if answer is None:
            raise NotLetThrough(
                403,
                "this run may push to branches claude/<run>-* only, without options",
                refused[0],
            )
        for each in refused:
            exchange.ledger.refuse(each)
        for _ in rest:  # a client that is still sending wouldn't read the answer
            pass
        exchange.reusable = True
        content_type = "application/x-git-receive-pack-result"
        exchange.answer(200, {"Content-Type": content_type, "Cache-Control": "no-cache"}, answer)
        return True

    def _send(
        self,
        exchange: Exchange,
        path: str,
        headers: dict[str, str],
        body: Iterable[bytes],
        length: int | None,
    ) -> None:
        call = Call("POST", _path(self._base) + path, headers, body, length)
        answer = exchange.server(self._base).ask(call)
        exchange.reusable = True
        relay(exchange, answer, _headers(answer))

    def _headers(self, exchange: Exchange, *, with_key: bool) -> dict[str, str]:
        return {**chosen(exchange.head, _SENT), **(self._key if with_key else {})}


def _path(url: str) -> str:
    return urlsplit(url).path.rstrip("/")


def _headers(answer: Answer) -> dict[str, str]:
    return {name: value for name in _RETURNED if (value := answer.header(name)) is not None}


def _unpacked(body: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack a body of exactly one gzip member, as git makes it. Raises BadRequest."""
    unpacker = zlib.decompressobj(wbits=31)
    whole = 0
    try:
        for packed in body:
            data = packed
            while data and not unpacker.eof:
                piece = unpacker.decompress(data, 1 << 20)
                data = unpacker.unconsumed_tail
                whole += len(piece)
                if whole > MAX_PUSH_BYTES:
                    raise BadRequest(413, "a body that is too large")
                if piece:
                    yield piece
            if unpacker.eof and (data or unpacker.unused_data):
                raise BadRequest(400, "something behind the end of a gzip body")
    except zlib.error as error:
        raise BadRequest(400, "no gzip body") from error
    if not unpacker.eof:
        raise BadRequest(400, "a gzip body that breaks off")
