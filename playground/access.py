"""What the bot may reach: chats, messages, topics, and how it is told when it may not.

Source: telegram-bot-api Client.cpp, check_chat, check_chat_access, check_message, check_reply_parameters,
TdOnCheckMessageThreadCallback; of what the servers refuse, td MessagesManager::can_send_message.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from playground.arguments import Arguments
from playground.chats import Chat, ChatType
from playground.messages import Message
from playground.people import Member, Status
from playground.refusal import Refused, bad_request, forbidden
from playground.state import State


class Need(Enum):
    """What a method wants of a chat."""

    READ = "read"
    EDIT = "edit"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a new message goes; the ids are None when it goes to no topic and replies to nothing."""

    chat: Chat
    thread_id: int | None
    reply_to_id: int | None


def reach_chat(state: State, arguments: Arguments, need: Need) -> Chat:
    """Return the chat of `chat_id`. Raises Refused."""
    given = arguments.text("chat_id")
    if not given:
        raise bad_request("chat_id is empty")
    # No chat of the playground has a @name: such a name is no number, and 0 is no chat.
    chat_id = arguments.integer("chat_id")
    chat = state.find_chat(chat_id)
    if chat is None:
        raise _unknown_chat(state, chat_id)
    _check_access(chat, chat.member(state.bot), need)
    return chat


def reach_message(state: State, arguments: Arguments, chat: Chat, purpose: str) -> Message:
    """Return the message of `message_id`; `purpose` is Telegram's word for it, e.g. "message to edit"."""
    found = state.find_message(chat.id, arguments.integer("message_id"))
    if found is None:
        raise bad_request(f"{purpose} not found")
    return found


def reach_place(state: State, arguments: Arguments, what: str) -> Place:
    """Return where to send; `what` is Telegram's word for what is sent, e.g. "text messages". Raises Refused."""
    chat = reach_chat(state, arguments, Need.WRITE)
    reply_to = _reply_target(state, arguments, chat)
    thread = arguments.integer("message_thread_id")
    if thread > 0:
        # A topic is found by the message that made it; the General topic has none, so that 1 isn't found either.
        if thread not in chat.topics:
            raise bad_request("Message thread not found")
    elif reply_to is not None and reply_to.thread_id in chat.topics:
        # A reply without a thread goes where the message is that it replies to.
        thread = reply_to.thread_id or 0
    if not chat.member(state.bot).can_send:
        raise bad_request(f"Not enough rights to send {what} to the chat")
    return Place(chat, thread or None, reply_to.id if reply_to else None)


def spend(state: State, chat: Chat) -> None:
    """Count a message or an edit against the flood limits. Raises Refused: 429 with retry_after.

    Source: Query::set_retry_after_error.
    """
    if state.flood is None:
        return
    wait = state.flood.spend(chat.id, is_group=chat.is_group)
    if wait is not None:
        raise Refused(429, f"Too Many Requests: retry after {wait}", {"retry_after": wait})


def _unknown_chat(state: State, chat_id: int) -> Refused:
    person = state.people.get(chat_id)
    if person is None:
        return bad_request("chat not found")
    if person.is_bot:
        return forbidden("bot can't send messages to bots")
    return forbidden("bot can't initiate conversation with a user")


def _check_access(chat: Chat, bot: Member, need: Need) -> None:
    if chat.migrated_to is not None:
        if need is Need.WRITE:
            raise Refused(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                {"migrate_to_chat_id": chat.migrated_to},
            )
        if need is Need.EDIT:
            raise bad_request("Have no write access to the chat")
        return
    if bot.present:
        return
    if chat.type is ChatType.PRIVATE:
        if need is not Need.READ:
            raise forbidden("bot was blocked by the user")
        return
    # A basic group may still be read by who was kicked, a supergroup not.
    if chat.type is ChatType.GROUP and need is Need.READ:
        return
    if bot.status is Status.KICKED:
        raise forbidden(f"bot was kicked from the {chat.type.value} chat")
    raise forbidden(f"bot is not a member of the {chat.type.value} chat")


def _reply_target(state: State, arguments: Arguments, chat: Chat) -> Message | None:
    found = arguments.json("reply_parameters", "reply parameters")
    if found is None:
        message_id = arguments.integer("reply_to_message_id")
        lenient = arguments.boolean("allow_sending_without_reply")
    elif not isinstance(found, dict):
        raise bad_request("Object expected as reply parameters")
    elif not found:
        return None
    else:
        message_id, lenient = _reply_fields(found)
    if message_id <= 0:
        return None
    message = state.find_message(chat.id, message_id)
    if message is None and not lenient:
        raise bad_request("message to be replied not found")
    return message


def _reply_fields(found: dict[str, object]) -> tuple[int, bool]:
    message_id = found.get("message_id")
    if message_id is None:
        raise bad_request('Can\'t find field "message_id"')
    try:
        number = int(str(message_id))
    except ValueError:
        raise bad_request('Field "message_id" must be a valid Number') from None
    return number, bool(found.get("allow_sending_without_reply", False))
