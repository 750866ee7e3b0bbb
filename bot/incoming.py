"""What comes in from Telegram, as our own values; the only place that reads the library's objects."""

from __future__ import annotations

from dataclasses import dataclass

from telegram import Chat, Message, Update
from telegram.constants import ChatType

from runs.run import Origin


@dataclass(frozen=True, slots=True)
class Place:
    """Where to write. `thread_id` None is the chat itself or its General topic, which refuses a thread id."""

    chat_id: int
    thread_id: int | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Who wrote or pressed. `sender_chat_id` set means a channel or a group speaks: no person at all."""

    id: int
    name: str
    is_bot: bool = False
    sender_chat_id: int | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message. `date` is in seconds since 1970; `replied_*` belong to the message that this one answers.

    `replied_bot` is the name of the bot that wrote that, None when it was a person.
    """

    place: Place
    private: bool
    message_id: int
    person: Person
    text: str
    date: float
    edited: bool = False
    forwarded: bool = False
    replied_text: str | None = None
    replied_message_id: int | None = None
    replied_bot: str | None = None

    def origin(self) -> Origin:
        """Return where a Run that this message asks for answers."""
        return Origin(
            chat_id=self.place.chat_id,
            message_id=self.message_id,
            person_id=self.person.id,
            person_name=self.person.name,
            thread_id=self.place.thread_id,
            private=self.private,
        )


@dataclass(frozen=True, slots=True)
class Press:
    """A pressed button: `data` is ours, `message_id` the message under which it stands.

    `asked` is the message that our message replied to, where Telegram still shows it.
    """

    id: str
    place: Place
    private: bool
    message_id: int
    person: Person
    data: str
    asked: Incoming | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A group became a supergroup. `arrived` says that it is the supergroup that tells it."""

    old: int
    new: int
    arrived: bool


def read_move(update: Update) -> Move | None:
    """Return what an update tells of a group that became a supergroup; None where it tells of none."""
    message = update.message
    if message is None:
        return None
    if message.migrate_from_chat_id is not None:
        return Move(message.migrate_from_chat_id, message.chat.id, arrived=True)
    if message.migrate_to_chat_id is not None:
        return Move(message.chat.id, message.migrate_to_chat_id, arrived=False)
    return None


def read_message(update: Update) -> Incoming | None:
    """Return the message of an update; None when it has none or nobody wrote it (a channel's post)."""
    message = update.effective_message
    if message is None or update.channel_post is not None or update.edited_channel_post is not None:
        return None
    return _incoming(message, edited=update.edited_message is not None)


def read_press(update: Update) -> Press | None:
    """Return the pressed button of an update; None for a button that isn't ours or whose message is gone."""
    query = update.callback_query
    if query is None or query.data is None or query.message is None:
        return None
    message = query.message
    asked = message.reply_to_message if isinstance(message, Message) else None
    return Press(
        id=query.id,
        place=_place(message) if isinstance(message, Message) else Place(message.chat.id),
        private=message.chat.type == ChatType.PRIVATE,
        message_id=message.message_id,
        person=Person(query.from_user.id, query.from_user.full_name or "", query.from_user.is_bot),
        data=query.data,
        asked=_incoming(asked) if asked is not None else None,
    )


def _incoming(message: Message, *, edited: bool = False) -> Incoming | None:
    person = _person(message)
    if person is None:
        return None
    replied = message.reply_to_message
    if replied is not None and replied.forum_topic_created is not None:
        # In a topic every message "replies" to the service message that made the topic.
        replied = None
    return Incoming(
        place=_place(message),
        private=message.chat.type == ChatType.PRIVATE,
        message_id=message.message_id,
        person=person,
        text=message.text or message.caption or "",
        date=message.date.timestamp(),
        edited=edited,
        forwarded=message.forward_origin is not None,
        replied_text=(replied.text or replied.caption) if replied else None,
        replied_message_id=replied.message_id if replied else None,
        replied_bot=_bot_name(replied) if replied else None,
    )


def _person(message: Message) -> Person | None:
    speaking: Chat | None = message.sender_chat
    if message.from_user is None:
        return None
    return Person(
        message.from_user.id,
        message.from_user.full_name or "",  # a deleted account has none, whatever its type says
        message.from_user.is_bot,
        speaking.id if speaking else None,
    )


def _bot_name(message: Message) -> str | None:
    sender = message.from_user
    return sender.username if sender is not None and sender.is_bot else None


def _place(message: Message) -> Place:
    thread = message.message_thread_id if message.is_topic_message else None
    return Place(message.chat.id, None if thread == 1 else thread)
