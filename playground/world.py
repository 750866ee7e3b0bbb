"""The World: people, chats and one bot, and everything that people do. Start here.

world = World()
ada = world.person("Ada")
team = world.supergroup("Team", [(ada, "administrator")])
playground = await start(world)                     # playground.server
message = world.say(ada, team, "/run demo 'x'")
async for event in world.follow(): ...
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace

from playground.arguments import Upload
from playground.chats import Chat, ChatType, Topic
from playground.events import Event
from playground.faults import Faults
from playground.flood import Flood, FloodLimits
from playground.messages import Document, Message
from playground.people import (
    ANONYMOUS_ADMINISTRATOR,
    CHANNEL_SENDER,
    Member,
    Person,
    Status,
)
from playground.queries import CALLBACK_SECONDS, ask_bot
from playground.refusal import unauthorized
from playground.service import note, open_topic, react
from playground.state import Answer, Call, State
from playground.text import MAX_CAPTION, MAX_TEXT, written

Members = Iterable[tuple[Person, Status | str]]


class World:
    """One bot's Telegram, in memory, for one event loop. It outlives the bot: what waits for the bot waits on.

    `privacy` is the bot's privacy mode (on by default, as BotFather makes bots). `flood` None sets no limits.
    `clock` gives Unix seconds. What people can't do in Telegram raises ValueError.
    """

    def __init__(
        self,
        bot_username: str = "claude_sandbox_bot",
        *,
        bot_name: str = "Claude Sandbox",
        privacy: bool = True,
        flood: FloodLimits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make the bot, with a token of its own."""
        bot = Person(7_000_000_001, bot_name, bot_username, is_bot=True)
        self._next_person_id = 5_000_000_001
        self._next_chat_id = 4_000_000_001
        self.state = State(bot, f"{bot.id}:{secrets.token_urlsafe(26)}", clock)
        self.state.privacy = privacy
        self.limit(flood)

    # Who and where

    @property
    def bot(self) -> Person:
        """Return the bot under test."""
        return self.state.bot

    @property
    def token(self) -> str:
        """Return the bot's token."""
        return self.state.token

    @property
    def faults(self) -> Faults:
        """Return the faults, to switch some on."""
        return self.state.faults

    def person(
        self, first_name: str, *, username: str | None = None, person_id: int | None = None
    ) -> Person:
        """Make a person."""
        return self._new_person(first_name, username, person_id, is_bot=False)

    def other_bot(self, username: str) -> Person:
        """Make another bot; its messages never reach the bot under test."""
        return self._new_person(username, username, None, is_bot=True)

    def private(self, person: Person) -> Chat:
        """Return the person's chat with the bot, as if they had pressed Start; its id is the person's."""
        existing = self.state.find_chat(person.id)
        if existing is not None:
            return existing
        chat = Chat(person.id, ChatType.PRIVATE)
        chat = chat.with_member(Member(person)).with_member(Member(self.bot))
        return self.state.set_chat(chat)

    def group(
        self, title: str, members: Members = (), *, bot: Status | str | None = Status.MEMBER
    ) -> Chat:
        """Make a basic group; `bot` is what the bot is in it, None leaves it out."""
        return self._new_chat(Chat(-self._chat_number(), ChatType.GROUP, title), members, bot)

    def supergroup(
        self,
        title: str,
        members: Members = (),
        *,
        forum: bool = False,
        bot: Status | str | None = Status.MEMBER,
    ) -> Chat:
        """Make a supergroup, with topics where it is a forum."""
        chat_id = -1_000_000_000_000 - self._chat_number()
        return self._new_chat(Chat(chat_id, ChatType.SUPERGROUP, title, forum=forum), members, bot)

    def channel(
        self, title: str, members: Members = (), *, bot: Status | str | None = Status.ADMINISTRATOR
    ) -> Chat:
        """Make a channel."""
        chat_id = -1_000_000_000_000 - self._chat_number()
        return self._new_chat(Chat(chat_id, ChatType.CHANNEL, title), members, bot)

    def topic(self, person: Person, chat: Chat, name: str) -> Topic:
        """Make a topic in a forum; its id is the `thread` to say things in."""
        return open_topic(self.state, person, self.chat(chat), name)

    def chat(self, chat: Chat | int) -> Chat:
        """Return a chat as it is now. Raises ValueError."""
        found = self.state.find_chat(chat if isinstance(chat, int) else chat.id)
        if found is None:
            raise ValueError("there is no such chat")
        return found

    def message(self, chat: Chat | int, message_id: int) -> Message | None:
        """Return a message as it is now, None when it is gone."""
        return self.state.find_message(self.chat(chat).id, message_id)

    def messages(self, chat: Chat | int) -> list[Message]:
        """Return what stands in a chat, oldest first."""
        return self.state.messages(self.chat(chat).id)

    @property
    def bot_listens(self) -> bool:
        """Say whether the bot waits for updates at this moment."""
        return self.state.updates.polled

    # What people do

    def say(
        self,
        person: Person,
        chat: Chat | int,
        text: str,
        *,
        reply_to: Message | int | None = None,
        thread: int | None = None,
    ) -> Message:
        """Write a message; commands, mentions and links in it are marked as Telegram marks them.

        A reply goes into the topic of what it replies to.
        """
        draft = self._draft(person, self.chat(chat), reply_to=reply_to, thread=thread)
        return self._add(draft, text)

    def say_anonymously(self, chat: Chat | int, text: str) -> Message:
        """Write as an anonymous administrator: as the group itself."""
        found = self.chat(chat)
        draft = self._draft(ANONYMOUS_ADMINISTRATOR, found)
        return self._add(replace(draft, sender_chat_id=found.id), text)

    def say_as_channel(self, channel: Chat, chat: Chat | int, text: str) -> Message:
        """Write in a group as a channel."""
        draft = self._draft(CHANNEL_SENDER, self.chat(chat))
        return self._add(replace(draft, sender_chat_id=self.chat(channel).id), text)

    def post(self, channel: Chat | int, text: str) -> Message:
        """Post in a channel."""
        found = self.chat(channel)
        return self._add(replace(self._draft(None, found), sender_chat_id=found.id), text)

    def edit(self, message: Message, text: str) -> Message:
        """Change the text of a message (or the caption of a document)."""
        current = self._current(message)
        text, entities = written(text, MAX_CAPTION if current.document else MAX_TEXT)
        changed = replace(current, text=text, entities=entities, edit_date=self.state.now())
        return self.state.change(changed)

    def forward(
        self, person: Person, message: Message, chat: Chat | int, *, thread: int | None = None
    ) -> Message:
        """Forward a message to a chat; its buttons stay behind."""
        current = self._current(message)
        return self._add(
            replace(
                self._draft(person, self.chat(chat), thread=thread),
                text=current.text,
                entities=current.entities,
                document=current.document,
                forwarded_from=current.sender,
                forwarded_date=current.date,
            )
        )

    def send(
        self,
        person: Person,
        chat: Chat | int,
        file: Upload,
        *,
        thread: int | None = None,
        reply_to: Message | int | None = None,
    ) -> Message:
        """Send a file; one with `pixels` as a photo."""
        draft = self._draft(person, self.chat(chat), reply_to=reply_to, thread=thread)
        text = written(file.caption, MAX_CAPTION) if file.caption else ("", ())
        document = self.state.keep_file(file)
        return self._add(replace(draft, document=document, text=text[0], entities=text[1]))

    async def press(
        self,
        person: Person,
        message: Message,
        button: str,
        *,
        wait_seconds: float = CALLBACK_SECONDS,
    ) -> Answer | None:
        """Press a button, named by its data or its text, and return the bot's answer; None if none came in time.

        The message may be gone or changed by now: people see old buttons for a while.
        """
        current = self.message(message.chat_id, message.id) or message
        found = current.button(button) or message.button(button)
        if found is None or found.data is None:
            raise ValueError(f"the message has no button {button!r} to press")
        answer = ask_bot(self.state, person, current, found.data)
        try:
            async with asyncio.timeout(wait_seconds):
                return await answer
        except TimeoutError:
            return None

    def react(self, person: Person, message: Message, emoji: str | None) -> None:
        """Put an emoji on a message, or take it away with None."""
        current = self._current(message)
        react(self.state, person, current, emoji)

    def delete(self, person: Person, message: Message) -> None:
        """Delete a message, anybody's."""
        self.state.remove(self._current(message), person)

    # What befalls the bot

    def limit(self, flood: FloodLimits | None) -> None:
        """Set the flood limits, from a clean slate."""
        self.state.flood = Flood(flood, self.state.clock) if flood else None

    def set_status(self, person: Person, chat: Chat | int, status: Status | str) -> None:
        """Change what somebody is in a chat; KICKED for the bot is how it is kicked, or blocked in private."""
        old = self.chat(chat).member(person)
        self._set_member(chat, replace(old, status=Status(status), can_send=True))

    def allow_sending(self, chat: Chat | int, allowed: bool) -> None:
        """Take the bot's right to send away, or give it back."""
        status = Status.MEMBER if allowed else Status.RESTRICTED
        self._set_member(chat, Member(self.bot, status, allowed))

    def remove_topic(self, chat: Chat | int, thread: int) -> None:
        """Delete a topic with all its messages."""
        found = self.chat(chat)
        self.state.set_chat(found.without_topic(thread))
        for message in self.messages(found):
            if message.thread_id == thread:
                self.state.remove(message, self._anybody(found))

    def migrate(self, chat: Chat | int) -> Chat:
        """Turn a group into a supergroup and return that; the group's id is dead from now on."""
        old = self.chat(chat)
        if old.type is not ChatType.GROUP or old.migrated_to is not None:
            raise ValueError("only a basic group becomes a supergroup, and once")
        members = [(member.person, member.status) for member in old.members.values()]
        new = self.supergroup(old.title, members, bot=None)
        who = self._anybody(old)
        note(self.state, old, who, {"migrate_to_chat_id": new.id})
        note(self.state, new, who, {"migrate_from_chat_id": old.id})
        self.state.set_chat(replace(self.chat(old), migrated_to=new.id))
        return self.chat(new)

    def revoke_token(self) -> None:
        """Make the token worthless, also for the call that waits."""
        self.state.token_valid = False
        self.state.updates.interrupt(unauthorized())

    def restore_token(self) -> None:
        """Make the token good again."""
        self.state.token_valid = True

    # Watching

    def follow(self, after: int = 0) -> AsyncIterator[Event]:
        """Yield every event behind a number, then each as it happens, until the playground is closed."""
        return self.state.log.follow(after)

    def events(self, after: int = 0) -> list[Event]:
        """Return the events behind a number."""
        return self.state.log.after(after)

    def calls(self, method: str | None = None) -> list[Call]:
        """Return what the bot called, or only its calls of one method."""
        return [
            call
            for call in self.state.calls
            if method is None or call.method.lower() == method.lower()
        ]

    def file(self, document: Document) -> bytes:
        """Return the bytes of a document."""
        return self.state.files[document.file_id]

    # Below: how

    def _new_person(
        self, first_name: str, username: str | None, person_id: int | None, *, is_bot: bool
    ) -> Person:
        if person_id is None:
            person_id = self._next_person_id
            self._next_person_id += 1
        person = Person(person_id, first_name, username, is_bot=is_bot)
        self.state.people[person.id] = person
        return person

    def _chat_number(self) -> int:
        self._next_chat_id += 1
        return self._next_chat_id

    def _new_chat(self, chat: Chat, members: Members, bot: Status | str | None) -> Chat:
        joined = [*members, (self.bot, bot)] if bot is not None else list(members)
        for person, status in joined:
            chat = chat.with_member(Member(person, Status(status)))
        return self.state.set_chat(chat)

    def _draft(
        self,
        person: Person | None,
        chat: Chat,
        *,
        reply_to: Message | int | None = None,
        thread: int | None = None,
    ) -> Message:
        if chat.migrated_to is not None:
            raise ValueError("the group became a supergroup")
        known = person is not None and person.id in self.state.people
        if person is not None and known and not chat.member(person).present:
            raise ValueError(f"{person.first_name} isn't in this chat")
        if thread is not None and thread not in chat.topics:
            raise ValueError("there is no such topic")
        reply_to_id = reply_to.id if isinstance(reply_to, Message) else reply_to
        replied = self.state.find_message(chat.id, reply_to_id) if reply_to_id else None
        return Message(
            chat_id=chat.id,
            id=0,
            date=self.state.now(),
            sender=person,
            reply_to_id=reply_to_id,
            thread_id=thread if thread is not None or replied is None else replied.thread_id,
        )

    def _add(self, draft: Message, text: str | None = None) -> Message:
        """Put a draft into its chat, with a text where one is to be written."""
        if text is not None:
            text, entities = written(text, MAX_TEXT)
            draft = replace(draft, text=text, entities=entities)
        chat = self.chat(draft.chat_id)
        return self.state.add(replace(draft, id=self.state.next_message_id(chat)))

    def _current(self, message: Message) -> Message:
        current = self.state.find_message(message.chat_id, message.id)
        if current is None:
            raise ValueError("the message is gone")
        return current

    def _set_member(self, chat: Chat | int, member: Member) -> None:
        found = self.chat(chat)
        self.state.set_member(found.id, member, self._anybody(found))

    def _anybody(self, chat: Chat) -> Person:
        people = [member.person for member in chat.members.values() if not member.person.is_bot]
        return people[0] if people else ANONYMOUS_ADMINISTRATOR
