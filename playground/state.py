"""What is true in the World now, and the few ways in which it changes: both sides go through here."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from playground import wire
from playground.arguments import Upload
from playground.chats import Chat, ChatType
from playground.delivery import is_from_bot, is_meant_for, reaches_bot
from playground.events import Event, EventKind, EventLog
from playground.faults import Faults
from playground.flood import Flood
from playground.messages import Document, Message
from playground.people import Member, Person
from playground.updates import UpdateQueue

CALLS_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the Bot API as it was answered; `status` 0 means that the connection was dropped."""

    at: float
    method: str
    arguments: Mapping[str, str]
    status: int
    description: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bot answered to the press of a button; `alert` asks for a window instead of a line."""

    text: str = ""
    alert: bool = False
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A pressed button that waits for the bot's answer. `expires_at` is in Unix seconds."""

    id: str
    chat_id: int
    message_id: int
    expires_at: float
    answer: asyncio.Future[Answer]


class State:
    """Everything that is kept, in memory. `clock` gives Unix seconds."""

    def __init__(self, bot: Person, token: str, clock: Callable[[], float]) -> None:
        """Start with nobody but the bot."""
        self.bot = bot
        self.token = token
        self.id = secrets.token_hex(8)
        self.token_valid = True
        self.privacy = True
        self.clock = clock
        self.flood: Flood | None = None
        self.faults = Faults()
        self.log = EventLog()
        self.updates = UpdateQueue(clock)
        self.people: dict[int, Person] = {bot.id: bot}
        self.queries: dict[str, Query] = {}
        self.documents: dict[str, Document] = {}
        self.files: dict[str, bytes] = {}
        self.commands: dict[tuple[str, str], list[wire.Json]] = {}
        self.calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self._chats: dict[int, Chat] = {}
        self._messages: dict[int, dict[int, Message]] = {}
        self._next_ids: dict[int, int] = {}

    def now(self) -> int:
        """Return the date for what happens now."""
        return int(self.clock())

    def chat(self, chat_id: int) -> Chat:
        """Return a chat as it is now. Raises KeyError."""
        return self._chats[chat_id]

    def find_chat(self, chat_id: int) -> Chat | None:
        """Return a chat as it is now, None when there is none."""
        return self._chats.get(chat_id)

    def chats(self) -> list[Chat]:
        """Return all chats, oldest first."""
        return list(self._chats.values())

    def set_chat(self, chat: Chat) -> Chat:
        """Make or change a chat."""
        self._chats[chat.id] = chat
        return chat

    def find_message(self, chat_id: int, message_id: int) -> Message | None:
        """Return a message as it is now, None when it never was or was deleted."""
        return self._messages.get(chat_id, {}).get(message_id)

    def messages(self, chat_id: int) -> list[Message]:
        """Return what stands in a chat, oldest first."""
        return list(self._messages.get(chat_id, {}).values())

    def next_message_id(self, chat: Chat) -> int:
        """Take the next message id: supergroups and channels count for themselves, all other chats together.

        Source: core.telegram.org/api/channels: a channel or supergroup has its own sequence of ids. Its 1 is the
        service message of its making, so that in a forum 1 stands for the General topic.
        """
        own = chat.type in (ChatType.SUPERGROUP, ChatType.CHANNEL)
        key = chat.id if own else 0
        message_id = self._next_ids.get(key, 2 if own else 1)
        self._next_ids[key] = message_id + 1
        return message_id

    def add(self, message: Message) -> Message:
        """Put a new message into its chat, tell who watches, and the bot where it may see it."""
        chat = self.chat(message.chat_id)
        if is_from_bot(message) and message.sender is not None:
            self.set_chat(replace(chat, last_bot_id=message.sender.id))
        else:
            message = replace(message, for_bot=self._is_for_bot(message, chat))
        self._messages.setdefault(chat.id, {})[message.id] = message
        self.tell(EventKind.SENT, message)
        self._deliver("channel_post" if chat.type is ChatType.CHANNEL else "message", message)
        return message

    def change(self, message: Message, *, as_edit: bool = True) -> Message:
        """Put a changed message in the place of the old one; `as_edit` tells it as an edit, and to the bot."""
        chat = self.chat(message.chat_id)
        if as_edit and message.sender != self.bot:
            message = replace(message, for_bot=self._is_for_bot(message, chat))
        self._messages[chat.id][message.id] = message
        if as_edit:
            self.tell(EventKind.EDITED, message)
            channel = chat.type is ChatType.CHANNEL
            self._deliver("edited_channel_post" if channel else "edited_message", message)
        return message

    def remove(self, message: Message, who: Person) -> None:
        """Delete a message. The Bot API tells nobody about it."""
        del self._messages[message.chat_id][message.id]
        self.tell(EventKind.DELETED, message, who=who)

    def tell(
        self, kind: EventKind, message: Message, *, who: Person | None = None, detail: str = ""
    ) -> None:
        """Append an event about a message to the log; `who` None is the message's sender."""
        by = who or message.sender
        self.log.append(
            Event(
                number=self.log.last_number + 1,
                at=self.clock(),
                kind=kind,
                chat_id=message.chat_id,
                message_id=message.id,
                who=by.first_name if by else self.chat(message.chat_id).title,
                by_bot=by == self.bot,
                text=message.text,
                buttons=tuple(tuple(button.text for button in row) for row in message.keyboard),
                message=message,
                detail=detail,
            )
        )

    def tell_action(self, chat: Chat, action: str) -> None:
        """Append to the log what the bot is doing in a chat, e.g. "typing"."""
        self._tell_of_bot(EventKind.ACTING, chat.id, None, action)

    def tell_answer(self, query: Query, text: str) -> None:
        """Append to the log what the bot answered to the press of a button."""
        self._tell_of_bot(EventKind.ANSWERED, query.chat_id, query.message_id, text)

    def set_member(self, chat_id: int, member: Member, by: Person) -> Chat:
        """Change what somebody is in a chat; the bot learns it as my_chat_member or chat_member."""
        chat = self.chat(chat_id)
        old = chat.member(member.person)
        chat = self.set_chat(chat.with_member(member))
        own = member.person == self.bot
        kind = "my_chat_member" if own else "chat_member"
        if own or chat.member(self.bot).administers:
            self.updates.add(
                kind,
                {
                    "chat": wire.chat_json(chat),
                    "from": wire.person_json(by),
                    "date": self.now(),
                    "old_chat_member": wire.member_json(old),
                    "new_chat_member": wire.member_json(member),
                },
            )
        return chat

    def keep_file(self, file: Upload) -> Document:
        """Keep a file and return what names it."""
        file_id = "BQACAgIAAxkB" + secrets.token_urlsafe(24)
        unique_id = "AgAD" + secrets.token_urlsafe(8)
        size = len(file.data)
        document = Document(file_id, unique_id, file.name, file.media_type, size, file.pixels)
        self.documents[file_id] = document
        self.files[file_id] = file.data
        return document

    def message_json(self, message: Message) -> wire.Json:
        """Make the Bot API's Message of a message."""
        return wire.message_json(message, self.chat, self.find_message)

    def _tell_of_bot(
        self, kind: EventKind, chat_id: int, message_id: int | None, detail: str
    ) -> None:
        number = self.log.last_number + 1
        name = self.bot.first_name
        self.log.append(
            Event(number, self.clock(), kind, chat_id, message_id, name, True, detail=detail)
        )

    def _is_for_bot(self, message: Message, chat: Chat) -> bool:
        reply_to = message.reply_to_id
        replied = self.find_message(chat.id, reply_to) if reply_to is not None else None
        return is_meant_for(self.bot, message, chat, replied)

    def _deliver(self, kind: str, message: Message) -> None:
        chat = self.chat(message.chat_id)
        own = message.sender == self.bot and message.service is None
        if not own and reaches_bot(message, chat, self.bot, privacy=self.privacy):
            self.updates.add(kind, self.message_json(message))
