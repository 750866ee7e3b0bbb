"""Sending, editing, deleting by raw HTTP, refused in Telegram's words."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from playground import methods_bot, methods_messages, server
from playground.arguments import Upload
from playground.chats import Chat
from playground.people import Person
from playground.world import World
from tests.playground.play_api import Api, Clock

EMOJI = "😀"


@pytest.fixture
def ada(world: World) -> Person:
    return world.person("Ada", username="ada_l")


@pytest.fixture
def team(world: World, ada: Person) -> Chat:
    return world.supergroup("Team", [(ada, "administrator")])


def keyboard(*buttons: dict[str, Any]) -> dict[str, Any]:
    return {"inline_keyboard": [list(buttons)]}


async def test_a_sent_message_is_returned_as_people_see_it(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    sent = await api.ok(
        "sendMessage",
        chat_id=team.id,
        text='<b>Done</b> for <a href="tg://user?id=5000000001">Ada</a> @ada_l',
        parse_mode="html",
    )
    assert sent["text"] == "Done for Ada @ada_l"
    assert sent["from"]["id"] == world.bot.id and sent["chat"]["id"] == team.id
    assert [(one["type"], one["offset"], one["length"]) for one in sent["entities"]] == [
        ("bold", 0, 4),
        ("text_mention", 9, 3),
        ("mention", 13, 6),
    ]
    assert sent["entities"][1]["user"]["id"] == ada.id


@pytest.mark.parametrize("kind", ["private", "channel", "group"])
async def test_a_bot_gets_no_update_for_its_own_message(
    world: World, api: Api, ada: Person, kind: str
) -> None:
    chats = {
        "private": world.private(ada),
        "channel": world.channel("News"),
        "group": world.group("Small", [(ada, "member")]),
    }
    await api.ok("sendMessage", chat_id=chats[kind].id, text="a")
    assert await api.updates() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "message text is empty"),
        ({"text": ""}, "message text is empty"),
        ({"text": " \n\t"}, "message must be non-empty"),
        ({"text": "<b></b>", "parse_mode": "HTML"}, "message must be non-empty"),
        ({"text": "a" * 4097}, "message is too long"),
        ({"text": EMOJI * 2048 + "a"}, "message is too long"),
        ({"text": "a" * 32769}, "text is too long"),
        ({"text": "a", "parse_mode": "BBCode"}, "unsupported parse_mode"),
        (
            {"text": "a <b>", "parse_mode": "HTML"},
            "can't parse entities: Can't find end tag corresponding to start tag b",
        ),
        (
            {"text": "x<y>", "parse_mode": "HTML"},
            'can\'t parse entities: Unsupported start tag "y" at byte offset 1',
        ),
        ({"text": "a", "entities": [7]}, "can't parse MessageEntity: expected an Object"),
        (
            {"text": "a", "entities": [{"type": "x", "offset": 0, "length": 1}]},
            "can't parse MessageEntity: Unsupported type specified",
        ),
        (
            {"text": "a", "entities": [{"type": "bold", "offset": -1, "length": 1}]},
            "receive an entity with incorrect offset -1",
        ),
        ({"text": "a", "reply_parameters": {"message_id": 99}}, "message to be replied not found"),
        ({"text": "a", "reply_to_message_id": 99}, "message to be replied not found"),
        ({"text": "a", "reply_parameters": "{"}, "can't parse reply parameters JSON object"),
        ({"text": "a", "reply_parameters": [7]}, "object expected as reply parameters"),
        ({"text": "a", "message_thread_id": 1}, "message thread not found"),
        ({"text": "a", "reply_markup": "{"}, "can't parse reply keyboard markup JSON object"),
    ],
)
async def test_a_text_is_refused_in_telegrams_words(
    api: Api, team: Chat, arguments: dict[str, Any], words: str
) -> None:
    refusal = await api.refusal("sendMessage", chat_id=team.id, **arguments)
    assert refusal == (400, f"Bad Request: {words}")


@pytest.mark.parametrize(
    "arguments",
    [
        {"text": "a" * 4096},
        {"text": EMOJI * 2048},
        {"text": "<b>" + "a" * 4096 + "</b>", "parse_mode": "HTML"},
        {"text": "a" * 4096 + " \n " * 10},
    ],
)
async def test_4096_utf16_units_pass_counted_after_parsing(
    world: World, api: Api, team: Chat, arguments: dict[str, Any]
) -> None:
    await api.ok("sendMessage", chat_id=team.id, **arguments)
    assert len(world.messages(team)) == 1


async def test_without_a_parse_mode_markup_is_text_and_given_entities_hold(
    api: Api, team: Chat
) -> None:
    bold = {"type": "bold", "offset": 0, "length": 3}
    sent = await api.ok("sendMessage", chat_id=team.id, text="<b> a &lt;", entities=[bold])
    assert sent["text"] == "<b> a &lt;"
    assert sent["entities"] == [bold]


@pytest.mark.parametrize(
    ("button", "words"),
    [
        ({"text": "x", "callback_data": "a" * 65}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "callback_data": "é" * 33}, "BUTTON_DATA_INVALID"),
        (
            {"text": "x"},
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            {"callback_data": "a"},
            "can't parse inline keyboard button: Can't find field \"text\"",
        ),
        (
            {"text": "x", "url": "http://localhost/"},
            "inline keyboard button URL 'http://localhost/' is invalid: Wrong HTTP URL",
        ),
    ],
)
async def test_a_button_is_refused_in_telegrams_words(
    api: Api, team: Chat, button: dict[str, Any], words: str
) -> None:
    refusal = await api.refusal(
        "sendMessage", chat_id=team.id, text="a", reply_markup=keyboard(button)
    )
    assert refusal == (400, f"Bad Request: {words}")


async def test_64_bytes_of_callback_data_pass(api: Api, team: Chat) -> None:
    markup = keyboard({"text": "x", "callback_data": "é" * 32}, {"text": "y", "url": "a.org"})
    sent = await api.ok("sendMessage", chat_id=team.id, text="a", reply_markup=markup)
    assert sent["reply_markup"]["inline_keyboard"][0] == [
        {"text": "x", "callback_data": "é" * 32},
        {"text": "y", "url": "http://a.org/"},
    ]


async def test_a_reply_shows_what_it_replies_to_and_may_go_without(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    asked = world.say(ada, team, "question")
    reply = {"message_id": asked.id}
    sent = await api.ok("sendMessage", chat_id=team.id, text="a", reply_parameters=reply)
    assert sent["reply_to_message"]["text"] == "question"
    world.delete(ada, asked)
    lenient = reply | {"allow_sending_without_reply": True}
    sent = await api.ok("sendMessage", chat_id=team.id, text="b", reply_parameters=lenient)
    assert "reply_to_message" not in sent


async def test_a_message_is_edited_in_place_and_the_same_again_is_refused(
    world: World, api: Api, team: Chat, clock: Clock
) -> None:
    markup = keyboard({"text": "Stop", "callback_data": "s"})
    sent = await api.ok("sendMessage", chat_id=team.id, text="one", reply_markup=markup)
    edit = {"chat_id": team.id, "message_id": sent["message_id"], "reply_markup": markup}
    clock.now += 5
    edited = await api.ok("editMessageText", text="two", **edit)
    assert (edited["text"], edited["edit_date"]) == ("two", sent["date"] + 5)
    code, words = await api.refusal("editMessageText", text="two", **edit)
    assert (code, words.split(":")[1].strip()) == (400, "message is not modified")
    # Without reply_markup the buttons go, so that this does modify the message.
    edited = await api.ok(
        "editMessageText", chat_id=team.id, message_id=sent["message_id"], text="two"
    )
    assert "reply_markup" not in edited
    code, words = await api.refusal(
        "editMessageReplyMarkup", chat_id=team.id, message_id=sent["message_id"]
    )
    assert "message is not modified" in words
    edited = await api.ok("editMessageReplyMarkup", **edit)
    assert edited["reply_markup"] == markup
    assert world.message(team, sent["message_id"]) is not None


async def test_an_edit_is_refused_in_telegrams_words(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    theirs = world.say(ada, team, "mine")
    place = {"chat_id": team.id}
    sent = await api.ok("sendMessage", text="a", **place)
    for arguments, words in (
        ({"message_id": 99, "text": "a"}, "message to edit not found"),
        ({"message_id": theirs.id, "text": "a"}, "message can't be edited"),
        ({"message_id": sent["message_id"], "text": "a" * 4097}, "MESSAGE_TOO_LONG"),
    ):
        assert await api.refusal("editMessageText", **place, **arguments) == (
            400,
            f"Bad Request: {words}",
        )


async def test_who_may_delete_what(world: World, api: Api, ada: Person, team: Chat) -> None:
    theirs = world.say(ada, team, "theirs")
    sent = await api.ok("sendMessage", chat_id=team.id, text="mine")
    own = {"chat_id": team.id, "message_id": sent["message_id"]}
    foreign = {"chat_id": team.id, "message_id": theirs.id}
    assert await api.refusal("deleteMessage", **foreign) == (
        400,
        "Bad Request: message can't be deleted",
    )
    assert await api.ok("deleteMessage", **own) is True
    assert await api.refusal("deleteMessage", **own) == (
        400,
        "Bad Request: message to delete not found",
    )
    world.set_status(world.bot, team, "administrator")
    assert await api.ok("deleteMessage", **foreign) is True


async def test_a_message_of_two_days_ago_stays(api: Api, team: Chat, clock: Clock) -> None:
    sent = await api.ok("sendMessage", chat_id=team.id, text="old")
    clock.now += 48 * 3600 + 1
    arguments = {"chat_id": team.id, "message_id": sent["message_id"]}
    assert (await api.refusal("deleteMessage", **arguments))[0] == 400


async def test_a_reaction_is_set_again_without_an_error_and_taken_away(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    message = world.say(ada, team, "hello")
    place = {"chat_id": team.id, "message_id": message.id}
    eyes = [{"type": "emoji", "emoji": "👀"}]
    for _ in range(2):
        assert await api.ok("setMessageReaction", reaction=eyes, **place) is True
    found = world.message(team, message.id)
    assert found is not None and dict(found.reactions) == {world.bot.id: "👀"}
    assert [event.detail for event in world.events() if event.kind.value == "reacted"] == ["👀"]
    await api.ok("setMessageReaction", reaction=[], **place)
    found = world.message(team, message.id)
    assert found is not None and not found.reactions
    cucumber = [{"type": "emoji", "emoji": "🥒"}]
    for reaction, words in (
        (cucumber, "REACTION_INVALID"),
        (eyes * 2, "REACTIONS_TOO_MANY"),
    ):
        refusal = await api.refusal("setMessageReaction", reaction=reaction, **place)
        assert refusal == (400, f"Bad Request: {words}")
    assert await api.refusal(
        "setMessageReaction", reaction=eyes, chat_id=team.id, message_id=99
    ) == (400, "Bad Request: message to react not found")


def form(chat: Chat, data: bytes, **fields: str) -> aiohttp.FormData:
    body = aiohttp.FormData({"chat_id": str(chat.id), **fields})
    body.add_field("document", data, filename="log.txt", content_type="text/plain")
    return body


async def test_a_document_is_uploaded_described_and_downloaded(
    world: World, api: Api, team: Chat
) -> None:
    url = f"{api.playground.url}{api.playground.token}/sendDocument"
    body = form(team, b"line\n", caption="<b>log</b>", parse_mode="HTML")
    async with api.session.post(url, data=body) as response:
        sent = (await response.json())["result"]
    assert (sent["caption"], sent["caption_entities"][0]["type"]) == ("log", "bold")
    document = sent["document"]
    assert (document["file_name"], document["mime_type"], document["file_size"]) == (
        "log.txt",
        "text/plain",
        5,
    )
    again = await api.ok("sendDocument", chat_id=team.id, document=document["file_id"])
    assert again["document"] == document and "caption" not in again
    edit = {"chat_id": team.id, "message_id": sent["message_id"], "text": "x"}
    assert await api.refusal("editMessageText", **edit) == (
        400,
        "Bad Request: there is no text in the message to edit",
    )
    path = (await api.ok("getFile", file_id=document["file_id"]))["file_path"]
    url = f"{api.playground.file_url}{api.playground.token}/{path}"
    async with api.session.get(url) as response:
        assert (response.status, await response.read()) == (200, b"line\n")
    async with api.session.get(url + "x") as response:
        assert response.status == 404


async def test_a_file_beyond_20_mb_cant_be_downloaded(
    world: World, api: Api, ada: Person, team: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(methods_bot, "MAX_DOWNLOAD_BYTES", 2)
    sent = world.send(ada, team, Upload("big", "application/octet-stream", b"abc"))
    assert sent.document is not None
    assert await api.refusal("getFile", file_id=sent.document.file_id) == (
        400,
        "Bad Request: file is too big",
    )


async def test_a_keyboard_has_at_most_a_hundred_buttons(api: Api, team: Chat) -> None:
    many = keyboard(*[{"text": "x", "callback_data": "y"}] * 101)
    assert await api.refusal("sendMessage", chat_id=team.id, text="a", reply_markup=many) == (
        400,
        "Bad Request: reply markup is too long",
    )


async def test_a_document_is_refused_in_telegrams_words(
    api: Api, team: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(methods_messages, "MAX_UPLOAD_BYTES", 10)
    url = f"{api.playground.url}{api.playground.token}/sendDocument"
    for body, expected in (
        (form(team, b"x" * 11), (413, "Request Entity Too Large")),
        (form(team, b""), (400, "Bad Request: file must be non-empty")),
        (
            form(team, b"x", caption="a" * 1025),
            (400, "Bad Request: message caption is too long"),
        ),
    ):
        async with api.session.post(url, data=body) as response:
            answer = await response.json()
            assert (response.status, answer["description"]) == expected
    for arguments, words in (
        ({}, "there is no document in the request"),
        ({"document": "nonsense"}, "wrong file identifier/HTTP URL specified"),
    ):
        refusal = await api.refusal("sendDocument", chat_id=team.id, **arguments)
        assert refusal == (400, f"Bad Request: {words}")
    assert (await api.refusal("getFile", file_id="nonsense"))[1] == "Bad Request: invalid file_id"


async def test_a_body_beyond_every_limit_is_413(
    world: World, team: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_BODY_BYTES", 1000)
    playground = await server.start(world)
    async with aiohttp.ClientSession() as session:
        api = Api(playground, session)
        refusal = await api.refusal("sendMessage", chat_id=team.id, text="a" * 1000)
        assert refusal == (413, "Request Entity Too Large")
    await playground.close()


async def test_the_four_ways_to_pass_arguments_mean_the_same(
    world: World, api: Api, team: Chat
) -> None:
    url = f"{api.playground.url}{api.playground.token}/sendMessage"
    markup = json.dumps(keyboard({"text": "x", "callback_data": "y"}))
    values = {"chat_id": str(team.id), "text": "<i>hi</i>", "parse_mode": "HTML"}
    values["reply_markup"] = markup
    multipart = aiohttp.FormData(values, default_to_multipart=True)
    for request in (
        api.session.get(url, params=values),
        api.session.post(url, data=values),
        api.session.post(url, json=values | {"chat_id": team.id}),
        api.session.post(url, data=multipart),
    ):
        async with request as response:
            assert response.status == 200
    found = [(one.text, one.entities[0].type, one.keyboard) for one in world.messages(team)]
    assert len(found) == 4 and len(set(found)) == 1
