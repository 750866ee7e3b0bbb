"""What the people's side sees, as JSON: the Bot API's objects, and what people see beside them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from playground import wire
from playground.arguments import Arguments
from playground.chats import Chat
from playground.events import Event
from playground.messages import Message
from playground.methods_bot import get_my_commands
from playground.state import State

LISTENS_SECONDS = 5.0
"""A bot that asks for updates this often is there: between two polls it only handles what it got."""

MOST_WAITING = 500


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the page tells a newcomer: `text` in an empty chat and `examples` to tap. `notes` are on people, by id."""

    text: str = ""
    examples: tuple[str, ...] = ()
    notes: tuple[tuple[int, str], ...] = ()


def state_json(state: State, welcome: Welcome) -> wire.Json:
    """Make what the page knows beside messages.

    `world` is another one after a restart; `waiting` are the [chat, message] that the bot hasn't taken yet, oldest first.
    """
    return {
        "world": state.id,
        "bot": wire.person_json(state.bot),
        "listens": state.updates.polled
        or state.clock() - state.updates.polled_at < LISTENS_SECONDS,
        "privacy": state.privacy,
        "flood": state.flood is not None,
        "commands": get_my_commands(state, Arguments({})),
        "people": [wire.person_json(person) for person in state.people.values()],
        "chats": [chat_json(chat) for chat in state.chats()],
        "waiting": _waiting(state),
        "welcome": {
            "text": welcome.text,
            "examples": list(welcome.examples),
            "notes": [{"person": person, "note": note} for person, note in welcome.notes],
        },
    }


def chat_json(chat: Chat) -> wire.Json:
    """Make a Chat with its members and topics."""
    members = [wire.member_json(member) for member in chat.members.values()]
    topics = [{"id": topic.id, "name": topic.name} for topic in chat.topics.values()]
    return wire.chat_json(chat) | {"members": members, "topics": topics}


def message_json(state: State, message: Message) -> wire.Json:
    """Make a Message with the reactions on it, as [person, emoji]."""
    reactions = [[person, emoji] for person, emoji in message.reactions.items()]
    return state.message_json(message) | {"reactions": reactions}


def event_json(state: State, event: Event) -> wire.Json:
    """Make an event, with the message as it was after it."""
    return {
        "number": event.number,
        "at": event.at,
        "kind": event.kind.value,
        "chat_id": event.chat_id,
        "message_id": event.message_id,
        "who": event.who,
        "by_bot": event.by_bot,
        "text": event.text,
        "buttons": [list(row) for row in event.buttons],
        "detail": event.detail,
        "message": message_json(state, event.message) if event.message else None,
    }


def _waiting(state: State) -> list[list[int]]:
    return [list(place) for place in islice(state.updates.waiting_messages(), MOST_WAITING)]
