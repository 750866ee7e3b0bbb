"""The model's API: the two calls that an agent needs, with the key that it hasn't got, counted and ended at the budget."""

from __future__ import annotations

import json
import threading
from urllib.parse import urlsplit

from sandbox.broker.ledger import Ledger
from sandbox.broker.prices import Usage
from sandbox.broker.refusals import Refused, refusal
from sandbox.broker.relay import chosen, relay
from sandbox.broker.server import TEXT, Exchange, NotLetThrough
from sandbox.broker.settings import Settings
from sandbox.broker.state import ModelKey
from sandbox.broker.upstream import Answer, Call, Unreachable
from sandbox.broker.usage import Counter

MAX_REQUEST_BYTES = 32 << 20
"""The API's own limit."""
MAX_CALLS = 16
"""At once. What these cost is all that a run can spend beyond its budget."""
CALLS = ("/v1/messages", "/v1/messages/count_tokens")
OAUTH_BETA = "oauth-2025-04-20"
_SENT = (
    "accept",
    "content-type",
    "user-agent",
    "x-app",
    "anthropic-*",
    "x-stainless-*",
    "x-claude-*",
)
_RETURNED = (
    *("Content-Type", "Request-Id", "Retry-After", "X-Should-Retry", "Anthropic-Organization-Id"),
    *(
        f"Anthropic-Ratelimit-{name}-{what}"
        for name in ("Requests", "Tokens", "Input-Tokens", "Output-Tokens")
        for what in ("Limit", "Remaining", "Reset")
    ),
    *(
        f"Anthropic-Ratelimit-Unified{name}"
        for name in ("", "-Status", "-Reset", "-Representative-Claim")
    ),
)


class ModelPassage:
    """Lets calls of the model through while the budget lasts."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.model_url
        self._key = settings.model_key
        self._budget = settings.budget_usd
        self._places = threading.BoundedSemaphore(MAX_CALLS)

    def __call__(self, exchange: Exchange) -> None:
        """Answer a request."""
        head, path = exchange.head, exchange.path
        if head.method == "HEAD" and not path and head.length == 0:
            exchange.reusable = True  # a client that only opens its connection ahead
            exchange.wire.begin(200, {**TEXT, "Content-Length": "0"})
            return
        if head.method != "POST" or path not in CALLS or head.query not in ("", "beta=true"):
            text = _error("not_found_error", "the broker lets only messages of the model through")
            raise NotLetThrough(404, text, refusal(Refused.OTHER_API, f"{head.method} {path}"))
        if self._key is None:
            text = "this run has no key: set CLAUDE_CODE_OAUTH_TOKEN or ANTHROPIC_API_KEY"
            raise NotLetThrough(401, _error("authentication_error", text))
        counts = path == CALLS[0]
        if counts and not exchange.ledger.may_spend():
            # 402 is the one status that Claude Code 2.1.330 takes as final at once, and doesn't reword.
            text = _error(
                "billing_error", f"the budget of ${self._budget:g} of this run is used up"
            )
            raise NotLetThrough(402, text, refusal(Refused.BUDGET))
        with self._places:
            self._pass(exchange, counts=counts)

    def _pass(self, exchange: Exchange, *, counts: bool) -> None:
        head = exchange.head
        query = f"?{head.query}" if head.query else ""
        target = urlsplit(self._url).path.rstrip("/") + exchange.path + query
        body = exchange.wire.body(head, MAX_REQUEST_BYTES)
        call = Call("POST", target, self._headers(exchange), body, head.length)
        answer = exchange.server(self._url).ask(call)
        exchange.reusable = True
        if answer.header("Content-Encoding") not in (None, "identity"):
            raise Unreachable("the model's API packs its answer, which can't be counted")
        headers = {name: value for name in _RETURNED if (value := answer.header(name)) is not None}
        if not counts or answer.status != 200:
            relay(exchange, answer, headers)
            return
        exchange.ledger.count_call()
        meter = _Meter(answer, exchange.ledger)
        try:
            relay(exchange, answer, headers, meter.see)
        finally:
            meter.finish()

    def _headers(self, exchange: Exchange) -> dict[str, str]:
        headers = {**chosen(exchange.head, _SENT), "Accept-Encoding": "identity"}
        if self._key is None:
            return headers
        kind, key = self._key
        if kind is ModelKey.API_KEY:
            return {**headers, "x-api-key": key}
        if kind is ModelKey.OAUTH:
            betas = [beta for beta in headers.get("anthropic-beta", "").split(",") if beta.strip()]
            if OAUTH_BETA not in betas:
                headers["anthropic-beta"] = ",".join([*betas, OAUTH_BETA])
        return {**headers, "Authorization": f"Bearer {key}"}


class _Meter:
    """Counts one answer into the ledger, each part before the client has it."""

    def __init__(self, answer: Answer, ledger: Ledger) -> None:
        streamed = "event-stream" in (answer.header("Content-Type") or "")
        self._counter = Counter(streamed=streamed)
        self._streamed = streamed
        self._ledger = ledger
        self._counted = Usage()

    def see(self, chunk: bytes) -> bool:
        """Count a piece; the rest is wanted as long as it isn't known what the call was."""
        if self._counter.feed(chunk):
            self._count()
        return not self._streamed or not self._counter.model

    def finish(self) -> None:
        """Count the end."""
        self._counter.finish()
        self._count()

    def _count(self) -> None:
        self._ledger.spend(self._counter.model, self._counted, self._counter.usage)
        self._counted = self._counter.usage


def _error(kind: str, text: str) -> str:
    return json.dumps({"type": "error", "error": {"type": kind, "message": text}})
