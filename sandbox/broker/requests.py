"""The head of an HTTP/1.1 request, read strictly: what could be understood in two ways is refused (RFC 9112). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_HEAD_BYTES = 32 << 10
MAX_HEADERS = 60


class BadRequest(Exception):
    """No request that we take; `status` is the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Head:
    """What a request begins with.

    `path` and `query` are as they came, percent-encoding included. Names of `headers` are in lower case. `length` is
    that of the body, None for a chunked one. `expects` says that the client waits for "100 Continue".
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    length: int | None = 0
    keep_alive: bool = True
    expects: bool = False


def read_head(data: bytes) -> Head:
    """Read a head, without the empty line at its end. Raises BadRequest."""
    lines = data.split(b"\r\n")
    if len(lines) - 1 > MAX_HEADERS:
        raise BadRequest(431, "too many headers")
    if any(_CONTROL.search(line) for line in lines):
        raise BadRequest(400, "a control character in the head")
    request = _REQUEST_LINE.fullmatch(lines[0])
    if request is None:
        raise BadRequest(400, "no request line")
    headers = _headers(lines[1:])
    path, _, query = request["target"].decode("ascii").partition("?")
    connection = headers.get("connection", "").lower()
    return Head(
        request["method"].decode("ascii"),
        path,
        query,
        headers,
        _length(headers),
        keep_alive="close" not in connection,
        expects=headers.get("expect", "").lower() == "100-continue",
    )


_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# Only the origin form: an absolute address, `*` and CONNECT's own form are for proxies, which this isn't.
_REQUEST_LINE = re.compile(rb"(?P<method>[A-Z]{1,10}) (?P<target>/[!-~]{0,8000}) HTTP/1\.1")
_HEADER = re.compile(rb"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}):[ \t]*(?P<value>.*?)[ \t]*")


def _headers(lines: list[bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise BadRequest(400, "a line that is no header")
        name = header["name"].decode("ascii").lower()
        value = header["value"].decode("latin-1")
        if name in found and name in _ONCE:
            raise BadRequest(400, f"{name} stands twice")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


_ONCE = (
    "content-length",
    "transfer-encoding",
    "content-encoding",
    "content-type",
    "host",
    "expect",
)


def _length(headers: Mapping[str, str]) -> int | None:
    length, encoding = headers.get("content-length"), headers.get("transfer-encoding")
    if encoding is not None:
        if length is not None:
            raise BadRequest(400, "a length and a transfer encoding")
        if encoding.lower() != "chunked":
            raise BadRequest(501, "a transfer encoding other than chunked")
        return None
    if length is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,15}", length):
        raise BadRequest(400, "a length that is no number")
    return int(length)
