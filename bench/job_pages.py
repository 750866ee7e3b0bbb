"""`python -m bench.job_pages`: an API server's list of many Jobs, page by page, from a process of its own.

Prints its address, and serves until its standard input ends. The Jobs are copies of a real one (job.json, as an API server
gave it, managed fields and all) of a Run that ended well and was told.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from runs.run import message_key, run_id

JOBS = 5000
PAGE = 500
_SAMPLE_CHAT = -1001234567890
_SAMPLE_KEY = message_key(_SAMPLE_CHAT, 77)
_SAMPLE_UID = "32040602-53f5-476a-81d0-d6d42d81fb31"
_VERSION = 100_000


def page(number: int) -> bytes:
    """Return one page of the list, the first being 0."""
    sample = Path(__file__).with_name("job.json").read_text(encoding="utf-8").strip()
    first = number * PAGE
    jobs = ",".join(_job(sample, first + offset) for offset in range(PAGE))
    more = str(number + 1) if first + PAGE < JOBS else ""
    metadata = f'{{"resourceVersion":"{_VERSION}","continue":"{more}"}}'
    head = f'"kind":"JobList","apiVersion":"batch/v1","metadata":{metadata}'
    return f'{{{head},"items":[{jobs}]}}'.encode()


def _job(sample: str, number: int) -> str:
    """Return the sample as another Run's."""
    key = message_key(_SAMPLE_CHAT, 1000 + number)
    text = sample.replace(_SAMPLE_KEY, key).replace(run_id(_SAMPLE_KEY), run_id(key))
    return text.replace(_SAMPLE_UID, str(uuid.UUID(int=number)))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pages: dict[int, bytes]

    def do_GET(self) -> None:
        """Answer with a page of Jobs, an empty list of anything else, or a watch that never tells anything."""
        address = urlsplit(self.path)
        query = parse_qs(address.query)
        if "watch" in query:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            threading.Event().wait()
        number = int(query.get("continue", ["0"])[0])
        body = b'{"metadata":{"resourceVersion":"%d"},"items":[]}' % _VERSION
        if address.path.endswith("/jobs"):
            body = self.pages[number]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # who asked may have ended
            self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay silent."""


def main() -> None:
    """Serve until standard input ends."""
    _Handler.pages = {number: page(number) for number in range(JOBS // PAGE)}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
