"""What the bot may reach, by raw HTTP. Source: Client::check_chat_access and around it."""

from __future__ import annotations

from typing import Any

import pytest

from playground.chats import Chat
from playground.flood import FloodLimits
from playground.people import Person
from playground.world import World
from tests.playground.play_api import Api, Clock


@pytest.fixture
def ada(world: World) -> Person:
    return world.person("Ada")


@pytest.fixture
def team(world: World, ada: Person) -> Chat:
    return world.supergroup("Team", [(ada, "creator")], forum=True)


async def refused_send(api: Api, chat_id: object) -> tuple[int, str]:
    return await api.refusal("sendMessage", chat_id=chat_id, text="a")


async def test_the_bot_describes_itself_with_its_privacy_mode(world: World, api: Api) -> None:
    me = await api.ok("getMe")
    assert (me["id"], me["username"], me["is_bot"]) == (
        world.bot.id,
        "claude_sandbox_bot",
        True,
    )
    assert me["can_read_all_group_messages"] is True
    world.state.privacy = True
    assert (await api.ok("GETME"))["can_read_all_group_messages"] is False


async def test_a_wrong_and_a_revoked_token_are_401(world: World, api: Api) -> None:
    wrong = f"{api.playground.url}1234567890:{'A' * 35}/getMe"
    unauthorized = {"ok": False, "error_code": 401, "description": "Unauthorized"}
    async with api.session.get(wrong) as response:
        assert (response.status, await response.json()) == (401, unauthorized)
    world.revoke_token()
    assert await api.call("getMe") == (401, unauthorized)
    world.restore_token()
    await api.ok("getMe")


async def test_what_is_no_token_or_no_method_is_404(api: Api) -> None:
    async with api.session.get(f"{api.playground.url}nonsense/getMe") as response:
        answer = {"ok": False, "error_code": 404, "description": "Not Found"}
        assert (response.status, await response.json()) == (404, answer)
    async with api.session.get(f"{api.playground.root}/elsewhere") as response:
        assert (response.status, await response.json()) == (404, answer)
    assert await api.refusal("sendSmoke") == (404, "Not Found: method not found")


async def test_an_unknown_chat_isnt_found(world: World, api: Api, ada: Person) -> None:
    robot = world.other_bot("robot_bot")
    for chat_id, expected in (
        ("", (400, "Bad Request: chat_id is empty")),
        (12345, (400, "Bad Request: chat not found")),
        ("abc", (400, "Bad Request: chat not found")),
        ("@nobody", (400, "Bad Request: chat not found")),
        (ada.id, (403, "Forbidden: bot can't initiate conversation with a user")),
        (robot.id, (403, "Forbidden: bot can't send messages to bots")),
    ):
        assert await refused_send(api, chat_id) == expected
    world.private(ada)
    await api.ok("sendMessage", chat_id=ada.id, text="hello")


async def test_a_bot_that_is_blocked_kicked_or_gone_is_403(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    group = world.group("Small", [(ada, "member")])
    private = world.private(ada)
    for chat, status, words in (
        (private, "kicked", "bot was blocked by the user"),
        (group, "kicked", "bot was kicked from the group chat"),
        (team, "kicked", "bot was kicked from the supergroup chat"),
        (team, "left", "bot is not a member of the supergroup chat"),
    ):
        world.set_status(world.bot, chat, status)
        assert await refused_send(api, chat.id) == (403, f"Forbidden: {words}")
    changes = [update["my_chat_member"]["new_chat_member"] for update in await api.updates()]
    assert [change["status"] for change in changes] == ["kicked", "kicked", "kicked", "left"]
    # Reading: a basic group yes, a supergroup no.
    assert (await api.ok("getChat", chat_id=group.id))["title"] == "Small"
    assert (await api.refusal("getChat", chat_id=team.id))[0] == 403


async def test_without_the_right_to_send_nothing_is_sent_or_edited(
    world: World, api: Api, team: Chat
) -> None:
    sent = await api.ok("sendMessage", chat_id=team.id, text="a")
    world.allow_sending(team, False)
    assert await refused_send(api, team.id) == (
        400,
        "Bad Request: not enough rights to send text messages to the chat",
    )
    edit = {"chat_id": team.id, "message_id": sent["message_id"], "text": "b"}
    assert await api.refusal("editMessageText", **edit) == (
        403,
        "Forbidden: CHAT_WRITE_FORBIDDEN",
    )
    world.allow_sending(team, True)
    await api.ok("editMessageText", **edit)


async def test_a_migrated_group_says_where_it_went(world: World, api: Api, ada: Person) -> None:
    group = world.group("Small", [(ada, "creator")])
    sent = await api.ok("sendMessage", chat_id=group.id, text="a")
    new = world.migrate(group)
    status, answer = await api.call("sendMessage", chat_id=group.id, text="b")
    assert (status, answer["description"], answer["parameters"]) == (
        400,
        "Bad Request: group chat was upgraded to a supergroup chat",
        {"migrate_to_chat_id": new.id},
    )
    assert await api.refusal(
        "editMessageText", chat_id=group.id, message_id=sent["message_id"], text="c"
    ) == (400, "Bad Request: have no write access to the chat")
    first, second = [update["message"] for update in await api.updates()]
    assert (first["chat"]["id"], first["migrate_to_chat_id"]) == (group.id, new.id)
    assert (second["chat"]["id"], second["migrate_from_chat_id"]) == (new.id, group.id)
    await api.ok("sendMessage", chat_id=new.id, text="d")


async def test_topics_general_and_a_deleted_one(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    topic = world.topic(ada, team, "builds")
    question = world.say(ada, team, "in topic", thread=topic.id)
    plain = world.say(ada, team, "in General")
    created, asked, general = [update["message"] for update in await api.updates()]
    assert created["forum_topic_created"]["name"] == "builds"
    assert created["message_id"] == created["message_thread_id"] == topic.id
    # A message of a topic replies to the topic's first message where it replies to no other.
    assert asked["message_thread_id"] == topic.id and asked["is_topic_message"] is True
    assert asked["reply_to_message"]["message_id"] == topic.id
    assert "message_thread_id" not in general and "reply_to_message" not in general

    place = {"chat_id": team.id, "text": "a"}
    sent = await api.ok("sendMessage", message_thread_id=topic.id, **place)
    assert sent["message_thread_id"] == topic.id
    reply = {"message_id": question.id}
    sent = await api.ok("sendMessage", reply_parameters=reply, **place)
    assert sent["message_thread_id"] == topic.id, "a reply goes into its topic by itself"
    for thread in (1, plain.id, 999):
        assert await api.refusal("sendMessage", message_thread_id=thread, **place) == (
            400,
            "Bad Request: message thread not found",
        )
    world.remove_topic(team, topic.id)
    assert await api.refusal("sendMessage", message_thread_id=topic.id, **place) == (
        400,
        "Bad Request: message thread not found",
    )
    assert [message.text for message in world.messages(team)] == ["in General"]


async def test_the_bot_makes_a_topic_as_an_administrator(
    world: World, api: Api, team: Chat, ada: Person
) -> None:
    arguments: dict[str, Any] = {"chat_id": team.id, "name": "runs"}
    assert await api.refusal("createForumTopic", **arguments) == (
        400,
        "Bad Request: not enough rights to create a topic",
    )
    world.set_status(world.bot, team, "administrator")
    made = await api.ok("createForumTopic", **arguments)
    thread = made["message_thread_id"]
    await api.ok("sendMessage", chat_id=team.id, message_thread_id=thread, text="a")
    plain = world.supergroup("Plain", [(ada, "member")], bot="administrator")
    assert await api.refusal("createForumTopic", chat_id=plain.id, name="x") == (
        400,
        "Bad Request: the chat is not a forum",
    )


async def test_members_are_listed_and_counted(
    world: World, api: Api, ada: Person, team: Chat
) -> None:
    bob, eve = world.person("Bob"), world.person("Eve")
    world.set_status(bob, team, "member")
    place = {"chat_id": team.id}
    assert (await api.ok("getChatMember", user_id=ada.id, **place))["status"] == "creator"
    assert (await api.ok("getChatMember", user_id=bob.id, **place))["status"] == "member"
    assert (await api.ok("getChatMember", user_id=eve.id, **place))["status"] == "left"
    for user_id, words in ((77, "user not found"), (0, "invalid user_id specified")):
        assert await api.refusal("getChatMember", user_id=user_id, **place) == (
            400,
            f"Bad Request: {words}",
        )
    administrators = await api.ok("getChatAdministrators", **place)
    assert [member["user"]["id"] for member in administrators] == [ada.id]
    assert await api.ok("getChatMemberCount", **place) == 3
    assert (await api.ok("getChat", **place))["is_forum"] is True
    assert await api.ok("leaveChat", **place) is True
    assert (await api.refusal("getChatMemberCount", **place))[0] == 403


async def test_message_ids_grow_by_chat_and_stay_unique_in_each(
    world: World, ada: Person, team: Chat
) -> None:
    other = world.supergroup("Other", [(ada, "member")])
    private, group = world.private(ada), world.group("Small", [(ada, "member")])
    ids = [world.say(ada, chat, "x").id for chat in (team, team, other, private, group, private)]
    assert ids == [2, 3, 2, 1, 2, 3], "only supergroups count for themselves"


async def test_flood_limits_answer_429_with_the_time_to_wait(
    world: World, api: Api, ada: Person, team: Chat, clock: Clock
) -> None:
    world.limit(FloodLimits())
    private = world.private(ada)
    place = {"chat_id": team.id}
    sent = await api.ok("sendMessage", text="0", **place)
    for number in range(1, 20):
        clock.now += 2
        await api.ok("editMessageText", text=str(number), message_id=sent["message_id"], **place)
    status, answer = await api.call("sendMessage", text="too many", **place)
    assert (status, answer["parameters"], answer["description"]) == (
        429,
        {"retry_after": 22},
        "Too Many Requests: retry after 22",
    )
    url = f"{api.playground.url}{api.playground.token}/sendMessage"
    async with api.session.post(url, json={"text": "x", **place}) as response:
        assert response.headers["Retry-After"] == "22"
    await api.ok("sendMessage", chat_id=private.id, text="elsewhere it goes on")
    clock.now += 22
    await api.ok("sendMessage", text="again", **place)


async def test_commands_are_set_by_scope_and_checked(api: Api) -> None:
    commands = [{"command": "run", "description": "Start a run"}]
    private = {"type": "all_private_chats"}
    assert await api.ok("setMyCommands", commands=commands, scope=private) is True
    assert await api.ok("getMyCommands", scope=private) == commands
    assert await api.ok("getMyCommands") == []
    for command, description, words in (
        ("Run", "x", "BOT_COMMAND_INVALID"),
        ("a" * 33, "x", "BOT_COMMAND_INVALID"),
        ("run", "", "BOT_COMMAND_DESCRIPTION_INVALID"),
        ("run", "x" * 257, "BOT_COMMAND_DESCRIPTION_INVALID"),
    ):
        wrong = [{"command": command, "description": description}]
        assert await api.refusal("setMyCommands", commands=wrong) == (
            400,
            f"Bad Request: {words}",
        )


async def test_a_chat_action_is_seen_and_checked(world: World, api: Api, team: Chat) -> None:
    await api.ok("sendChatAction", chat_id=team.id, action="typing")
    assert [(event.kind.value, event.detail) for event in world.events()] == [("acting", "typing")]
    assert await api.refusal("sendChatAction", chat_id=team.id, action="dancing") == (
        400,
        "Bad Request: wrong parameter action in request",
    )
