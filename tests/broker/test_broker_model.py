"""The model's API through the broker: the key is added, what passes is counted, and the budget ends it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.broker.refusals import Refused
from sandbox.broker.state import ModelKey
from tests.broker.broker_process import BrokerProcess
from tests.parts.messages_api import Garbage, MessagesApi, Refusal, Text, Turn, say
from tests.parts.model_fixtures import API_KEY

Start = Callable[..., BrokerProcess]
MakeApi = Callable[..., MessagesApi]
BODY: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hello"}],
}
ONE_CALL = (1200 * 2 + 5000 * 0.1 + 42 * 10) / 1e6


def call(
    broker: BrokerProcess,
    path: str = "/v1/messages?beta=true",
    *headers: str,
    stream: bool = True,
    **values: Any,
) -> tuple[int, bytes]:
    """Call the model as the CLI does; return status and body."""
    body = json.dumps({**BODY, "stream": stream, **values}).encode()
    lines = [f"POST /model{path} HTTP/1.1", "Host: broker", "Connection: close", *headers]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
    head, _, answer = broker.ask("\r\n".join(lines).encode() + body).partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), answer


@pytest.mark.parametrize("stream", [True, False])
def test_a_call_is_counted_by_what_passes(
    stream: bool, start_broker: Start, messages_api: MakeApi
) -> None:
    api = messages_api(say("Hello."))
    broker = start_broker(ANTHROPIC_BASE_URL=api.url)
    status, answer = call(broker, stream=stream)
    assert status == 200 and b"Hello." in answer
    state = broker.state()
    assert (state.calls, state.input_tokens, state.output_tokens) == (1, 6200, 42)
    assert state.cost_usd == pytest.approx(ONE_CALL)
    assert api.requests[0].headers["x-api-key"] == API_KEY


@pytest.mark.parametrize(
    ("keys", "kind", "sent"),
    [
        ({"ANTHROPIC_API_KEY": "sk-key"}, ModelKey.API_KEY, {"x-api-key": "sk-key"}),
        (
            {"ANTHROPIC_AUTH_TOKEN": "bearer"},
            ModelKey.BEARER,
            {"authorization": "Bearer bearer", "anthropic-beta": "one"},
        ),
        (
            {"CLAUDE_CODE_OAUTH_TOKEN": "oauth"},
            ModelKey.OAUTH,
            {"authorization": "Bearer oauth", "anthropic-beta": "one,oauth-2025-04-20"},
        ),
    ],
)
def test_each_kind_of_key_has_its_header_and_the_agents_own_is_dropped(
    keys: dict[str, str],
    kind: ModelKey,
    sent: dict[str, str],
    start_broker: Start,
    messages_api: MakeApi,
) -> None:
    api = messages_api(say("Hello."))
    broker = start_broker(keys, ANTHROPIC_BASE_URL=api.url)
    own = ("Authorization: Bearer own", "x-api-key: own", "Cookie: own", "anthropic-beta: one")
    assert call(broker, "/v1/messages", *own)[0] == 200
    got = api.requests[0].headers
    assert {name: got[name] for name in sent} == sent
    assert not any("own" in value for value in got.values())
    assert broker.state().model_key is kind


def test_beyond_the_budget_nothing_passes_and_the_client_is_told_to_end(
    start_broker: Start, messages_api: MakeApi
) -> None:
    api = messages_api(say("Hello."))
    broker = start_broker(ANTHROPIC_BASE_URL=api.url, SANDBOX_BUDGET=str(ONE_CALL * 1.5))
    assert [call(broker)[0] for _ in range(4)] == [200, 200, 402, 402]
    assert len(api.requests) == 2
    assert call(broker)[1].startswith(b'{"type": "error", "error": {"type": "billing_error"')
    state = broker.state()
    assert state.over_budget
    assert [(each.kind, each.times) for each in state.refusals] == [(Refused.BUDGET, 3)]


def test_what_was_spent_outlives_the_broker(start_broker: Start, messages_api: MakeApi) -> None:
    api = messages_api(say("Hello."))
    broker = start_broker(ANTHROPIC_BASE_URL=api.url, SANDBOX_BUDGET=str(ONE_CALL))
    call(broker)
    before = broker.state()
    broker.kill()
    broker.start()
    assert broker.state() == before
    assert call(broker)[0] == 402


def test_a_client_that_leaves_early_pays_all_the_same(
    start_broker: Start, messages_api: MakeApi
) -> None:
    api = messages_api(Turn([Text("word\n" * 40)], token_seconds=0.05))
    broker = start_broker(ANTHROPIC_BASE_URL=api.url)
    body = json.dumps({**BODY, "stream": True}).encode()
    head = f"POST /model/v1/messages HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", broker.port)) as wire:
        wire.sendall(head + body)
        while b"content_block_delta" not in wire.recv(1 << 16):
            pass
    until = time.monotonic() + 20
    while broker.state().output_tokens < 2:
        assert time.monotonic() < until
    state = broker.state()
    assert state.input_tokens == 6200
    assert state.output_tokens < 42


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models",
        "/v1/messages/batches",
        "/v1/messages/../files",
        "/v1/messages/%2e%2e/files",
        "/v1/messages?x=1",
        "//v1/messages",
        "/v1/files",
        "/api/oauth/claude_cli/create_api_key",
    ],
)
def test_another_call_is_refused_and_told(
    path: str, start_broker: Start, messages_api: MakeApi
) -> None:
    api = messages_api(say("Hello."))
    broker = start_broker(ANTHROPIC_BASE_URL=api.url)
    assert call(broker, path)[0] == 404
    assert api.requests == []
    assert [each.kind for each in broker.state().refusals] == [Refused.OTHER_API]


def test_counting_tokens_costs_nothing(start_broker: Start, messages_api: MakeApi) -> None:
    broker = start_broker(ANTHROPIC_BASE_URL=messages_api(say("x")).url)
    assert call(broker, "/v1/messages/count_tokens") == (200, b'{"input_tokens": 1200}')
    assert broker.state().cost_usd == 0


@pytest.mark.parametrize("status", [400, 401, 429, 529])
def test_the_apis_own_errors_pass_as_they_are(
    status: int, start_broker: Start, messages_api: MakeApi
) -> None:
    broker = start_broker(ANTHROPIC_BASE_URL=messages_api(Refusal(status, "its_error", "own")).url)
    assert call(broker) == (
        status,
        json.dumps({"type": "error", "error": {"type": "its_error", "message": "own"}}).encode(),
    )
    assert broker.state().calls == 0


def test_garbage_and_an_api_that_isnt_there_end_the_call_only(
    start_broker: Start, messages_api: MakeApi
) -> None:
    api = messages_api(Garbage(b"data: {\xff\n" * 100), say("Hello."))
    broker = start_broker(ANTHROPIC_BASE_URL=api.url)
    assert b"\xff" in call(broker)[1]
    assert call(broker)[0] == 200
    broker.kill()
    broker.variables = {**broker.variables, "ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}
    broker.start()
    assert call(broker)[0] == 502


def test_without_a_key_it_says_which_are_wanted(start_broker: Start) -> None:
    broker = start_broker({})
    status, answer = call(broker)
    assert status == 401 and b"CLAUDE_CODE_OAUTH_TOKEN" in answer
