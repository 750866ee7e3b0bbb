"""Package registries on loopback, and small projects with real lockfiles that the tools themselves made from them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

_PACKAGES = (".tgz", ".whl", ".gem", ".crate", ".jar", ".zip")


class Registry:
    """One server of files, which it knows how to publish for npm and pip. `asked` counts the packages that were fetched."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.asked = 0
        self._closed = False
        self._files: dict[str, bytes] = {}
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                content = registry._files.get(path)
                registry.asked += self.command == "GET" and path.endswith(_PACKAGES)
                self.send_response(404 if content is None else 200)
                kind = "text/html" if path.endswith("/") else "application/json"
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content or b"")

            def do_HEAD(self) -> None:
                self.do_GET()

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self.url = f"http://{host}:{self._server.server_port}"

    def __enter__(self) -> Registry:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Answer nobody any more; may repeat."""
        if not self._closed:
            self._closed = True
            self._server.shutdown()
            self._server.server_close()

    def publish(self, path: str, content: bytes | str) -> None:
        """Serve a file at a path."""
        self._files[path] = content.encode() if isinstance(content, str) else content

    def npm_package(self, name: str, size: int = 1) -> tuple[str, str]:
        """Publish a package of so many files, and return where it is and its integrity."""
        archive = _npm_archive(name, size)
        path = f"/{name}/-/{name}-1.0.0.tgz"
        self._files[path] = archive
        sha512 = base64.b64encode(hashlib.sha512(archive).digest()).decode()
        dist = {
            "tarball": f"{self.url}{path}",
            "integrity": f"sha512-{sha512}",
            "shasum": hashlib.sha1(archive).hexdigest(),
        }
        version = {"name": name, "version": "1.0.0", "main": "index.js", "dist": dist}
        about = {
            "name": name,
            "dist-tags": {"latest": "1.0.0"},
            "versions": {"1.0.0": version},
            "time": {"1.0.0": "2020-01-01T00:00:00.000Z"},
        }
        self._files[f"/{name}"] = json.dumps(about).encode()
        return dist["tarball"], dist["integrity"]

    def npm_project(
        self, files: Mapping[str, str], packages: int = 1, size: int = 1
    ) -> dict[str, str]:
        """Publish packages of so many files, and return a project that depends on all of them."""
        locked: dict[str, object] = {}
        wanted = {}
        for number in range(packages):
            name = f"part-{number}"
            resolved, integrity = self.npm_package(name, size)
            locked[f"node_modules/{name}"] = {
                "version": "1.0.0",
                "resolved": resolved,
                "integrity": integrity,
            }
            wanted[name] = "1.0.0"
        package = {"name": "demo", "version": "1.0.0", "dependencies": wanted}
        lock = {
            "name": "demo",
            "version": "1.0.0",
            "lockfileVersion": 3,
            "requires": True,
            "packages": {"": package, **locked},
        }
        return {
            "package.json": json.dumps(package, indent=2),
            "package-lock.json": json.dumps(lock, indent=2),
            ".npmrc": f"registry={self.url}/\ncache=.npm-cache\nupdate-notifier=false\n",
            ".gitignore": ".npm-cache/\n",
            **files,
        }

    def wheel(self, name: str, code: str) -> None:
        """Publish a Python package of one module, with a program of its name."""
        content = io.BytesIO()
        info = f"{name}-1.0.dist-info"
        with zipfile.ZipFile(content, "w") as wheel:
            wheel.writestr(f"{name}.py", code)
            wheel.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
            )
            wheel.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name} = {name}:main\n")
            wheel.writestr(f"{info}/RECORD", "")
        file = f"{name}-1.0-py3-none-any.whl"
        self._files[f"/{file}"] = content.getvalue()
        page = f'<html><body><a href="/{file}">{file}</a></body></html>'
        self._files[f"/simple/{name}/"] = page.encode()

    def requirements(self, *wanted: str) -> str:
        """Return a requirements.txt that takes these from here."""
        host = urlsplit(self.url).hostname
        options = [f"--index-url {self.url}/simple/", f"--trusted-host {host}"]
        return "\n".join([*options, *wanted, ""])


def _npm_archive(name: str, size: int) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        files = {"package.json": json.dumps({"name": name, "version": "1.0.0", "main": "index.js"})}
        files["index.js"] = f"module.exports = '{name} speaks';\n"
        files |= {f"lib/{number}.js": f"// {name} {number}\n" * 60 for number in range(size - 1)}
        for path, text in files.items():
            member = tarfile.TarInfo(f"package/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()
