"""The other side: requests to the servers behind the broker, by their addresses, proxies and certificates."""

from __future__ import annotations

import http.client
import select
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

if TYPE_CHECKING:
    import ssl

CONNECT_SECONDS = 30.0
ANSWER_SECONDS = 600.0
"""How long a server may stand still: Claude Code itself gives a call of the model up after that time."""
KEPT_SECONDS = 20.0
"""A connection that wasn't used for longer is opened anew."""
BLOCK = 256 << 10


class Unreachable(Exception):
    """A server can't be reached, or broke off before it answered; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request: `target` is path and query below the server of the URL that it goes to.

    `body` None means none; with `length` None it is sent in chunks.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: Iterable[bytes] | None = None
    length: int | None = None


class Answer:
    """What a server answers; `close` it when it isn't read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.status = response.status
        self.finished = False
        """Whether it was read to its end, so that its connection can serve again."""

    def header(self, name: str) -> str | None:
        """Return a header, in which nothing can end a line."""
        found = self._response.getheader(name)
        return None if found is None else "".join(c if " " <= c <= "\xff" else " " for c in found)

    def chunks(self) -> Iterator[bytes]:
        """Give the body as it comes. Raises Unreachable when it breaks off."""
        try:
            while chunk := self._response.read1(BLOCK):
                yield chunk
            if self._response.length:
                raise Unreachable("the server broke off in its answer")
            self.finished = not self._response.will_close
            self._response.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(f"the server broke off in its answer: {error}") from error

    def read(self, most: int) -> bytes:
        """Read the body, or as much of its beginning. Raises Unreachable."""
        data = bytearray()
        for chunk in self.chunks():
            data += chunk
            if len(data) >= most:
                break
        return bytes(data[:most])


class Server:
    """One server, by its URL, over one connection that is kept; for one thread."""

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        self.parts = urlsplit(url)
        self._environment = environment
        self._connection: http.client.HTTPConnection | None = None
        self._last: Answer | None = None
        self._used_at = 0.0
        self.proxy_headers: dict[str, str] = {}

    def ask(self, call: Call) -> Answer:
        """Send a request and return the beginning of the answer. Raises Unreachable.

        What `call.body` raises goes through.
        """
        connection = self._connected()
        try:
            self._send(connection, call)
            answer = Answer(connection.getresponse())
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            self.close()
            raise Unreachable(f"{self.parts.hostname} can't be reached: {error}") from error
        except BaseException:
            self.close()
            raise
        self._last = answer
        self._used_at = time.monotonic()
        return answer

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._last = None

    def _send(self, connection: http.client.HTTPConnection, call: Call) -> None:
        target = call.target
        if self.proxy_headers:
            target = f"{self.parts.scheme}://{authority(self.parts)}{target}"
        connection.putrequest(call.method, target, skip_host=True, skip_accept_encoding=True)
        headers = {"Host": authority(self.parts), **call.headers, **self.proxy_headers}
        for name, value in headers.items():
            connection.putheader(name, value)
        if call.body is not None and call.length is None:
            connection.putheader("Transfer-Encoding", "chunked")
        elif call.body is not None or call.method == "POST":
            connection.putheader("Content-Length", str(call.length or 0))
        connection.endheaders()
        for chunk in call.body or ():
            connection.send(
                chunk if call.length is not None else b"%x\r\n%s\r\n" % (len(chunk), chunk)
            )
        if call.body is not None and call.length is None:
            connection.send(b"0\r\n\r\n")

    def _connected(self) -> http.client.HTTPConnection:
        """Return a connection that can be used: the last one if it is still good."""
        if self._connection is not None and not self._reusable(self._connection):
            self.close()
        if self._connection is None:
            try:
                self._connection = self._connect()
            except (OSError, http.client.HTTPException, ValueError) as error:
                host = self.parts.hostname
                raise Unreachable(f"{host} can't be reached: {error}") from error
        return self._connection

    def _reusable(self, connection: http.client.HTTPConnection) -> bool:
        if self._last is None or not self._last.finished or connection.sock is None:
            return False
        if time.monotonic() - self._used_at > KEPT_SECONDS:
            return False
        # Readable without a request: the server has closed it, or sent what nobody asked for.
        return not select.select([connection.sock], [], [], 0)[0]

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self.parts.hostname or "", self.parts.port
        secure = self.parts.scheme == "https"
        proxy = _proxy(self.parts, self._environment)
        if proxy is not None:
            return self._by_proxy(proxy, host, port or (443 if secure else 80), secure=secure)
        if secure:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=CONNECT_SECONDS, context=_context(self._environment)
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
        return _opened(connection)

    def _by_proxy(
        self, proxy: SplitResult, host: str, port: int, *, secure: bool
    ) -> http.client.HTTPConnection:
        credentials: dict[str, str] = {}
        if proxy.username is not None:
            pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
            credentials["Proxy-Authorization"] = "Basic " + b64encode(pair.encode()).decode()
        where = proxy.hostname or "", proxy.port or 8080
        if not secure:
            self.proxy_headers = {"Proxy-Connection": "keep-alive", **credentials}
            return _opened(http.client.HTTPConnection(*where, timeout=CONNECT_SECONDS))
        connection = http.client.HTTPSConnection(
            *where, timeout=CONNECT_SECONDS, context=_context(self._environment)
        )
        connection.set_tunnel(host, port, credentials)
        return _opened(connection)


def authority(parts: SplitResult) -> str:
    """Return host and port as a Host header has them, without what stands before an @."""
    return parts.netloc.rpartition("@")[2]


def same_server(url: str, other: str) -> bool:
    """Say whether a key for one URL may go to the other: the same host and port, or from http to https of the host."""
    one, two = urlsplit(url), urlsplit(other)
    if (one.scheme, one.hostname, _port(one)) == (two.scheme, two.hostname, _port(two)):
        return True
    up = (one.scheme, two.scheme, _port(one), _port(two)) == ("http", "https", 80, 443)
    return up and one.hostname == two.hostname


def _port(parts: SplitResult) -> int:
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)


def _opened(connection: http.client.HTTPConnection) -> http.client.HTTPConnection:
    connection.connect()
    connection.sock.settimeout(ANSWER_SECONDS)
    return connection


def _proxy(parts: SplitResult, environment: Mapping[str, str]) -> SplitResult | None:
    """Return the proxy of a server, as git and curl choose it; None for a direct way."""
    names = (f"{parts.scheme}_proxy", f"{parts.scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
    found = next((environment[name] for name in names if environment.get(name)), None)
    if found is None:
        return None
    import urllib.request  # only who has a proxy pays for it

    exempt = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if urllib.request.proxy_bypass_environment(authority(parts), {"no": exempt}):  # type: ignore[attr-defined] # in the module since 3.5, not in its stubs
        return None
    return urlsplit(found if "://" in found else f"http://{found}")


def _context(environment: Mapping[str, str]) -> ssl.SSLContext:
    import ssl  # only who needs it pays for it

    context = ssl.create_default_context()
    for name in ("SSL_CERT_FILE", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
        if environment.get(name):
            context.load_verify_locations(cafile=environment[name])
    return context
