"""The broker's way to its servers: by TLS with a certificate of one's own, and by proxies."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sandbox.broker.upstream import Call, Server, Unreachable, same_server


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        told = f"{self.path} {self.headers['Host']} {self.headers.get('Proxy-Authorization')}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told.encode())

    def do_CONNECT(self) -> None:
        """Be a proxy: pass bytes both ways until one side ends."""
        host, _, port = self.path.partition(":")
        self.server.asked.append((self.path, self.headers.get("Proxy-Authorization")))  # type: ignore[attr-defined]  # set by `serve`
        with socket.create_connection((host, int(port))) as far:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_copy, args=(far, self.connection), daemon=True)
            back.start()
            _copy(self.connection, far)
            back.join(5)
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Stay silent."""


def _copy(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


def serve(context: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.daemon_threads = True
    server.asked = []  # type: ignore[attr-defined]  # what CONNECT was asked for
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


@pytest.fixture
def plain() -> Iterator[ThreadingHTTPServer]:
    server = serve()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing")
    path = tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *(
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=here",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
            ),
            *("-keyout", str(tmp_path / "key.pem"), "-out", str(path)),
        ],
        check=True,
        capture_output=True,
    )
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[ThreadingHTTPServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    server = serve(context)
    yield server
    server.shutdown()
    server.server_close()


def ask(url: str, **environment: str) -> str:
    server = Server(url, environment)
    try:
        answers = [server.ask(Call("GET", "/x", {})).read(1000).decode() for _ in range(2)]
    finally:
        server.close()
    assert answers[0] == answers[1]
    return answers[0]


def test_a_certificate_of_ones_own_is_believed_and_no_other(
    secure: ThreadingHTTPServer, certificate: Path
) -> None:
    url = f"https://127.0.0.1:{secure.server_port}"
    assert ask(url, SSL_CERT_FILE=str(certificate)).startswith("/x 127.0.0.1:")
    with pytest.raises(Unreachable, match="certificate verify failed"):
        ask(url)


def test_a_proxy_is_used_unless_the_server_is_exempt(
    plain: ThreadingHTTPServer, secure: ThreadingHTTPServer, certificate: Path
) -> None:
    proxy = f"http://ada:pass%21@127.0.0.1:{plain.server_port}"
    target = f"127.0.0.1:{secure.server_port}"
    trusted = {"SSL_CERT_FILE": str(certificate), "HTTPS_PROXY": proxy}
    assert ask(f"https://{target}", **trusted).startswith("/x ")
    assert plain.asked == [(target, "Basic YWRhOnBhc3Mh")]  # type: ignore[attr-defined]  # set by `serve`
    assert ask(f"https://{target}", **trusted, NO_PROXY="127.0.0.1").startswith("/x ")
    assert len(plain.asked) == 1  # type: ignore[attr-defined]  # set by `serve`
    told = ask("http://git.example:81", http_proxy=proxy)
    assert told == "http://git.example:81/x git.example:81 Basic YWRhOnBhc3Mh"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example/x", "https://a.example:443/y", True),
        ("http://a.example/x", "https://a.example/x", True),
        ("https://a.example/x", "http://a.example/x", False),
        ("https://a.example/x", "https://b.example/x", False),
        ("https://a.example/x", "https://a.example.evil/x", False),
        ("https://a.example/x", "https://evil@a.example:444/x", False),
        ("http://a.example:8080/x", "https://a.example/x", False),
    ],
)
def test_a_key_goes_to_its_own_server_only(one: str, other: str, same: bool) -> None:
    assert same_server(one, other) is same
