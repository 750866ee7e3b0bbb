"""What both people and the bot do to a chat beside writing: topics, service messages, reactions."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from playground import wire
from playground.chats import Chat, Topic
from playground.events import EventKind
from playground.messages import Message
from playground.people import Person
from playground.state import State


def open_topic(state: State, person: Person, chat: Chat, name: str) -> Topic:
    """Make a topic: a service message, and what hangs on it. Raises ValueError where there are no topics."""
    if not chat.forum:
        raise ValueError("the chat is not a forum")
    topic = Topic(state.next_message_id(chat), name)
    state.set_chat(chat.with_topic(topic))
    created = {"forum_topic_created": {"name": name, "icon_color": 7322096}}
    state.add(Message(chat.id, topic.id, state.now(), person, thread_id=topic.id, service=created))
    return topic


def note(state: State, chat: Chat, who: Person, service: dict[str, object]) -> Message:
    """Put a service message into a chat."""
    message_id = state.next_message_id(chat)
    return state.add(Message(chat.id, message_id, state.now(), who, service=service))


def react(state: State, person: Person, message: Message, emoji: str | None) -> None:
    """Put somebody's emoji on a message; the bot hears of other people's where it asked and may."""
    old = message.reactions.get(person.id)
    if old == emoji:
        return
    reactions = {key: kept for key, kept in message.reactions.items() if key != person.id}
    if emoji is not None:
        reactions[person.id] = emoji
    changed = replace(message, reactions=MappingProxyType(reactions))
    state.change(changed, as_edit=False)
    state.tell(EventKind.REACTED, changed, who=person, detail=emoji or "")
    chat = state.chat(message.chat_id)
    # "The bot must be an administrator in the chat": core.telegram.org/bots/api#update, message_reaction.
    if person == state.bot or not (chat.member(state.bot).administers or not chat.is_group):
        return
    state.updates.add(
        "message_reaction",
        {
            "chat": wire.chat_json(chat),
            "message_id": message.id,
            "user": wire.person_json(person),
            "date": state.now(),
            "old_reaction": _reaction_json(old),
            "new_reaction": _reaction_json(emoji),
        },
    )


def _reaction_json(emoji: str | None) -> list[wire.Json]:
    return [{"type": "emoji", "emoji": emoji}] if emoji else []
