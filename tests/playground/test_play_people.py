"""What people do, and what of it reaches the bot: privacy mode, edits, forwards, buttons."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from playground import events
from playground.arguments import Upload
from playground.chats import Chat
from playground.people import Person
from playground.world import World
from tests.playground.play_api import Api, Clock


@pytest.fixture
def ada(world: World) -> Person:
    return world.person("Ada")


@pytest.fixture
def team(world: World, ada: Person) -> Chat:
    return world.supergroup("Team", [(ada, "administrator")])


async def texts(api: Api) -> list[str]:
    return [update["message"]["text"] for update in await api.updates()]


async def test_privacy_mode_lets_through_what_is_meant_for_the_bot(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    world.state.privacy = True
    other = world.other_bot("other_bot")
    world.set_status(other, team, "member")
    world.say(ada, team, "chatter")
    world.say(ada, team, "/run@other_bot x")
    world.say(ada, team, "/run bare, of two silent bots")
    meant = world.say(ada, team, "/run@Claude_Sandbox_Bot x")
    world.say(ada, team, "hey @claude_sandbox_bot")
    world.say(ada, team, "reply to what was meant for it", reply_to=meant)
    mine = await api.ok("sendMessage", chat_id=team.id, text="answer")
    world.say(ada, team, "/run bare, the bot wrote last")
    world.say(ada, team, "a word before /run")
    world.say(ada, team, "reply to the bot", reply_to=mine["message_id"])
    world.say(other, team, "I am a bot, /run@claude_sandbox_bot")
    world.say(ada, team, "/run bare, the other bot wrote last")
    assert await texts(api) == [
        "/run@Claude_Sandbox_Bot x",
        "hey @claude_sandbox_bot",
        "reply to what was meant for it",
        "/run bare, the bot wrote last",
        "reply to the bot",
    ]


async def test_a_bare_command_reaches_the_only_bot_of_a_group(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    world.state.privacy = True
    world.say(ada, team, "/run x")
    assert await texts(api) == ["/run x"]


@pytest.mark.parametrize("how", ["private", "administrator", "privacy off"])
async def test_everything_reaches_the_bot_where_privacy_mode_doesnt_hold(
    world: World, api: Api, ada: Person, team: Chat, how: str
) -> None:
    world.state.privacy = how != "privacy off"
    chat = world.private(ada) if how == "private" else team
    if how == "administrator":
        world.set_status(world.bot, team, "administrator")
    world.say(ada, chat, "chatter")
    assert (await api.updates())[-1]["message"]["text"] == "chatter"


async def test_another_bots_message_never_comes(world: World, api: Api, team: Chat) -> None:
    other = world.other_bot("other_bot")
    world.set_status(other, team, "member")
    world.say(other, team, "/run@claude_sandbox_bot x")
    assert await api.updates() == []


async def test_an_edited_message_comes_with_its_old_id(
    world: World, api: Api, ada: Person, team: Chat, clock: Clock
) -> None:
    message = world.say(ada, team, "/run a")
    clock.now += 3
    world.edit(message, "/run b")
    first, second = await api.updates()
    edited = second["edited_message"]
    assert edited["message_id"] == first["message"]["message_id"]
    assert (edited["text"], edited["edit_date"]) == ("/run b", first["message"]["date"] + 3)


async def test_a_forwarded_message_names_its_origin_and_has_no_buttons(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    bob = world.person("Bob")
    world.set_status(bob, team, "member")
    message = world.say(bob, team, "/run x")
    forwarded = world.forward(ada, message, world.private(ada))
    update = (await api.updates())[-1]["message"]
    assert (update["text"], update["forward_origin"]["sender_user"]["id"]) == ("/run x", bob.id)
    assert update["entities"][0]["type"] == "bot_command"
    assert update["from"]["id"] == ada.id and forwarded.keyboard == ()


async def test_writers_that_are_no_person(world: World, api: Api, ada: Person, team: Chat) -> None:
    channel = world.channel("News", [(ada, "creator")])
    world.say_anonymously(team, "/run as the group")
    world.say_as_channel(channel, team, "/run as a channel")
    world.post(channel, "/run as a post")
    group, guest, post = await api.updates()
    assert group["message"]["from"]["username"] == "GroupAnonymousBot"
    assert group["message"]["from"]["id"] == 1087968824
    assert group["message"]["sender_chat"]["id"] == team.id
    assert guest["message"]["from"]["id"] == 136817688
    assert guest["message"]["sender_chat"]["id"] == channel.id
    assert "from" not in post["channel_post"]
    assert post["channel_post"]["sender_chat"]["id"] == channel.id


async def test_an_uploaded_file_comes_with_its_caption(world: World, api: Api, ada: Person) -> None:
    private = world.private(ada)
    sent = world.send(
        ada, private, Upload("notes.txt", "application/octet-stream", b"abc", caption="/run x")
    )
    update = (await api.updates())[0]["message"]
    assert (update["caption"], update["document"]["file_name"]) == ("/run x", "notes.txt")
    assert update["caption_entities"][0]["type"] == "bot_command"
    assert sent.document is not None and world.file(sent.document) == b"abc"


async def ask(world: World, api: Api, team: Chat) -> Any:
    """Send a message with a Stop button; return it."""
    markup = {"inline_keyboard": [[{"text": "Stop", "callback_data": "stop:1"}]]}
    sent = await api.ok("sendMessage", chat_id=team.id, text="running", reply_markup=markup)
    return world.message(team, sent["message_id"])


@pytest.mark.parametrize("button", ["Stop", "stop:1"])
async def test_a_pressed_button_asks_the_bot_and_gets_its_answer(
    world: World, api: Api, ada: Person, team: Chat, button: str
) -> None:
    message = await ask(world, api, team)
    press = asyncio.create_task(world.press(ada, message, button))
    query = (await api.ok("getUpdates", timeout=5))[0]["callback_query"]
    assert (query["data"], query["from"]["id"]) == ("stop:1", ada.id)
    assert query["message"]["message_id"] == message.id
    answer = {"callback_query_id": query["id"], "text": "Stopping", "show_alert": True}
    assert await api.ok("answerCallbackQuery", **answer) is True
    pressed = await press
    assert pressed is not None and (pressed.text, pressed.alert) == ("Stopping", True)
    assert await api.refusal("answerCallbackQuery", **answer) == (
        400,
        "Bad Request: query is too old and response timeout expired or query ID is invalid",
    )


async def test_an_old_query_cant_be_answered(
    world: World, api: Api, ada: Person, team: Chat, clock: Clock
) -> None:
    message = await ask(world, api, team)
    assert await world.press(ada, message, "Stop", wait_seconds=0) is None
    query = (await api.updates())[0]["callback_query"]
    clock.now += 16
    code, words = await api.refusal("answerCallbackQuery", callback_query_id=query["id"])
    assert (code, "query is too old" in words) == (400, True)


async def test_a_button_of_a_deleted_message_comes_without_its_text(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    message = await ask(world, api, team)
    world.delete(ada, message)
    await world.press(ada, message, "Stop", wait_seconds=0)
    query = (await api.updates())[0]["callback_query"]
    assert (query["message"]["message_id"], query["message"]["date"]) == (message.id, 0)
    assert "text" not in query["message"]


async def test_people_cant_do_what_telegram_doesnt_let_them(
    world: World, ada: Person, team: Chat
) -> None:
    stranger = world.person("Eve")
    message = world.say(ada, team, "x")
    for mistake in (
        lambda: world.say(stranger, team, "x"),
        lambda: world.say(ada, team, "a" * 4097),
        lambda: world.say(ada, team, " "),
        lambda: world.say(ada, team, "x", thread=9),
        lambda: world.say(ada, 99, "x"),
        lambda: world.migrate(team),
        lambda: world.topic(ada, team, "x"),
    ):
        with pytest.raises(ValueError, match=r"."):
            mistake()
    with pytest.raises(ValueError, match="no button"):
        await world.press(ada, message, "Stop")


async def test_the_events_tell_the_conversation_in_order(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    asked = world.say(ada, team, "/run x")
    message = await ask(world, api, team)
    await api.ok(
        "editMessageText",
        chat_id=team.id,
        message_id=message.id,
        text="<b>done</b>",
        parse_mode="HTML",
    )
    world.delete(ada, asked)
    seen = [
        (event.number, event.kind.value, event.who, event.by_bot, event.text, event.buttons)
        for event in world.events()
    ]
    assert seen == [
        (1, "sent", "Ada", False, "/run x", ()),
        (2, "sent", "Claude Sandbox", True, "running", (("Stop",),)),
        (3, "edited", "Claude Sandbox", True, "done", ()),
        (4, "deleted", "Ada", False, "/run x", ()),
    ]


async def test_only_the_last_events_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEPT", 3)
    world = World()
    ada = world.person("Ada")
    for number in range(5):
        world.say(ada, world.private(ada), str(number))
    assert [event.text for event in world.events()] == ["2", "3", "4"]
    assert [event.number for event in world.events(after=4)] == [5]


async def test_a_reply_in_a_topic_stays_in_it(world: World, api: Api, ada: Person) -> None:
    forum = world.supergroup("Forum", [(ada, "creator")], forum=True)
    topic = world.topic(ada, forum, "builds")
    asked = world.say(ada, forum, "first", thread=topic.id)
    world.say(ada, forum, "second", reply_to=asked)
    update = (await api.updates())[-1]["message"]
    assert update["message_thread_id"] == topic.id
    assert update["reply_to_message"]["message_id"] == asked.id


async def test_an_answer_has_at_most_200_characters(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    message = await ask(world, api, team)
    await world.press(ada, message, "Stop", wait_seconds=0)
    query = {"callback_query_id": (await api.updates())[0]["callback_query"]["id"]}
    assert await api.refusal("answerCallbackQuery", text="a" * 201, **query) == (
        400,
        "Bad Request: MESSAGE_TOO_LONG",
    )
    await api.ok("answerCallbackQuery", text="a" * 200, **query)


async def test_a_follower_sees_what_was_and_what_comes_until_the_end(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    world.say(ada, team, "one")
    seen: list[str] = []

    async def follow() -> None:
        async for event in world.follow():
            seen.append(event.text)
            if event.text == "one":
                world.say(ada, team, "two")
            else:
                await api.playground.close()

    async with asyncio.timeout(60):
        await follow()
    assert seen == ["one", "two"]
