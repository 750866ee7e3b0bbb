"""The forge's API: the pull request of this Run, opened or found; nothing else of it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from sandbox.broker.refusals import Refused, refusal
from sandbox.broker.requests import BadRequest
from sandbox.broker.server import JSON, Exchange, NotLetThrough
from sandbox.broker.settings import Settings
from sandbox.broker.upstream import Answer, Call, same_server

MAX_REQUEST_BYTES = 256 << 10
MAX_ANSWER_BYTES = 4 << 20
_FIELDS = ("title", "head", "base", "body")
_QUERY = ("head", "base", "state")


class ForgePassage:
    """Lets the calls through with which `sandbox.forge` opens a pull request, made anew from their parts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, exchange: Exchange) -> None:
        """Answer a request."""
        from sandbox.forge import (
            NoPullRequest,
            address_of,
        )  # only a run with a pull request pays for it

        head = exchange.head
        detail = refusal(Refused.OTHER_API, f"{head.method} {exchange.path}")
        try:
            api, repo = address_of(self._settings.repo_url, self._settings.forge_api)
        except NoPullRequest as reason:
            raise NotLetThrough(404, _message(str(reason)), detail) from reason
        if exchange.path != f"/repos/{repo}/pulls" or head.method not in ("GET", "POST"):
            raise NotLetThrough(
                403, _message("the broker lets only pull requests of this run through"), detail
            )
        if not self._settings.pull_request:
            raise _not_own("the task asks for none")
        path = urlsplit(api).path.rstrip("/") + exchange.path
        if head.method == "GET":
            target, body = f"{path}?{self._query(exchange, repo)}", None
        else:
            target, body = path, self._wanted(exchange)
        exchange.reusable = True
        answer = self._follow(exchange, api, target, body)
        content = answer.read(MAX_ANSWER_BYTES)
        exchange.answer(answer.status, JSON, content)

    def _query(self, exchange: Exchange, repo: str) -> str:
        if exchange.head.length != 0:
            raise BadRequest(400, "a GET with a body")
        asked = dict(parse_qsl(exchange.head.query))
        owner, _, branch = asked.get("head", "").partition(":")
        self._check(branch)
        if owner != repo.partition("/")[0] or set(asked) - set(_QUERY):
            raise _not_own(owner)
        return urlencode(asked)

    def _wanted(self, exchange: Exchange) -> bytes:
        data = b"".join(exchange.wire.body(exchange.head, MAX_REQUEST_BYTES))
        try:
            found: Any = json.loads(data)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or set(found) != set(_FIELDS):
            raise BadRequest(400, "no pull request")
        if not all(isinstance(value, str) for value in found.values()):
            raise BadRequest(400, "no pull request")
        self._check(found["head"])
        return json.dumps(found).encode()

    def _check(self, branch: str) -> None:
        if not branch.startswith(f"claude/{self._settings.run_id}-"):
            raise _not_own(branch)

    def _follow(self, exchange: Exchange, api: str, target: str, body: bytes | None) -> Answer:
        """Call the API, following one redirect within the same server."""
        answer = self._call(exchange, api, target, body)
        location = urljoin(urljoin(api, target), answer.header("Location") or "")
        if answer.status not in (301, 307, 308) or not same_server(api, location):
            return answer
        answer.read(MAX_ANSWER_BYTES)
        parts = urlsplit(location)
        query = f"?{parts.query}" if parts.query else ""
        return self._call(exchange, api, parts.path + query, body)

    def _call(self, exchange: Exchange, api: str, target: str, body: bytes | None) -> Answer:
        headers = {
            "Accept": "application/vnd.github+json",
            "User-Agent": "claude-sandbox",
            "Content-Type": "application/json",
        }
        if self._settings.git_token is not None:
            headers["Authorization"] = f"Bearer {self._settings.git_token}"
        method = "GET" if body is None else "POST"
        content, length = (None, None) if body is None else ([body], len(body))
        return exchange.server(api).ask(Call(method, target, headers, content, length))


def _not_own(detail: str) -> NotLetThrough:
    text = _message("the broker lets only the pull request of this run through")
    return NotLetThrough(403, text, refusal(Refused.PULL_REQUEST, detail))


def _message(text: str) -> str:
    return json.dumps({"message": text})
