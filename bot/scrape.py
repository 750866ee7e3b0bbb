"""The page /metrics, for Prometheus."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from bot.settings import Listen

if TYPE_CHECKING:
    from aiohttp import web

log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def scraped(registry: CollectorRegistry, listen: Listen | None) -> AsyncIterator[None]:
    """Serve /metrics meanwhile. An address that can't be had is logged: it's no reason to be without a bot."""
    if listen is None:
        yield
        return
    # Loaded only here: a bot on one machine does without an HTTP server.
    from aiohttp import web

    async def page(request: web.Request) -> web.Response:
        encode, kind = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": kind})

    application = web.Application()
    application.router.add_get("/metrics", page)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, listen.address, listen.port).start()
        except OSError as error:
            log.warning("no metrics: %s port %d: %s", listen.address, listen.port, error)
        yield
    finally:
        await runner.cleanup()
