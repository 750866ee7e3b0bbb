"""Chats: private ones, groups, supergroups with or without topics, channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

from playground.people import Member, Person, Status


class ChatType(Enum):
    """The kinds of chat; the values are the Bot API's (Chat.type)."""

    PRIVATE = "private"
    GROUP = "group"
    SUPERGROUP = "supergroup"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of a forum. `id` is the id of the service message that made it, as in Telegram."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat at one moment; the same `id` asked of the World again gives its present state.

    `members` (the bot too) and `topics` are by id. `migrated_to` is the id of the supergroup that a group became.
    `last_bot_id` is the bot that wrote last: a bare command is meant for that one.
    """

    id: int
    type: ChatType
    title: str = ""
    forum: bool = False
    members: Mapping[int, Member] = field(default_factory=lambda: MappingProxyType({}))
    topics: Mapping[int, Topic] = field(default_factory=lambda: MappingProxyType({}))
    migrated_to: int | None = None
    last_bot_id: int | None = None

    @property
    def is_group(self) -> bool:
        """Say whether it is a group or a supergroup."""
        return self.type in (ChatType.GROUP, ChatType.SUPERGROUP)

    def member(self, person: Person) -> Member:
        """Return what a person is here; somebody who never was here has left."""
        return self.members.get(person.id) or Member(person, Status.LEFT)

    def with_member(self, member: Member) -> Chat:
        """Return the chat with this member added or changed."""
        members = {**self.members, member.person.id: member}
        return replace(self, members=MappingProxyType(members))

    def with_topic(self, topic: Topic) -> Chat:
        """Return the chat with this topic added."""
        return replace(self, topics=MappingProxyType({**self.topics, topic.id: topic}))

    def without_topic(self, topic_id: int) -> Chat:
        """Return the chat with a topic gone."""
        left = {key: topic for key, topic in self.topics.items() if key != topic_id}
        return replace(self, topics=MappingProxyType(left))
