"""Stands between a bot and the API server, and notes each request."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from bench.cluster import Cluster
from tests.k8s.fake_cluster import kubeconfig as kubeconfig_of


@dataclass(slots=True)
class Counter:
    """The requests so far, as `METHOD address`; `kubeconfig` leads through here."""

    kubeconfig: Path
    requests: list[str] = field(default_factory=list)


@asynccontextmanager
async def counted(cluster: Cluster, folder: Path) -> AsyncIterator[Counter]:
    """Listen on loopback, and pass everything on by way of `kubectl proxy`, which logs in."""
    counter = Counter(folder / "kubeconfig")
    proxy = await asyncio.create_subprocess_exec(
        *(*cluster.kubectl, "proxy", "--port=0"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    assert proxy.stdout is not None
    first = (await proxy.stdout.readline()).decode()
    server = "http://" + first.strip().rpartition(" ")[2]
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(None)) as session:
            runner = web.AppRunner(_application(session, server, counter), shutdown_timeout=0.1)
            await runner.setup()
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                host, port = runner.addresses[0][:2]
                counter.kubeconfig.write_text(kubeconfig_of(f"http://{host}:{port}"))
                yield counter
            finally:
                await runner.cleanup()
    finally:
        proxy.kill()
        await proxy.wait()


def _application(session: aiohttp.ClientSession, server: str, counter: Counter) -> web.Application:
    async def pass_on(request: web.Request) -> web.StreamResponse:
        counter.requests.append(f"{request.method} {request.path_qs}")
        kinds = ("Accept", "Content-Type")
        headers = {kind: request.headers[kind] for kind in kinds if kind in request.headers}
        async with session.request(
            request.method,
            f"{server}{request.raw_path}",
            data=await request.read(),
            headers=headers,
        ) as answer:
            response = web.StreamResponse(status=answer.status)
            response.content_type = answer.content_type
            await response.prepare(request)
            with contextlib.suppress(ConnectionError):  # who asked may have gone meanwhile
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
            return response

    application = web.Application(client_max_size=1 << 24)
    application.router.add_route("*", "/{rest:.*}", pass_on)
    return application
