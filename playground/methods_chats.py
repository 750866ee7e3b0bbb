"""The Bot API's methods about chats and who is in them. Source of each: core.telegram.org/bots/api, under its name."""

from __future__ import annotations

from dataclasses import replace

from playground.access import Need, reach_chat
from playground.arguments import Arguments
from playground.chats import Chat, ChatType
from playground.people import Status
from playground.refusal import bad_request
from playground.service import open_topic
from playground.state import State
from playground.wire import Json, chat_json, member_json

ACTIONS = frozenset(
    [
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    ]
)


def get_chat(state: State, arguments: Arguments) -> Json:
    """Describe a chat."""
    chat = reach_chat(state, arguments, Need.READ)
    bot = chat.member(state.bot)
    permissions = {"can_send_messages": bot.can_send} if chat.is_group else {}
    made = chat_json(chat) | {"accent_color_id": 0, "max_reaction_count": 11}
    return made | ({"permissions": permissions} if permissions else {})


def get_chat_member(state: State, arguments: Arguments) -> Json:
    """Say what somebody is in a chat."""
    user_id = arguments.integer("user_id")
    if user_id <= 0:
        raise bad_request("invalid user_id specified")
    chat = reach_chat(state, arguments, Need.READ)
    person = state.people.get(user_id)
    if person is None:
        raise bad_request("user not found")
    _check_members_readable(state, chat)
    return member_json(chat.member(person))


def get_chat_administrators(state: State, arguments: Arguments) -> list[Json]:
    """List the administrators that are no other bots."""
    chat = reach_chat(state, arguments, Need.READ)
    if chat.type is ChatType.PRIVATE:
        raise bad_request("there are no administrators in the private chat")
    _check_members_readable(state, chat)
    return [
        member_json(member)
        for member in chat.members.values()
        if member.administers and (not member.person.is_bot or member.person == state.bot)
    ]


def get_chat_member_count(state: State, arguments: Arguments) -> int:
    """Count who is in a chat."""
    chat = reach_chat(state, arguments, Need.READ)
    return sum(member.present for member in chat.members.values())


def leave_chat(state: State, arguments: Arguments) -> bool:
    """Leave a group or channel."""
    chat = reach_chat(state, arguments, Need.READ)
    if chat.type is ChatType.PRIVATE:
        raise bad_request("chat is not a group or channel chat")
    gone = replace(chat.member(state.bot), status=Status.LEFT)
    state.set_member(chat.id, gone, by=state.bot)
    return True


def send_chat_action(state: State, arguments: Arguments) -> bool:
    """Show what the bot is doing."""
    action = arguments.text("action").lower()
    if not action:
        raise bad_request("Parameter action is required")
    if action not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = reach_chat(state, arguments, Need.WRITE)
    thread = arguments.integer("message_thread_id")
    if thread > 1 and thread not in chat.topics:
        raise bad_request("Message thread not found")
    state.tell_action(chat, action)
    return True


def create_forum_topic(state: State, arguments: Arguments) -> Json:
    """Make a topic; the bot has to be an administrator."""
    chat = reach_chat(state, arguments, Need.WRITE)
    name = arguments.text("name").strip()
    if not chat.forum:
        raise bad_request("the chat is not a forum")
    if not chat.member(state.bot).administers:
        raise bad_request("not enough rights to create a topic")
    if not name:
        raise bad_request("TOPIC_TITLE_EMPTY")
    topic = open_topic(state, state.bot, chat, name[:128])
    return {"message_thread_id": topic.id, "name": topic.name, "icon_color": 7322096}


def _check_members_readable(state: State, chat: Chat) -> None:
    # Source: core.telegram.org/bots/api#getchatmember: in a channel only for administrators.
    if chat.type is ChatType.CHANNEL and not chat.member(state.bot).administers:
        raise bad_request("member list is inaccessible")
