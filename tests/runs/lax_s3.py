"""A small server of S3's API that knows no conditions: it ignores them, or says that it has none.

MinIO is the real one, and minds them; of those that don't none can be had for tests.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web

from tests.parts.s3_fixtures import KEY, SECRET

_LIST = (
    """<ListBucketResult><Name>box</Name><IsTruncated>false</IsTruncated>{}</ListBucketResult>"""
)
_ITEM = "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size></Contents>"


@asynccontextmanager
async def lax_server(*, refuses: bool) -> AsyncIterator[dict[str, str]]:
    """Serve the bucket `box`; give the variables with which it is reached."""
    objects: dict[str, bytes] = {}

    async def answer(request: web.Request) -> web.Response:
        name = request.path.removeprefix("/box").strip("/")
        conditional = {"If-Match", "If-None-Match"} & set(request.headers)
        if refuses and conditional:
            return web.Response(status=501, text="<Error><Code>NotImplemented</Code></Error>")
        if request.method == "PUT":
            objects[name] = await request.read()
            return web.Response(headers={"ETag": _tag(objects[name])})
        if request.method == "DELETE":
            objects.pop(name, None)
            return web.Response(status=204)
        if not name:
            items = [
                _ITEM.format(key, _NOW, _tag(data), len(data)) for key, data in objects.items()
            ]
            return web.Response(text=_LIST.format("".join(items)), content_type="application/xml")
        if name not in objects:
            return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
        headers = {"ETag": _tag(objects[name]), "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        return web.Response(body=objects[name], headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": url}
    finally:
        await runner.cleanup()


_NOW = datetime(2026, 1, 1, tzinfo=UTC).isoformat().replace("+00:00", "Z")


def _tag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'
