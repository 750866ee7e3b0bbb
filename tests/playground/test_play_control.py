"""The people's side over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from playground.world import World
from tests.playground.play_api import Api


async def test_a_conversation_driven_from_another_process(world: World, api: Api) -> None:
    _, ada = await api.play("person", first_name="Ada", username="ada_l")
    creator = {"person": ada["id"], "status": "creator"}
    _, team = await api.play("chat", type="supergroup", title="Team", members=[creator], forum=True)
    place = {"person": ada["id"], "chat": team["id"]}
    _, topic = await api.play("topic", name="builds", **place)
    thread = topic["message_thread_id"]
    _, said = await api.play("say", text="/run x", thread=thread, **place)
    markup = {"inline_keyboard": [[{"text": "Stop", "callback_data": "s"}]]}
    sent = await api.ok(
        "sendMessage",
        chat_id=team["id"],
        text="running",
        reply_markup=markup,
        reply_parameters={"message_id": said["message_id"]},
    )
    press = asyncio.create_task(
        api.play("press", message=sent["message_id"], button="Stop", **place)
    )
    async with asyncio.timeout(60):
        while "callback_query" not in (last := (await api.ok("getUpdates", timeout=5))[-1]):
            await asyncio.sleep(0.01)
    query = last["callback_query"]["id"]
    await api.ok("answerCallbackQuery", callback_query_id=query, text="Stopping")
    assert await press == (200, {"text": "Stopping", "show_alert": False, "url": None})

    await api.play("react", message=sent["message_id"], emoji="👍", **place)
    await api.play("edit", message=said["message_id"], text="/run y", **place)
    await api.play("delete", message=said["message_id"], **place)
    data = base64.b64encode(b"abc").decode()
    await api.play("upload", name="a.txt", data=data, caption="see", **place)
    await api.play("say", chat=team["id"], anonymous=True, text="as the group")
    await api.play("forward", message=sent["message_id"], to=team["id"], **place)
    url = f"{api.playground.root}/play/events?after=0"
    async with api.session.get(url) as response:
        events = await response.json()
    kinds = "sent sent sent pressed answered reacted edited deleted sent sent sent"
    assert " ".join(event["kind"] for event in events) == kinds
    running = events[2]
    assert (running["text"], running["buttons"], running["by_bot"]) == ("running", [["Stop"]], True)
    async with api.session.get(
        f"{api.playground.root}/play/messages?chat={team['id']}"
    ) as response:
        assert len(await response.json()) == 5
    async with api.session.get(f"{api.playground.root}/play/state") as response:
        state = await response.json()
        assert state["chats"][0]["topics"] == [{"id": thread, "name": "builds"}]
        assert state["last_event"] == 11


async def test_the_troubles_can_be_switched_on(world: World, api: Api) -> None:
    _, ada = await api.play("person", first_name="Ada")
    member = {"person": ada["id"]}
    _, group = await api.play("chat", type="group", title="Small", members=[member])
    _, private = await api.play("chat", type="private", **member)
    send = {"chat_id": group["id"], "text": "a"}
    await api.play("fault", method="sendMessage", kind="answer", status=502, body='{"ok": fal')
    url = f"{api.playground.url}{api.playground.token}/sendMessage"
    async with api.session.post(url, json=send) as response:
        assert (response.status, await response.text()) == (502, '{"ok": fal')
    await api.play("fault", method="*", kind="answer", times=9)
    await api.play("clear_faults")
    await api.play("flood", on=True)
    assert [(await api.call("sendMessage", **send))[0] for _ in range(6)] == [200] * 5 + [429]
    await api.play("flood", on=False)
    await api.play("allow_sending", chat=group["id"], allowed=False)
    assert "not enough rights" in (await api.refusal("sendMessage", **send))[1]
    await api.play("status", person=world.bot.id, chat=group["id"], status="kicked")
    assert "kicked" in (await api.refusal("sendMessage", **send))[1]
    await api.play("status", person=world.bot.id, chat=group["id"], status="member")
    _, new = await api.play("migrate", chat=group["id"])
    assert (await api.call("sendMessage", **send))[1]["parameters"] == {
        "migrate_to_chat_id": new["id"]
    }
    await api.play("privacy", on=True)
    assert (await api.ok("getMe"))["can_read_all_group_messages"] is False
    await api.play("revoke_token")
    assert (await api.call("getMe"))[0] == 401
    await api.play("restore_token")
    await api.ok("sendMessage", chat_id=private["id"], text="a")


async def test_events_come_as_a_stream_too(world: World, api: Api) -> None:
    ada = world.person("Ada")
    private = world.private(ada)
    world.say(ada, private, "one")
    url = f"{api.playground.root}/play/events?after=0"
    accept = {"Accept": "text/event-stream"}
    async with asyncio.timeout(60), api.session.get(url, headers=accept) as response:
        assert response.content_type == "text/event-stream"
        for number, text in ((1, "one"), (2, "two")):
            assert await response.content.readline() == f"id: {number}\n".encode()
            data = (await response.content.readline()).removeprefix(b"data: ")
            assert json.loads(data)["text"] == text
            assert await response.content.readline() == b"\n"
            if number == 1:
                world.say(ada, private, "two")


async def test_a_watcher_may_wait_for_the_next_event(world: World, api: Api) -> None:
    ada = world.person("Ada")
    private = world.private(ada)
    url = f"{api.playground.root}/play/events?after=0&wait=30"
    waiting = asyncio.create_task(api.session.get(url))
    await asyncio.sleep(0)
    world.say(ada, private, "hello")
    async with await waiting as response:
        assert [event["text"] for event in await response.json()] == ["hello"]


@pytest.mark.parametrize(
    ("act", "body", "words"),
    [
        ("dance", {}, "there is no act 'dance'"),
        ("say", {"text": "x"}, "KeyError: 'chat'"),
        ("say", {"person": 1, "chat": 2, "text": "x"}, "ValueError: there is no such person"),
        ("chat", {"type": "secret"}, "ValueError: there is no chat of type 'secret'"),
        ("status", {"person": 7_000_000_001, "chat": 1, "status": "boss"}, "'boss'"),
    ],
)
async def test_a_mistake_is_told(api: Api, act: str, body: dict[str, object], words: str) -> None:
    status, answer = await api.play(act, **body)
    assert status in (400, 404) and words in answer["error"]


async def test_a_page_of_another_origin_gets_nothing_done(world: World, api: Api) -> None:
    ada = world.person("Ada")
    private = world.private(ada)
    url = f"{api.playground.root}/play/say"
    body = json.dumps({"person": ada.id, "chat": private.id, "text": "/run evil"})
    # What a form or a simple fetch of a foreign page can send, …
    plain = {"Content-Type": "text/plain"}
    async with api.session.post(url, data=body, headers=plain) as response:
        assert response.status == 415
    # … and what it can send after DNS rebinding.
    rebound = {"Content-Type": "application/json", "Host": "evil.example"}
    async with api.session.post(url, data=body, headers=rebound) as response:
        assert response.status == 403
    async with api.session.options(url) as response:
        assert "Access-Control-Allow-Origin" not in response.headers
    assert world.messages(private) == []
