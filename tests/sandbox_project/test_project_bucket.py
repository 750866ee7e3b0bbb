"""What a bucket's server may do that MinIO doesn't: tell an entry's age as the test likes, or end in the middle."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sandbox.dependencies.bucket_cache import BucketCache
from sandbox.dependencies.cache import HEADER_BYTES, NoEntry, Root, Until
from sandbox.dependencies.slots import Slot, decode

KEY = "a" * 40
SOON = Until(float("inf"))
Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def served(answer: Answer, written: list[str]) -> Iterator[tuple[Slot, ...]]:
    """Serve four slots; where one is written is noted."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            written.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield tuple(Slot(f"{url}/{number}", f"{url}/{number}") for number in range(4))
        server.shutdown()


def foreign(handler: BaseHTTPRequestHandler) -> None:
    """Give the entry of another lockfile; the slots 0 to 3 are 30, 10, 40 and 20 days old."""
    days = (30, 10, 40, 20)[int(handler.path[1:])]
    handler.send_response(200)
    handler.send_header("Last-Modified", formatdate(1_800_000_000 - days * 86_400, usegmt=True))
    handler.end_headers()
    handler.wfile.write(json.dumps({"key": "b" * 40}).encode().ljust(HEADER_BYTES))


def test_where_all_slots_are_taken_the_oldest_gives_way(tmp_path: Path) -> None:
    written: list[str] = []
    (tmp_path / "made").mkdir()
    with served(foreign, written) as slots:
        cache = BucketCache(slots, tmp_path / "passing")
        with pytest.raises(NoEntry, match=r"^$"):
            cache.restore(KEY, tmp_path, SOON)
        cache.keep(KEY, "/where", [Root("node_modules", tmp_path / "made")], SOON)
    assert written == ["/2"]


def test_a_server_that_ends_in_the_middle_makes_a_miss(tmp_path: Path) -> None:
    def half(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.wfile.write(json.dumps({"key": KEY}).encode().ljust(HEADER_BYTES))

    with served(half, []) as slots, pytest.raises(NoEntry, match=r"ignored|ends"):
        BucketCache(slots, tmp_path / "passing").restore(KEY, tmp_path, SOON)
    assert list((tmp_path / "passing").iterdir()) == []


def test_a_server_that_is_busy_is_asked_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def busy(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        handler.send_response(503 if len(asked) == 1 else 404)
        handler.end_headers()
        handler.wfile.write(b"<Error><Code>NoSuchKey</Code></Error>")

    with served(busy, []) as slots:
        cache = BucketCache(slots, tmp_path / "passing")
        with pytest.raises(NoEntry, match=r"^$"):
            cache.restore(KEY, tmp_path, SOON)
    assert (len(asked), cache.problem) == (2, None)


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    asked: list[str] = []

    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        handler.send_response(307)
        handler.send_header("Location", "/elsewhere")
        handler.end_headers()

    with served(elsewhere, []) as slots, pytest.raises(NoEntry, match="says 307"):
        BucketCache(slots, tmp_path / "passing").restore(KEY, tmp_path, SOON)
    assert len(asked) == 1 and asked != ["/elsewhere"]


@pytest.mark.parametrize(
    "text", ["", "{}", "[[]]", "[1]", '["ab"]', '[["file:///etc/passwd","http://x"]]', "[" * 9999]
)
def test_addresses_that_are_none_are_no_slots(text: str) -> None:
    assert decode(text) == ()
