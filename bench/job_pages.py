"""`python -m bench.job_pages`: an API server's list of many Jobs, page by page, from a process of its own.

Prints its address, and serves until its standard input ends. The Jobs are copies of a real one (job.json, as an API server
gave it, managed fields and all) of a Run that ended well and was told. As the real one does, it gives them whole, as
metadata only, or as the table that kubectl asks for.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from runs.run import message_key, run_id

JOBS = 5000
PAGE = 500
_SAMPLE_CHAT = -1001234567890
_SAMPLE_KEY = message_key(_SAMPLE_CHAT, 77)
_SAMPLE_UID = "32040602-53f5-476a-81d0-d6d42d81fb31"
_VERSION = 100_000
_META = "meta.k8s.io/v1"
WHOLE, METADATA, TABLE = "JobList", "PartialObjectMetadataList", "Table"


def page(number: int, kind: str = WHOLE) -> bytes:
    """Return one page of the list, the first being 0."""
    sample = Path(__file__).with_name("job.json").read_text(encoding="utf-8").strip()
    sample = json.dumps(_as(kind, json.loads(sample)), separators=(",", ":"))
    first = number * PAGE
    jobs = ",".join(_job(sample, first + offset) for offset in range(PAGE))
    more = str(number + 1) if first + PAGE < JOBS else ""
    metadata = f'{{"resourceVersion":"{_VERSION}","continue":"{more}"}}'
    version = "batch/v1" if kind == WHOLE else _META
    items = f'"columnDefinitions":{json.dumps(_COLUMNS)},"rows"' if kind == TABLE else '"items"'
    head = f'"kind":"{kind}","apiVersion":"{version}","metadata":{metadata}'
    return f"{{{head},{items}:[{jobs}]}}".encode()


_COLUMNS = [
    {"name": name, "type": "string", "format": "", "description": "", "priority": 0}
    for name in ("Name", "Status", "Completions", "Duration", "Age")
]


def _as(kind: str, job: dict[str, Any]) -> dict[str, Any]:
    """Return a Job in a form of the list."""
    partial = {
        "kind": "PartialObjectMetadata",
        "apiVersion": _META,
        "metadata": job["metadata"],
    }
    if kind == TABLE:
        cells = [job["metadata"]["name"], "Complete", "1/1", "9s", "3d"]
        return {"cells": cells, "object": partial}
    return partial if kind == METADATA else job


def _job(sample: str, number: int) -> str:
    """Return the sample as another Run's."""
    key = message_key(_SAMPLE_CHAT, 1000 + number)
    text = sample.replace(_SAMPLE_KEY, key).replace(run_id(_SAMPLE_KEY), run_id(key))
    return text.replace(_SAMPLE_UID, str(uuid.UUID(int=number)))


_DISCOVERY: dict[str, object] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [
            {
                "name": "batch",
                "versions": [{"groupVersion": "batch/v1", "version": "v1"}],
                "preferredVersion": {"groupVersion": "batch/v1", "version": "v1"},
            }
        ],
    },
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": []},
    "/apis/batch/v1": {
        "kind": "APIResourceList",
        "groupVersion": "batch/v1",
        "resources": [
            {
                "name": "jobs",
                "singularName": "job",
                "namespaced": True,
                "kind": "Job",
                "verbs": ["get", "list", "watch"],
            }
        ],
    },
}
"""What kubectl asks before its list."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pages: dict[tuple[int, str], bytes]

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
        if address.path in _DISCOVERY:
            body = json.dumps(_DISCOVERY[address.path]).encode()
        elif address.path.endswith("/jobs"):
            body = self.pages[number, self._kind()]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # who asked may have ended
            self.wfile.write(body)

    def _kind(self) -> str:
        wanted = self.headers.get("Accept", "")
        return next((kind for kind in (METADATA, TABLE) if f"as={kind};" in wanted), WHOLE)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay silent."""


def main() -> None:
    """Serve until standard input ends."""
    _Handler.pages = {
        (number, kind): page(number, kind)
        for number in range(JOBS // PAGE)
        for kind in (WHOLE, METADATA, TABLE)
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
