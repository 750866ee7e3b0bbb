"""The World's values as the Bot API's JSON objects. Source: core.telegram.org/bots/api#available-types."""

from __future__ import annotations

from collections.abc import Callable

from playground.chats import Chat, ChatType
from playground.messages import Button, Document, Entity, Keyboard, Message
from playground.people import Member, Person, Status

Json = dict[str, object]
FindMessage = Callable[[int, int], Message | None]
"""Look a message up by the ids of chat and message."""


def person_json(person: Person) -> Json:
    """Make a User."""
    return _present(
        {
            "id": person.id,
            "is_bot": person.is_bot,
            "first_name": person.first_name,
            "username": person.username,
        }
    )


def chat_json(chat: Chat) -> Json:
    """Make a Chat."""
    if chat.type is ChatType.PRIVATE:
        person = _partner(chat)
        return _present(
            {
                "id": chat.id,
                "type": "private",
                "first_name": person.first_name,
                "username": person.username,
            }
        )
    return _present(
        {
            "id": chat.id,
            "type": chat.type.value,
            "title": chat.title,
            "is_forum": chat.forum or None,
        }
    )


def message_json(
    message: Message, chats: Callable[[int], Chat], find: FindMessage, *, nested: bool = False
) -> Json:
    """Make a Message. A nested one (the message replied to) doesn't hold the one that it replies to."""
    chat = chats(message.chat_id)
    sender_chat = message.sender_chat_id
    made: Json = {
        "message_id": message.id,
        "from": person_json(message.sender) if message.sender else None,
        "sender_chat": chat_json(chats(sender_chat)) if sender_chat is not None else None,
        "chat": chat_json(chat),
        "date": message.date,
        "message_thread_id": message.thread_id,
        "is_topic_message": True if message.thread_id is not None else None,
        "edit_date": message.edit_date,
        **_content(message),
        "reply_markup": keyboard_json(message.keyboard) if message.keyboard else None,
    }
    if message.forwarded_from is not None:
        made["forward_origin"] = {
            "type": "user",
            "sender_user": person_json(message.forwarded_from),
            "date": message.forwarded_date,
        }
    # In a topic a message that replies to nothing replies to the topic's first message: Telegram keeps the thread
    # that way, and the Bot API shows it (telegram-bot-api issue 356).
    reply_to = message.reply_to_id or (
        message.thread_id if message.thread_id != message.id else None
    )
    replied = find(message.chat_id, reply_to) if reply_to and not nested else None
    if replied is not None:
        made["reply_to_message"] = message_json(replied, chats, find, nested=True)
    return _present(made)


def entity_json(entity: Entity) -> Json:
    """Make a MessageEntity."""
    mention = entity.person
    return _present(
        {
            "offset": entity.offset,
            "length": entity.length,
            "type": entity.type,
            "url": entity.url if mention is None else None,
            "language": entity.language,
            "user": person_json(mention) if mention else None,
            "custom_emoji_id": entity.custom_emoji_id,
        }
    )


def keyboard_json(keyboard: Keyboard) -> Json:
    """Make an InlineKeyboardMarkup."""
    return {"inline_keyboard": [[_button_json(button) for button in row] for row in keyboard]}


def document_json(document: Document) -> Json:
    """Make a Document."""
    return {
        "file_name": document.name,
        "mime_type": document.media_type,
        "file_id": document.file_id,
        "file_unique_id": document.unique_id,
        "file_size": document.size,
    }


def photo_json(document: Document) -> list[Json]:
    """Make the PhotoSizes of a photo: its one size."""
    width, height = document.pixels or (0, 0)
    return [
        {
            "file_id": document.file_id,
            "file_unique_id": document.unique_id,
            "width": width,
            "height": height,
            "file_size": document.size,
        }
    ]


def member_json(member: Member) -> Json:
    """Make a ChatMember with the rights that the playground knows of."""
    made: Json = {"user": person_json(member.person), "status": member.status.value}
    if member.administers:
        made["is_anonymous"] = False
    if member.status is Status.ADMINISTRATOR:
        made |= dict.fromkeys(_ADMINISTRATOR_RIGHTS, True)
        made["can_be_edited"] = False
    if member.status is Status.RESTRICTED:
        made |= dict.fromkeys(_MEMBER_RIGHTS, member.can_send)
        made |= {"is_member": True, "until_date": 0}
    if member.status is Status.KICKED:
        made["until_date"] = 0
    return made


_ADMINISTRATOR_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_pin_messages",
    "can_manage_topics",
)
_MEMBER_RIGHTS = (
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
)


def _partner(chat: Chat) -> Person:
    return next(member.person for member in chat.members.values() if member.person.id == chat.id)


def _content(message: Message) -> Json:
    if message.service is not None:
        return dict(message.service)
    entities = [entity_json(entity) for entity in message.entities] or None
    if message.document is None:
        return {"text": message.text, "entities": entities}
    shown: Json = {"document": document_json(message.document)}
    if message.document.pixels is not None:
        shown = {"photo": photo_json(message.document)}
    return shown | {
        "caption": message.text or None,
        "caption_entities": entities,
    }


def _button_json(button: Button) -> Json:
    return _present({"text": button.text, "url": button.url, "callback_data": button.data})


def _present(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
