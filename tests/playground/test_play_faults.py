"""The faults that a test of the bot can switch on, seen by raw HTTP."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from playground.chats import Chat
from playground.world import World
from tests.playground.play_api import Api


@pytest.fixture
def chat(world: World) -> Chat:
    return world.private(world.person("Ada"))


async def test_the_next_calls_are_refused_and_then_it_works_again(
    world: World, api: Api, chat: Chat
) -> None:
    world.faults.refuse(
        "sendMessage",
        429,
        "Too Many Requests: retry after 30",
        times=2,
        parameters={"retry_after": 30},
    )
    for _ in range(2):
        status, answer = await api.call("sendmessage", chat_id=chat.id, text="a")
        assert (status, answer["parameters"]) == (429, {"retry_after": 30})
    await api.ok("getMe")
    await api.ok("sendMessage", chat_id=chat.id, text="a")
    assert [call.status for call in world.calls("sendMessage")] == [429, 429, 200]


async def test_a_proxys_page_instead_of_json(world: World, api: Api) -> None:
    world.faults.answer("*", 502, b"<html>Bad Gateway</html>", content_type="text/html")
    url = f"{api.playground.url}{api.playground.token}/getMe"
    async with api.session.get(url) as response:
        assert (response.status, await response.text()) == (502, "<html>Bad Gateway</html>")
    await api.ok("getMe")


@pytest.mark.parametrize(("after_effect", "messages"), [(True, 1), (False, 0)])
async def test_a_connection_is_dropped_before_or_after_the_effect(
    world: World, api: Api, chat: Chat, after_effect: bool, messages: int
) -> None:
    world.faults.drop("sendMessage", after_effect=after_effect)
    with pytest.raises(aiohttp.ClientError):
        await api.call("sendMessage", chat_id=chat.id, text="a")
    assert len(world.messages(chat)) == messages
    await api.ok("sendMessage", chat_id=chat.id, text="b")


async def test_a_hanging_poll_says_nothing_and_confirms_nothing(
    world: World, api: Api, chat: Chat
) -> None:
    world.say(world.state.people[chat.id], chat, "x")
    offset = (await api.updates())[0]["update_id"] + 1
    world.faults.hang("getUpdates", 60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await api.call("getUpdates", offset=offset)
    assert len(await api.updates()) == 1


async def test_a_hanging_call_is_cut_off_in_the_end(world: World, api: Api, chat: Chat) -> None:
    world.faults.hang("sendMessage", 0.1)
    with pytest.raises(aiohttp.ClientError):
        await api.call("sendMessage", chat_id=chat.id, text="a")
    assert world.messages(chat) == []


async def test_a_revoked_token_ends_the_poll_that_waits(world: World, api: Api) -> None:
    poll = asyncio.create_task(api.call("getUpdates", timeout=30))
    await api.until_polled()
    world.revoke_token()
    status, answer = await poll
    assert (status, answer["description"]) == (401, "Unauthorized")


async def test_any_method_but_the_poll_meets_a_star(world: World, api: Api) -> None:
    world.faults.refuse("*", 500, "Internal Server Error", times=5)
    assert await api.updates() == []
    assert (await api.call("getMe"))[0] == 500
    world.faults.clear()
    await api.ok("getMe")
