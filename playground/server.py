"""The Bot API over HTTP on loopback, beside it /play/, the people's side for another process, and at / the chat page."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from playground.arguments import Arguments, Upload
from playground.chat_page import ChatPage
from playground.control import Control
from playground.faults import Fault, FaultKind
from playground.methods import METHODS, get_updates
from playground.refusal import Refused, bad_request, unauthorized
from playground.state import Call, State
from playground.view import Welcome
from playground.world import World

MAX_BODY_BYTES = 64 * 1024 * 1024
_TOKEN = re.compile(r"\d{1,20}:[A-Za-z0-9_-]{24,}")


@dataclass(frozen=True, slots=True)
class Playground:
    """A running playground.

    `root` is what TELEGRAM_API_URL wants ("http://127.0.0.1:PORT"); `url` and `file_url` are what
    python-telegram-bot's base_url and base_file_url want.
    """

    world: World
    root: str
    runner: web.AppRunner

    @property
    def url(self) -> str:
        """Return the prefix of every call, without the token."""
        return f"{self.root}/bot"

    @property
    def file_url(self) -> str:
        """Return the prefix of every download, without the token."""
        return f"{self.root}/file/bot"

    @property
    def token(self) -> str:
        """Return the bot's token."""
        return self.world.token

    async def close(self) -> None:
        """Stop serving: who waits is answered or cut off, and `World.follow` ends."""
        self.world.state.log.close()
        self.world.state.updates.interrupt()
        await self.runner.cleanup()


async def start(
    world: World, port: int = 0, host: str = "127.0.0.1", welcome: Welcome | None = None
) -> Playground:
    """Serve a World, on loopback unless another address is asked for; port 0 takes a free one.

    `welcome` is what the page tells a newcomer. Raises OSError when the port is taken.
    """
    welcome = welcome or Welcome()
    server = _BotApi(world.state)
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.router.add_route("*", "/bot{token}/{method}", server.call)
    app.router.add_get("/file/bot{token}/{path:.+}", server.download)
    ChatPage(world, welcome).add_routes(app.router)
    Control(world, welcome).add_routes(app.router)
    app.router.add_route("*", "/{path:.*}", server.not_found)
    # A client that goes away ends its call: a bot that was killed doesn't wait for updates any more.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    bound = runner.addresses[0][1]
    return Playground(world, f"http://{host}:{bound}", runner)


class _BotApi:
    def __init__(self, state: State) -> None:
        self._state = state

    async def call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        try:
            self._check_token(request.match_info["token"])
        except Refused as refusal:
            return self._refused(method, {}, refusal)
        fault = self._state.faults.take(method)
        if fault is not None and fault.kind is not FaultKind.DROP_AFTER:
            return await self._fail(request, method, fault)
        arguments = Arguments({})
        try:
            arguments = await _read_arguments(request)
            result = await self._run(method, arguments)
        except web.HTTPRequestEntityTooLarge:
            return self._refused(method, {}, Refused(413, "Request Entity Too Large"))
        except Refused as refusal:
            answer = self._refused(method, arguments.values, refusal)
        else:
            self._record(method, arguments.values, 200)
            answer = _json(200, {"ok": True, "result": result})
        return _drop(request) if fault is not None else answer

    async def download(self, request: web.Request) -> web.Response:
        try:
            self._check_token(request.match_info["token"])
        except Refused as refusal:
            return _json(refusal.code, _refusal_json(refusal))
        data = self._state.files.get(request.match_info["path"].removeprefix("documents/"))
        if data is None:
            return await self.not_found(request)
        return web.Response(body=data, content_type="application/octet-stream")

    async def not_found(self, _request: web.Request) -> web.Response:
        return _json(404, _refusal_json(Refused(404, "Not Found")))

    def _check_token(self, token: str) -> None:
        if not _TOKEN.fullmatch(token):
            raise Refused(404, "Not Found")
        if token != self._state.token or not self._state.token_valid:
            raise unauthorized()

    async def _run(self, method: str, arguments: Arguments) -> object:
        name = method.lower()
        if name == "getupdates":
            return await get_updates(self._state, arguments)
        if name not in METHODS:
            # Source: Client::on_cmd.
            raise Refused(404, "Not Found: method not found")
        return METHODS[name](self._state, arguments)

    async def _fail(self, request: web.Request, method: str, fault: Fault) -> web.Response:
        if fault.kind is FaultKind.ANSWER:
            await request.read()
            self._record(method, {}, fault.status, "by a fault")
            return web.Response(
                status=fault.status, body=fault.body, content_type=fault.content_type
            )
        if fault.kind is FaultKind.HANG:
            await self._hang(request, fault.seconds)
        self._record(method, {}, 0, "dropped by a fault")
        return _drop(request)

    async def _hang(self, request: web.Request, seconds: float) -> None:
        """Wait until the time is over, the client has gone or the playground closes."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end and not self._state.log.closed:
            if request.transport is None or request.transport.is_closing():
                return
            await asyncio.sleep(min(0.1, seconds))

    def _refused(self, method: str, arguments: Mapping[str, str], refusal: Refused) -> web.Response:
        self._record(method, arguments, refusal.code, refusal.description)
        answer = _json(refusal.code, _refusal_json(refusal))
        # Source: HttpConnection.cpp, send_response: a flood limit is in the headers as well.
        if refusal.parameters and "retry_after" in refusal.parameters:
            answer.headers["Retry-After"] = str(refusal.parameters["retry_after"])
        return answer

    def _record(
        self, method: str, arguments: Mapping[str, str], status: int, description: str = ""
    ) -> None:
        self._state.calls.append(Call(self._state.clock(), method, arguments, status, description))


async def _read_arguments(request: web.Request) -> Arguments:
    """Read the query and the body. Source: core.telegram.org/bots/api#making-requests, the four ways."""
    values = {name: str(value) for name, value in request.query.items()}
    files: dict[str, Upload] = {}
    kind = request.content_type
    if request.method == "GET" or not request.can_read_body:
        return Arguments(values)
    if kind == "application/json":
        values |= await _json_arguments(request)
    elif kind == "application/x-www-form-urlencoded":
        values |= {name: str(value) for name, value in (await request.post()).items()}
    elif kind == "multipart/form-data":
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name is None:
                continue
            data = bytes(await part.read(decode=True))
            if part.filename is None:
                values[part.name] = data.decode("utf-8", "replace")
            else:
                media = part.headers.get("Content-Type", "application/octet-stream")
                files[part.name] = Upload(part.filename, media.split(";")[0], data)
    return Arguments(values, files)


async def _json_arguments(request: web.Request) -> dict[str, str]:
    try:
        found = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise bad_request("can't parse JSON object") from None
    if not isinstance(found, dict):
        raise bad_request("can't parse JSON object")
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in found.items()
        if value is not None
    }


def _refusal_json(refusal: Refused) -> dict[str, object]:
    made: dict[str, object] = {
        "ok": False,
        "error_code": refusal.code,
        "description": refusal.description,
    }
    return made | ({"parameters": dict(refusal.parameters)} if refusal.parameters else {})


def _json(status: int, body: object) -> web.Response:
    return web.Response(
        status=status,
        body=json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"),
        content_type="application/json",
    )


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
