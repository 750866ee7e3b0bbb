"""The scripted Messages API, by raw HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.parts.messages_api import Garbage, MessagesApi, Refusal, Text, ToolUse, Turn, say

Start = Callable[..., MessagesApi]


def post(url: str, **body: Any) -> bytes:
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], **body}
    request = urllib.request.Request(url, json.dumps(body).encode(), {"X-Api-Key": "k"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return bytes(response.read())


def events(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: ")]


def test_a_turn_is_streamed_with_words_tools_and_usage(messages_api: Start) -> None:
    api = messages_api(Turn([Text("a\nb"), ToolUse("Bash", {"command": "ls"})], output_tokens=7))
    found = events(post(f"{api.url}/v1/messages?beta=true", stream=True))
    assert [event["type"] for event in found] == [
        "message_start",
        *[
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
        ],
        *["content_block_start", "content_block_delta", "content_block_stop"],
        "message_delta",
        "message_stop",
    ]
    assert "".join(event["delta"]["text"] for event in found[2:4]) == "a\nb"
    assert json.loads(found[6]["delta"]["partial_json"]) == {"command": "ls"}
    assert found[8]["delta"]["stop_reason"] == "tool_use"
    assert found[8]["usage"] == {"output_tokens": 7}


def test_a_turn_is_given_whole_where_no_stream_is_asked_for(messages_api: Start) -> None:
    answer = json.loads(post(f"{messages_api(say('hi')).url}/v1/messages"))
    assert answer["content"] == [{"type": "text", "text": "hi"}]
    assert (answer["stop_reason"], answer["usage"]["output_tokens"]) == ("end_turn", 42)


def test_steps_are_taken_in_order_and_the_last_one_stays(messages_api: Start) -> None:
    api = messages_api(say("one"), say("two"))
    answers = [json.loads(post(f"{api.url}/v1/messages"))["content"][0]["text"] for _ in range(3)]
    assert answers == ["one", "two", "two"]
    assert [request.headers["x-api-key"] for request in api.requests] == ["k", "k", "k"]
    assert api.requests[0].user_texts == ["hello"]


def test_counting_tokens_takes_no_step(messages_api: Start) -> None:
    api = messages_api(say("one"))
    assert json.loads(post(f"{api.url}/v1/messages/count_tokens")) == {"input_tokens": 1200}
    assert api.requests == []


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/other"])
def test_an_error_has_the_apis_shape(messages_api: Start, path: str) -> None:
    api = messages_api(Refusal(404, "not_found_error"))
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(api.url + path)
    with caught.value as error:
        assert json.loads(error.read())["error"]["type"] == "not_found_error"


def test_garbage_comes_as_it_is(messages_api: Start) -> None:
    assert post(f"{messages_api(Garbage(b'%#!')).url}/v1/messages", stream=True) == b"%#!"
