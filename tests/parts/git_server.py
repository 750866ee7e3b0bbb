"""A real git server on loopback: `git http-backend` behind HTTP, which demands a token."""

from __future__ import annotations

import base64
import contextlib
import os
import ssl
import subprocess
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

TOKEN = "ghp_0123456789abcdefTESTtoken"  # shaped like a real one, so that a leak is found by its looks too

_AUTHOR = "Grace <grace@example.com>"
_GIT_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Grace",
    "GIT_AUTHOR_EMAIL": "grace@example.com",
    "GIT_COMMITTER_NAME": "Grace",
    "GIT_COMMITTER_EMAIL": "grace@example.com",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


@dataclass(frozen=True, slots=True)
class GitRequest:
    """One HTTP request as the server saw it; `authorized` says whether it carried the right token."""

    method: str
    path: str
    authorized: bool
    had_credentials: bool


class GitServer:
    """Bare repositories in a folder, served over HTTP, with `tls` HTTPS, to whoever knows `token`. A context manager."""

    def __init__(
        self,
        root: Path,
        token: str = TOKEN,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.root = root
        self.token = token
        self.requests: list[GitRequest] = []
        self.public = False
        """Whether it serves without a token, too; a wrong one it refuses all the same."""
        self.answers: dict[str, tuple[int, Mapping[str, str]]] = {}
        """Path prefix -> status and headers to answer with instead of git, for redirects and errors."""
        root.mkdir(parents=True, exist_ok=True)
        self._going = threading.Event()
        self._going.set()
        self._http = ThreadingHTTPServer((host, 0), _Handler)
        self._http.daemon_threads = True
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self._http.git_server = self  # type: ignore[attr-defined]  # the handler's way back to us
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The server's address, without a slash at its end."""
        host, port = self._http.server_address[:2]
        return f"{self._scheme}://{host!s}:{port}"

    def repo_url(self, name: str) -> str:
        """Return where the repository `name` is to be cloned from."""
        return f"{self.url}/{name}.git"

    def create(
        self, name: str, files: Mapping[str, str | bytes], branch: str = "main"
    ) -> OriginRepo:
        """Make a bare repository with one commit that holds `files`."""
        repo = OriginRepo(self.root / f"{name}.git", self.repo_url(name), branch)
        repo.make(files)
        return repo

    def hold(self) -> None:
        """Take requests, and answer none from now on, until the server closes."""
        self._going.clear()

    def wait_while_held(self) -> None:
        """Wait as long as `hold` demands."""
        self._going.wait(60)

    def close(self) -> None:
        """Stop serving."""
        self._going.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)

    def __enter__(self) -> GitServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class OriginRepo:
    """One bare repository: what a forge would hold. `url` needs the server's token, `path` doesn't."""

    path: Path
    url: str
    branch: str = "main"

    @property
    def file_url(self) -> str:
        """The same repository as a `file:` URL, which needs no server."""
        return self.path.as_uri()

    def make(self, files: Mapping[str, str | bytes]) -> None:
        """Create the repository on disk with one commit."""
        run_git(
            None, "init", "--quiet", "--bare", f"--initial-branch={self.branch}", str(self.path)
        )
        run_git(self.path, "config", "http.receivepack", "true")
        run_git(self.path, "config", "uploadpack.allowFilter", "true")
        self.commit(files, "First commit")

    def commit(
        self, files: Mapping[str, str | bytes], message: str, branch: str | None = None
    ) -> str:
        """Add a commit that writes `files` on top of a branch (made when missing); return its id."""
        name = branch or self.branch
        stream = [f"commit refs/heads/{name}\n".encode()]
        stream.append(f"committer {_AUTHOR} 1700000000 +0000\n".encode())
        stream.append(_data(message.encode()))
        if parent := self.branches().get(name, self.branches().get(self.branch)):
            stream.append(f"from {parent}\n".encode())
        for path, content in files.items():
            stream.append(f"M 100644 inline {path}\n".encode())
            stream.append(_data(content.encode() if isinstance(content, str) else content))
        subprocess.run(
            ["git", "fast-import", "--quiet", "--done"],
            cwd=self.path,
            input=b"".join(stream) + b"done\n",
            env={**os.environ, **_GIT_ENVIRONMENT},
            check=True,
            capture_output=True,
        )
        return self.branches()[name]

    def branches(self) -> dict[str, str]:
        """Return the branches that stand on the server now, with their commit ids."""
        lines = run_git(
            self.path, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads"
        )
        return dict(line.rsplit(" ", 1) for line in lines.splitlines())

    def read(self, branch: str, path: str) -> str:
        """Return the text of a file on a branch; raises CalledProcessError when it isn't there."""
        return run_git(self.path, "show", f"refs/heads/{branch}:{path}")

    def files(self, branch: str) -> list[str]:
        """Return the paths of all files on a branch."""
        listed = run_git(self.path, "ls-tree", "-r", "-z", "--name-only", f"refs/heads/{branch}")
        return [path for path in listed.split("\0") if path]

    def diffstat(self, base: str, branch: str) -> str:
        """Return git's own `--shortstat` between two refs."""
        return run_git(self.path, "diff", "--shortstat", base, branch).strip()

    def protect(
        self, patterns: Iterable[str], message: str = "GH006: Protected branch update failed"
    ) -> None:
        """Refuse pushes to branches that match a shell pattern, as a forge's protection does."""
        cases = "".join(
            f'    refs/heads/{pattern}) echo "error: {message}" >&2; exit 1;;\n'
            for pattern in patterns
        )
        self.hook(
            "pre-receive", f'while read old new ref; do\n  case "$ref" in\n{cases}  esac\ndone\n'
        )

    def hook(self, name: str, body: str) -> None:
        """Install a hook (shell) on the server."""
        path = self.path / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}")
        path.chmod(0o755)


def run_git(folder: Path | None, *arguments: str) -> str:
    """Run git for a test, away from the machine's own configuration; return its output, raise on failure."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **_GIT_ENVIRONMENT},
        check=True,
        capture_output=True,
    )
    return done.stdout.decode("utf-8", "surrogateescape")


def _data(content: bytes) -> bytes:
    return b"data %d\n" % len(content) + content + b"\n"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay silent: the tests read `requests`."""

    def _serve(self) -> None:
        server: GitServer = self.server.git_server  # type: ignore[attr-defined]  # set by GitServer
        body = self._body()
        given = self.headers.get("Authorization", "")
        wanted = "Basic " + base64.b64encode(f"x-access-token:{server.token}".encode()).decode()
        server.requests.append(GitRequest(self.command, self.path, given == wanted, bool(given)))
        server.wait_while_held()
        for prefix, (status, headers) in server.answers.items():
            if self.path.startswith(prefix):
                self._answer(status, headers, b"")
                return
        if given != wanted and (given or not server.public):
            self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"no\n")
            return
        self._run_backend(server, body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _run_backend(self, server: GitServer, body: bytes) -> None:
        parts = urlsplit(self.path)
        environment = {
            **os.environ,
            **_GIT_ENVIRONMENT,
            "GIT_PROJECT_ROOT": str(server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "x-access-token",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(
            line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line
        )
        status = int(headers.pop("Status", "200").split()[0])
        self._answer(status, headers, content)

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        with contextlib.suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(content)
