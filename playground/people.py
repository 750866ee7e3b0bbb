"""People, as Telegram knows them, and what they are in a chat."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Person:
    """A user of Telegram; bots are users too. `username` is without the @."""

    id: int
    first_name: str
    username: str | None = None
    is_bot: bool = False


class Status(Enum):
    """What somebody is in a chat; the values are the Bot API's (ChatMember.status)."""

    CREATOR = "creator"
    ADMINISTRATOR = "administrator"
    MEMBER = "member"
    RESTRICTED = "restricted"
    LEFT = "left"
    KICKED = "kicked"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a chat. `can_send` False is a restricted member or a chat whose permissions forbid messages."""

    person: Person
    status: Status = Status.MEMBER
    can_send: bool = True

    @property
    def present(self) -> bool:
        """Say whether the person is in the chat now."""
        return self.status not in (Status.LEFT, Status.KICKED)

    @property
    def administers(self) -> bool:
        """Say whether the person is an administrator or the creator."""
        return self.status in (Status.ADMINISTRATOR, Status.CREATOR)


ANONYMOUS_ADMINISTRATOR = Person(1087968824, "Group", "GroupAnonymousBot", is_bot=True)
"""Who `from` names when an administrator writes as the group. Source: core.telegram.org/bots/api#message (from)."""

CHANNEL_SENDER = Person(136817688, "Channel", "Channel_Bot", is_bot=True)
"""Who `from` names when somebody writes as a channel in a group. Source: as above."""
