"""The one edge to the Kubernetes API: raw bytes in and out, own time limits, errors translated once."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp
import msgspec

from k8s.login import load_client, log_in
from k8s.structs import Status
from runs.backend import Refused, Unavailable

if TYPE_CHECKING:
    from kubernetes.aio.client.api_client import ApiClient

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
LIST_SECONDS = 60.0
SILENCE_SECONDS = 70.0
"""A watch that is silent for so long is dead: bookmarks come about every 60 s."""

LEAVE_SECONDS = 1.0
"""https://docs.aiohttp.org/en/stable/client_advanced.html#graceful-shutdown"""
COMMAND_LEAVE_SECONDS = 0.01
"""Of a command: a person waits for the prompt, and the process goes anyway."""

MAX_LOG_BYTES = 16 * 1024 * 1024
"""So much of a log's end is kept: more than one file of a log has, unless a cluster was told to let them grow."""
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

Patch = list[dict[str, object]]
Query = Mapping[str, str | int]
USUAL_ANSWERS = (
    *("200", "201", "400", "401", "403", "404", "409", "410", "422", "429"),
    *("500", "503", "504", "none"),
)
"""How the API server is known to answer, by HTTP status."""


class Rejected(Refused):
    """The API server answered no; `code` is the HTTP status, the text has its own words."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"The cluster refuses: {message or reason or code}")
        self.code = code
        self.reason = reason
        self.words = message


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Query | None = None
    body: object = None
    content_type: str = "application/json"


class Api:
    """Requests to one API server. Connects at the first one; `close` ends all."""

    def __init__(self, kubeconfig: Path | None, context: str | None = None) -> None:
        load_client()
        self._kubeconfig = kubeconfig
        self._context = context
        self._client: ApiClient | None = None
        self._connecting = asyncio.Lock()
        self._cut_short = False
        self.requests = 0
        """How many requests were sent."""
        self.answers: Counter[str] = Counter(dict.fromkeys(USUAL_ANSWERS, 0))
        """How they were answered: by HTTP status, or "none". The usual ones are there from the start, as 0."""

    async def server(self) -> str:
        """Return the API server's address, without asking it. Raises Unavailable."""
        return str((await self._connected()).configuration.host)

    async def get(
        self, path: str, query: Query | None = None, seconds: float = ANSWER_SECONDS
    ) -> bytes:
        """Read something. Raises Unavailable, Rejected."""
        return await self._send(_Request("GET", path, query), seconds)

    async def create(
        self, path: str, body: Mapping[str, object], query: Query | None = None
    ) -> bytes:
        """Create an object. Raises Unavailable (it may exist all the same), Rejected."""
        return await self._send(_Request("POST", path, query, body))

    async def apply(self, path: str, body: Mapping[str, object], query: Query) -> bytes:
        """Make an object such as this by server-side apply. Raises Unavailable, Rejected (409: others set a field)."""
        return await self._send(_Request("PATCH", path, query, body, APPLY_PATCH))

    async def patch(self, path: str, patch: Patch) -> bytes:
        """Apply a JSON patch, all of it or nothing. Raises Unavailable, Rejected (422 when a test failed)."""
        return await self._send(_Request("PATCH", path, None, patch, JSON_PATCH))

    async def delete(self, path: str, body: Mapping[str, object]) -> None:
        """Delete an object. Raises Unavailable, Rejected."""
        await self._send(_Request("DELETE", path, None, body))

    async def log(self, path: str, query: Query, seconds: float = LIST_SECONDS) -> bytes:
        """Read a log, or the last MAX_LOG_BYTES of it. Raises Unavailable, Rejected."""
        data = bytearray()
        limit = aiohttp.ClientTimeout(seconds, sock_connect=CONNECT_SECONDS)
        async with self._response(_Request("GET", path, query), limit) as response:
            async for chunk in response.content.iter_any():
                data += chunk
                if len(data) > MAX_LOG_BYTES:
                    del data[:-MAX_LOG_BYTES]
        return bytes(data)

    async def stream(self, path: str, query: Query) -> AsyncGenerator[bytes, None]:
        """Read something that is sent as it comes, without a limit of time: pieces of any size. Raises Unavailable, Rejected."""
        limit = aiohttp.ClientTimeout(None, sock_connect=CONNECT_SECONDS)
        async with self._response(_Request("GET", path, query), limit) as response:
            async for chunk in response.content.iter_any():
                yield chunk

    async def watch(self, path: str, query: Query) -> AsyncGenerator[bytes, None]:
        """Follow a watch line by line until the server ends it; half a line at its end is left out.

        Raises Unavailable also when it is silent for too long, and Rejected.
        """
        limit = aiohttp.ClientTimeout(None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
        async with self._response(_Request("GET", path, query), limit) as response:
            rest = bytearray()
            async for chunk in response.content.iter_any():
                *lines, end = chunk.split(b"\n")
                for line in lines:
                    yield bytes(rest + line)
                    rest.clear()
                rest += end

    async def close(self, leave_seconds: float = LEAVE_SECONDS) -> None:
        """Close all connections; they have so long to take their leave."""
        client, self._client = self._client, None
        if client is not None:
            # Without TLS's farewell: its answer could come after the loop has ended.
            session = client.rest_client.pool_manager
            if session is not None and session.connector is not None:
                await session.connector.close(abort_ssl=True)
            await client.close()  # type: ignore[no-untyped-call]  # the client's own code
            # What was ended is gone at the loop's next turn; but TLS, and a request that was cut short, take their leave.
            leaves = self._cut_short or str(client.configuration.host).startswith("https:")
            await asyncio.sleep(leave_seconds if leaves else 0)

    async def _send(self, request: _Request, seconds: float = ANSWER_SECONDS) -> bytes:
        limit = aiohttp.ClientTimeout(seconds, sock_connect=CONNECT_SECONDS)
        async with self._response(request, limit) as response:
            return await response.read()

    @asynccontextmanager
    async def _response(
        self, request: _Request, limit: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            response = await self._answer(request, limit)
            self.answers[str(response.status)] += 1
            try:
                if response.status >= 400:
                    raise _refusal(response.status, await response.content.read(_MAX_REFUSAL_BYTES))
                yield response
            finally:
                _let_go(response)
        except (aiohttp.ClientError, ssl.SSLError, OSError, TimeoutError) as error:
            raise Unavailable(_in_words(error)) from error

    async def _answer(
        self, request: _Request, limit: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        client = await self._connected()
        headers = {"Accept": "application/json"}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        method, url, headers, body, _ = await client.param_serialize(
            request.method,
            request.path,
            header_params=headers,
            body=request.body,
            auth_settings=["BearerToken"],
        )
        self.requests += 1
        url = f"{url}?{urlencode(request.query)}" if request.query else url
        try:
            answer = await client.call_api(method, url, headers, body, _request_timeout=limit)
        except BaseException as error:
            self._cut_short = True
            self.answers["none"] += not isinstance(error, asyncio.CancelledError)
            raise
        response: aiohttp.ClientResponse = answer.response
        return response

    async def _connected(self) -> ApiClient:
        async with self._connecting:
            if self._client is None:
                self._client = await log_in(self._kubeconfig, self._context)
            return self._client


def _let_go(response: aiohttp.ClientResponse) -> None:
    """Give the connection back, or end it at once where more would come: a polite end outlives the event loop."""
    transport = None if response.connection is None else response.connection.transport
    if transport is not None and not response.content.at_eof():
        transport.abort()
    response.release()


def _refusal(code: int, body: bytes) -> Exception:
    """Return what an answer other than success means: no for good, or not now."""
    try:
        status = msgspec.json.decode(body, type=Status)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        status = Status(message=body[:200].decode("utf-8", "replace"))
    if code in _NOT_NOW or code >= 500:
        return Unavailable(f"The cluster doesn't answer now ({code}): {status.message}")
    return Rejected(code, status.reason, status.message)


def _in_words(error: Exception) -> str:
    return f"The cluster doesn't answer: {str(error) or type(error).__name__}"


_NOT_NOW = frozenset({401, 408, 429})
"""401: a token expires, and the next one is read from its file."""
_MAX_REFUSAL_BYTES = 64 * 1024
