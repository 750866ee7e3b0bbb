"""A forge and a model's server that know one key each: what is asked of them before anything is installed."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar

Answers = dict[str, tuple[int, dict[str, Any], dict[str, str]]]
"""By what follows the address: status, JSON, headers."""


class KeyServer:
    """Answers a GET whose headers hold `key`; any other gets 401. `answers` may be changed at any time."""

    def __init__(self, key: str, answers: Answers, host: str = "127.0.0.1") -> None:
        self.key = key
        self.answers = answers
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer((host, 0), _handler(self))
        self.url = f"http://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> KeyServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def forge(token: str, host: str = "127.0.0.1") -> KeyServer:
    """Make a GitHub that knows a classic token with the scope repo."""
    user = (200, {"login": "ada"}, {"X-OAuth-Scopes": "read:org, repo"})
    return KeyServer(token, {"/user": user}, host)


def model(key: str, host: str = "127.0.0.1") -> KeyServer:
    """Make a model's server that lists its models."""
    return KeyServer(key, {"/v1/models?limit=1": (200, {"data": []}, {})}, host)


def _handler(server: KeyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version: ClassVar[str] = "HTTP/1.1"

        def do_GET(self) -> None:
            server.asked.append(self.path)
            keys = (self.headers.get("Authorization", ""), self.headers.get("x-api-key", ""))
            status, values, headers = 401, {"message": "Bad credentials"}, {}
            if server.key in (keys[0].removeprefix("Bearer "), keys[1]):
                status, values, headers = server.answers.get(self.path, (404, {}, {}))
            body = json.dumps(values).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    return Handler
