"""Who may do what: pure rules over what Telegram says of a person and what the config says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bot.config import Config, Role
from bot.repo import Target


class Membership(Enum):
    """What a person is in the home chat (TELEGRAM_CHAT_ID)."""

    ADMINISTRATOR = "administrator"
    MEMBER = "member"
    NONE = "none"


class Action(Enum):
    """What a person wants to do. READ is `/jobs`, `/logs`, `/help`; CHANGE is to retry, cancel or clean a Run."""

    READ = "read"
    RUN = "run"
    CHANGE = "change"


class Refusal(Enum):
    """Why somebody may not; `bot.messages` has the sentence for each.

    ANONYMOUS is an anonymous administrator, CHANNEL a post in a channel's name, BOT another bot, ELSEWHERE a chat that the
    config doesn't name, STRANGER a person without a role. VIEWER may only read, NOT_YOURS is a Run of somebody
    else. REPO_NOT_NAMED needs an admin, since the config names the repos that may run, REPO_PROTECTED too;
    OTHER_HOST nobody may run, before the config names the repo.
    """

    ANONYMOUS = "anonymous"
    CHANNEL = "channel"
    BOT = "bot"
    ELSEWHERE = "elsewhere"
    STRANGER = "stranger"
    VIEWER = "viewer"
    NOT_YOURS = "not-yours"
    REPO_NOT_NAMED = "repo-not-named"
    REPO_PROTECTED = "repo-protected"
    OTHER_HOST = "other-host"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts where, as Telegram says it.

    `person_id` None means that Telegram names nobody (a channel post). `sender_chat_id` is the chat in whose name a
    message was written; None for a pressed button, which is always a person's.
    """

    person_id: int | None
    chat_id: int
    private: bool
    is_bot: bool = False
    sender_chat_id: int | None = None


def membership(status: str, *, is_member: bool = False) -> Membership:
    """Read the `status` of a Telegram ChatMember; `is_member` matters for "restricted" only.

    https://core.telegram.org/bots/api#chatmember
    """
    if status in ("creator", "administrator"):
        return Membership.ADMINISTRATOR
    if status == "member" or (status == "restricted" and is_member):
        return Membership.MEMBER
    return Membership.NONE


def needs_membership(actor: Actor, config: Config, home_chat_id: int) -> bool:
    """Say whether `role_of` needs the person's membership of the home chat, which costs a request."""
    return not config.people and _refuse_place(actor, config, home_chat_id) is None


def role_of(
    actor: Actor, config: Config, home_chat_id: int, member: Membership | None = None
) -> Role | Refusal:
    """Return the role of whoever acts, or why they have none.

    With `people` in the config only these have a role; without, members of the home chat are runners and its
    administrators admins. `member` None (not asked, or Telegram didn't answer) counts as no member.
    """
    refused = _refuse_place(actor, config, home_chat_id)
    if refused is not None or actor.person_id is None:
        return refused or Refusal.CHANNEL
    if config.people:
        return config.people.get(actor.person_id, Refusal.STRANGER)
    return _ROLES.get(member or Membership.NONE, Refusal.STRANGER)


def refuse(role: Role, action: Action, *, own: bool = False) -> Refusal | None:
    """Return why a role may not do something, None when it may; `own` says that the Run is the person's own."""
    if role is Role.ADMIN or action is Action.READ:
        return None
    if role is Role.VIEWER:
        return Refusal.VIEWER
    return None if action is Action.RUN or own else Refusal.NOT_YOURS


def refuse_repo(role: Role, target: Target, config: Config) -> Refusal | None:
    """Return why a role may not run a repo, None when it may. The rules are docs/decisions/002."""
    if role is Role.VIEWER:
        return Refusal.VIEWER
    if target.named is None and not target.on_forge:
        return Refusal.OTHER_HOST
    if role is Role.ADMIN:
        return None
    if target.named is None and config.repos:
        return Refusal.REPO_NOT_NAMED
    if config.options_of(target.named).protected:
        return Refusal.REPO_PROTECTED
    return None


_ROLES: dict[Membership, Role] = {
    Membership.ADMINISTRATOR: Role.ADMIN,
    Membership.MEMBER: Role.RUNNER,
}
_NOBODY = {
    1087968824: Refusal.ANONYMOUS,  # @GroupAnonymousBot: an administrator who hides
    136817688: Refusal.CHANNEL,  # @Channel_Bot: somebody who writes as a channel
    777000: Refusal.CHANNEL,  # Telegram itself: posts of a linked channel, and service notices
}


def _refuse_place(actor: Actor, config: Config, home_chat_id: int) -> Refusal | None:
    """Return why nobody can act so or here, whoever it is.

    A private chat is decided by the person alone.
    """
    if not actor.private and actor.chat_id not in {home_chat_id, *config.chats}:
        return Refusal.ELSEWHERE
    if actor.person_id in _NOBODY:
        return _NOBODY[actor.person_id]
    if actor.sender_chat_id is not None:
        same = actor.sender_chat_id == actor.chat_id
        return Refusal.ANONYMOUS if same else Refusal.CHANNEL
    if actor.person_id is None:
        return Refusal.CHANNEL
    return Refusal.BOT if actor.is_bot else None
