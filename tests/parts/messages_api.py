"""A scripted Anthropic Messages API on loopback: what the real Claude Code CLI needs of it, and its faults.

It answers `POST /v1/messages` (streamed and whole) and `POST /v1/messages/count_tokens`, one step of its script
per request, the last step again and again, and remembers every request.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    """The model says something."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The model asks for a tool of Claude Code, such as Write or Bash."""

    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of the model. A turn with a ToolUse makes the CLI come back with the tool's result.

    `token_seconds` is the pause before each streamed word.
    """

    blocks: Sequence[Text | ToolUse]
    input_tokens: int = 1200
    cache_read_tokens: int = 5000
    output_tokens: int = 42
    token_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as the API gives it, such as Refusal(529, "overloaded_error", "Overloaded")."""

    status: int
    kind: str
    message: str = "scripted"


@dataclass(frozen=True, slots=True)
class Hang:
    """Take the request and never answer, until the server ends."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """Answer 200 with these bytes, whatever they are, and close the connection."""

    body: bytes
    content_type: str = "text/event-stream"


Step = Turn | Refusal | Hang | Garbage


def say(text: str) -> Turn:
    """Make the turn with which a conversation ends."""
    return Turn([Text(text)])


def use(name: str, **values: Any) -> Turn:
    """Make a turn that asks for one tool."""
    return Turn([ToolUse(name, values)])


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived; the names of headers are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def user_texts(self) -> list[str]:
        """Return every text that the user's messages hold, in order; the prompt is one of them."""
        found: list[str] = []
        for message in self.body.get("messages", []):
            if message["role"] == "user":
                content = message["content"]
                blocks = (
                    [{"type": "text", "text": content}] if isinstance(content, str) else content
                )
                found += [block["text"] for block in blocks if block["type"] == "text"]
        return found


@dataclass(slots=True)
class MessagesApi:
    """The server, as a context manager. `requests` holds the calls of `/v1/messages` so far."""

    script: Sequence[Step]
    host: str = "127.0.0.1"
    requests: list[Request] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> MessagesApi:
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = _Server((self.host, 0), handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Return what ANTHROPIC_BASE_URL has to be."""
        assert self._server is not None
        return f"http://{self.host}:{self._server.server_port}"

    def take(self, request: Request) -> Step:
        """Remember a request and return the step that answers it."""
        with self._lock:
            step = self.script[min(len(self.requests), len(self.script) - 1)]
            self.requests.append(request)
        return step

    def wait(self, seconds: float | None = None) -> None:
        """Wait that long, or until the server ends."""
        self._ended.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent when a client that was killed leaves its connection."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: MessagesApi

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = self.path.partition("?")[0]
        if path == "/v1/messages/count_tokens":
            self._send_json(200, {"input_tokens": 1200})
        elif path != "/v1/messages":
            self._send_json(404, _error("not_found_error", path))
        else:
            self._answer(self.api.take(Request(path, headers, body)), body)

    def do_HEAD(self) -> None:
        self._send_json(200, {})

    def log_message(self, *args: object) -> None:
        """Print nothing."""

    def _answer(self, step: Step, body: Mapping[str, Any]) -> None:
        if isinstance(step, Hang):
            self.close_connection = True
            self.api.wait()
        elif isinstance(step, Garbage):
            self._start(200, step.content_type)
            self.wfile.write(step.body)
        elif isinstance(step, Refusal):
            self._send_json(step.status, _error(step.kind, step.message))
        elif body.get("stream"):
            self._start(200, "text/event-stream")
            for event in _events(step, str(body.get("model"))):
                self.api.wait(step.token_seconds) if step.token_seconds else None
                self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
                self.wfile.flush()
        else:
            self._send_json(200, _whole(step, str(body.get("model"))))

    def _send_json(self, status: int, value: Mapping[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _start(self, status: int, content_type: str) -> None:
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Connection", "close")
        self.end_headers()


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


def _usage(turn: Turn, output_tokens: int) -> dict[str, int]:
    return {
        "input_tokens": turn.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": turn.cache_read_tokens,
        "output_tokens": output_tokens,
    }


def _message(turn: Turn, model: str) -> dict[str, Any]:
    return {
        "id": f"msg_{id(turn):024x}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(turn, 1),
    }


def _stop_reason(turn: Turn) -> str:
    return "tool_use" if any(isinstance(block, ToolUse) for block in turn.blocks) else "end_turn"


def _tool_id(turn: Turn, index: int) -> str:
    return f"toolu_{id(turn):020x}{index:02d}"


def _whole(turn: Turn, model: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for index, block in enumerate(turn.blocks):
        if isinstance(block, Text):
            content.append({"type": "text", "text": block.text})
        else:
            content.append(
                {
                    "type": "tool_use",
                    "id": _tool_id(turn, index),
                    "name": block.name,
                    "input": block.input,
                }
            )
    return {
        **_message(turn, model),
        "content": content,
        "stop_reason": _stop_reason(turn),
        "usage": _usage(turn, turn.output_tokens),
    }


def _events(turn: Turn, model: str) -> Iterator[dict[str, Any]]:
    """Stream a turn; see https://docs.anthropic.com/en/docs/build-with-claude/streaming for the events."""
    yield {"type": "message_start", "message": _message(turn, model)}
    for index, block in enumerate(turn.blocks):
        if isinstance(block, Text):
            start: dict[str, Any] = {"type": "text", "text": ""}
            deltas = [
                {"type": "text_delta", "text": part}
                for part in block.text.splitlines(keepends=True)
            ]
        else:
            start = {
                "type": "tool_use",
                "id": _tool_id(turn, index),
                "name": block.name,
                "input": {},
            }
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block.input)}]
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": _stop_reason(turn), "stop_sequence": None},
        "usage": {"output_tokens": turn.output_tokens},
    }
    yield {"type": "message_stop"}
