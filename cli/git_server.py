"""One bare repository over HTTP, for Pods: `git http-backend` behind a token."""

from __future__ import annotations

import asyncio
import base64
import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

_MOST_BYTES = 64 << 20
_USER = "x-access-token"


@asynccontextmanager
async def serve_git(remote: Path, address: str, token: str) -> AsyncIterator[str]:
    """Serve a bare repository at one address of this machine, to whoever knows the token; yield its URL.

    Raises OSError where the machine doesn't have this address.
    """
    repository = _Repository(remote, token)
    application = web.Application(client_max_size=_MOST_BYTES)
    application.router.add_route("*", f"/{remote.name}/{{rest:.*}}", repository.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}/{remote.name}"
    finally:
        await runner.cleanup()


class _Repository:
    def __init__(self, remote: Path, token: str) -> None:
        self._root = remote.parent
        self._wanted = "Basic " + base64.b64encode(f"{_USER}:{token}".encode()).decode()

    async def answer(self, request: web.Request) -> web.Response:
        """Hand a request to git, if it knows the token."""
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), self._wanted.encode()):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
        body = await request.read()
        process = await asyncio.create_subprocess_exec(
            *("git", "http-backend"),
            env=self._environment(request, len(body)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # a refusal is in the answer
        )
        try:
            output, _ = await process.communicate(body)
        finally:
            if process.returncode is None:
                process.kill()
        return _response(output)

    def _environment(self, request: web.Request, size: int) -> dict[str, str]:
        """Return the variables of CGI (RFC 3875); git takes pushes from a REMOTE_USER only.

        The body comes without its Content-Encoding, which the server has undone.
        """
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_PROJECT_ROOT": str(self._root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": request.method,
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(size),
            "REMOTE_USER": _USER,
            "REMOTE_ADDR": request.remote or "",
        }


def _response(output: bytes) -> web.Response:
    """Read what a CGI program printed."""
    head, _, content = output.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    # Without any head git has failed.
    status = int(headers.pop("Status", "200" if headers else "500").split()[0])
    return web.Response(status=status, headers=headers, body=content)
