"""Which messages reach the bot. Source: core.telegram.org/bots/features#privacy-mode and bots/faq."""

from __future__ import annotations

from playground.chats import Chat, ChatType
from playground.messages import Message
from playground.people import ANONYMOUS_ADMINISTRATOR, CHANNEL_SENDER, Member, Person

_WRITES_FOR_A_CHAT = (ANONYMOUS_ADMINISTRATOR.id, CHANNEL_SENDER.id)


def reaches_bot(message: Message, chat: Chat, bot: Person, *, privacy: bool) -> bool:
    """Say whether the bot gets an update for a message of somebody else; `message.for_bot` is decided before."""
    membership = chat.member(bot)
    if not membership.present:
        return False
    if chat.type in (ChatType.PRIVATE, ChatType.CHANNEL) or message.service is not None:
        return True
    if is_from_bot(message):
        return False
    # "bot admins and bots with privacy mode disabled will receive all messages except messages sent by other bots"
    return not privacy or membership.administers or message.for_bot


def is_from_bot(message: Message) -> bool:
    """Say whether a bot wrote it; who writes as a group or a channel is no bot, whatever `from` says."""
    sender = message.sender
    return sender is not None and sender.is_bot and sender.id not in _WRITES_FOR_A_CHAT


def is_meant_for(bot: Person, message: Message, chat: Chat, replied: Message | None) -> bool:
    """Say whether a message is meant for the bot, so that it passes the privacy mode.

    That is: a command with its name, a bare command when it wrote last of all bots, its @name, and a reply to what is
    by it or meant for it. Where no bot wrote yet, a bare command is meant for the only bot, and for none of several.
    """
    if replied is not None and (replied.sender == bot or replied.for_bot):
        return True
    name = f"@{bot.username}".lower()
    for entity in message.entities:
        marked = _marked(message.text, entity.offset, entity.end).lower()
        if entity.type in ("mention", "bot_command") and marked.endswith(name):
            return True
        if entity.type == "bot_command" and entity.offset == 0 and "@" not in marked:
            return _last_bot(chat) == bot.id
    return False


def _last_bot(chat: Chat) -> int | None:
    if chat.last_bot_id is not None:
        return chat.last_bot_id
    bots = [member.person.id for member in chat.members.values() if _is_present_bot(member)]
    return bots[0] if len(bots) == 1 else None


def _is_present_bot(member: Member) -> bool:
    return member.person.is_bot and member.present


def _marked(text: str, start: int, end: int) -> str:
    units = text.encode("utf-16-le", "surrogatepass")
    return units[2 * start : 2 * end].decode("utf-16-le", "replace")
