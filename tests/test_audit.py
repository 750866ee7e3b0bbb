"""`scripts/audit-npm` with the real npm, at a registry on loopback that knows of vulnerabilities, or doesn't tell."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.npm


def _advisory(severity: str) -> dict[str, list[dict[str, Any]]]:
    about = {"id": 1, "url": "https://example.com/1", "title": "Yarn is weak", "cwe": []}
    return {"yarn": [{**about, "severity": severity, "vulnerable_versions": "<2"}]}


@pytest.fixture
def registry() -> Iterator[Callable[[dict[str, Any] | None], str]]:
    """Start a registry that knows these advisories; with None it hasn't got any to ask for."""
    servers: list[ThreadingHTTPServer] = []

    def start(known: dict[str, Any] | None) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self._answer(405 if known is None else 200, known or {})

            def do_GET(self) -> None:  # of the package that an advisory names: its versions
                version = {"name": "yarn", "version": "1.22.22", "dist": {"tarball": "none"}}
                self._answer(200, {"name": "yarn", "versions": {"1.22.22": version}})

            def _answer(self, status: int, body: dict[str, Any]) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever).start()
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("known", "code", "said"),
    [
        ({}, 0, ""),
        (_advisory("moderate"), 0, ""),
        (_advisory("critical"), 1, "Yarn is weak"),
        (None, 3, "not audited"),
    ],
    ids=["nothing", "something moderate", "something critical", "no advisories"],
)
def test_what_is_known_against_the_programs_from_npm_decides(
    registry: Callable[[dict[str, Any] | None], str],
    tmp_path: Path,
    known: dict[str, Any] | None,
    code: int,
    said: str,
) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "npm_config_registry": registry(known),
        "npm_config_fetch_retries": "0",
    }
    command = ["sh", ROOT / "scripts/audit-npm", ROOT / "image"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
