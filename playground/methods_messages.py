"""The Bot API's methods about messages. Source of each: core.telegram.org/bots/api, under its name."""

from __future__ import annotations

from dataclasses import replace

from playground.access import Need, Place, reach_chat, reach_message, reach_place, spend
from playground.arguments import Arguments, Upload
from playground.formatting import Formatted, read_caption, read_text
from playground.keyboard import read_keyboard
from playground.messages import Document, Keyboard, Message
from playground.refusal import Refused, bad_request, forbidden
from playground.service import react
from playground.state import State
from playground.text import MAX_CAPTION, MAX_TEXT
from playground.wire import Json

MAX_UPLOAD_BYTES = 50 * 1024 * 1024
"""Source: core.telegram.org/bots/api#sending-files: "50 MB max size" for files that aren't photos."""

DELETABLE_SECONDS = 48 * 3600
"""Source: core.telegram.org/bots/api#deletemessage: "less than 48 hours ago"."""

REACTIONS = frozenset(
    [
        "👍",
        "👎",
        "❤",
        "🔥",
        "🥰",
        "👏",
        "😁",
        "🤔",
        "🤯",
        "😱",
        "🤬",
        "😢",
        "🎉",
        "🤩",
        "🤮",
        "💩",
        "🙏",
        "👌",
        "🕊",
        "🤡",
        "🥱",
        "🥴",
        "😍",
        "🐳",
        "❤\u200d🔥",
        "🌚",
        "🌭",
        "💯",
        "🤣",
        "⚡",
        "🍌",
        "🏆",
        "💔",
        "🤨",
        "😐",
        "🍓",
        "🍾",
        "💋",
        "🖕",
        "😈",
        "😴",
        "😭",
        "🤓",
        "👻",
        "👨\u200d💻",
        "👀",
        "🎃",
        "🙈",
        "😇",
        "😨",
        "🤝",
        "✍",
        "🤗",
        "🫡",
        "🎅",
        "🎄",
        "☃",
        "💅",
        "🤪",
        "🗿",
        "🆒",
        "💘",
        "🙉",
        "🦄",
        "😘",
        "💊",
        "🙊",
        "😎",
        "👾",
        "🤷\u200d♂",
        "🤷",
        "🤷\u200d♀",
        "😡",
    ]
)
"""Source: core.telegram.org/bots/api#reactiontypeemoji."""


def send_message(state: State, arguments: Arguments) -> Json:
    """Send a text."""
    # Source: td MessagesManager, on MESSAGE_TOO_LONG when sending: "Message is too long".
    formatted = read_text(state, arguments, MAX_TEXT, "Message is too long")
    keyboard = read_keyboard(arguments)
    place = reach_place(state, arguments, "text messages")
    return _send(state, place, _draft(state, arguments, place, formatted, keyboard))


def send_document(state: State, arguments: Arguments) -> Json:
    """Send a file: uploaded, or again by its file_id."""
    upload, known = _document(state, arguments)
    formatted = read_caption(state, arguments, MAX_CAPTION)
    keyboard = read_keyboard(arguments)
    place = reach_place(state, arguments, "documents")
    draft = _draft(state, arguments, place, formatted, keyboard)
    document = state.keep_file(upload) if upload else known
    return _send(state, place, replace(draft, document=document))


def edit_message_text(state: State, arguments: Arguments) -> Json:
    """Change the text of an own message; without reply_markup its buttons go."""
    # Source: the servers' MESSAGE_TOO_LONG comes through as it is when editing.
    text, entities = read_text(state, arguments, MAX_TEXT, "MESSAGE_TOO_LONG")
    keyboard = read_keyboard(arguments)
    message = _editable(state, arguments)
    if message.document is not None:
        raise bad_request("there is no text in the message to edit")
    return _edit(state, message, replace(message, text=text, entities=entities, keyboard=keyboard))


def edit_message_reply_markup(state: State, arguments: Arguments) -> Json:
    """Change the buttons of an own message; without reply_markup they go."""
    keyboard = read_keyboard(arguments)
    message = _editable(state, arguments)
    return _edit(state, message, replace(message, keyboard=keyboard))


def delete_message(state: State, arguments: Arguments) -> bool:
    """Delete an own message, or as an administrator anybody's."""
    chat = reach_chat(state, arguments, Need.WRITE)
    message = reach_message(state, arguments, chat, "message to delete")
    mine = message.sender == state.bot or not chat.is_group
    too_old = message.date < state.now() - DELETABLE_SECONDS
    if too_old or not (mine or chat.member(state.bot).administers):
        raise bad_request("message can't be deleted")
    state.remove(message, state.bot)
    return True


def set_message_reaction(state: State, arguments: Arguments) -> bool:
    """Put one emoji on a message, or none; the same again changes nothing."""
    found = arguments.json("reaction", "reaction types")
    if found is not None and not isinstance(found, list):
        raise bad_request("Expected an Array of ReactionType")
    emoji = [_emoji(value) for value in found or []]
    chat = reach_chat(state, arguments, Need.READ)
    message = reach_message(state, arguments, chat, "message to react")
    if len(emoji) > 1:
        # "bots can set up to one reaction per message": core.telegram.org/bots/api#setmessagereaction
        raise bad_request("REACTIONS_TOO_MANY")
    if any(one not in REACTIONS for one in emoji):
        raise bad_request("REACTION_INVALID")
    react(state, state.bot, message, emoji[0] if emoji else None)
    return True


def _draft(
    state: State, arguments: Arguments, place: Place, formatted: Formatted, keyboard: Keyboard
) -> Message:
    return Message(
        chat_id=place.chat.id,
        id=0,
        date=state.now(),
        sender=state.bot,
        text=formatted[0],
        entities=formatted[1],
        keyboard=keyboard,
        reply_to_id=place.reply_to_id,
        thread_id=place.thread_id,
        silent=arguments.boolean("disable_notification"),
    )


def _send(state: State, place: Place, draft: Message) -> Json:
    spend(state, place.chat)
    message = state.add(replace(draft, id=state.next_message_id(place.chat)))
    return state.message_json(message)


def _document(state: State, arguments: Arguments) -> tuple[Upload | None, Document | None]:
    """Return the file that was uploaded, or else the one that is named."""
    upload = arguments.upload("document")
    if upload is None:
        given = arguments.text("document")
        if not given:
            raise bad_request("There is no document in the request")
        known = state.documents.get(given)
        if known is None:
            # Telegram would fetch a URL; the playground opens no connection.
            raise bad_request("wrong file identifier/HTTP URL specified")
        return None, known
    if not upload.data:
        raise bad_request("file must be non-empty")
    if len(upload.data) > MAX_UPLOAD_BYTES:
        raise Refused(413, "Request Entity Too Large")
    return upload, None


def _editable(state: State, arguments: Arguments) -> Message:
    chat = reach_chat(state, arguments, Need.EDIT)
    message = reach_message(state, arguments, chat, "message to edit")
    if message.sender != state.bot or message.service is not None:
        raise bad_request("message can't be edited")
    if not chat.member(state.bot).can_send:
        # Source: core.telegram.org/method/messages.editMessage, 403 CHAT_WRITE_FORBIDDEN.
        raise forbidden("CHAT_WRITE_FORBIDDEN")
    return message


def _edit(state: State, message: Message, changed: Message) -> Json:
    if changed == message:
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly "
            "the same as a current content and reply markup of the message"
        )
    spend(state, state.chat(message.chat_id))
    return state.message_json(state.change(replace(changed, edit_date=state.now())))


def _emoji(value: object) -> str:
    if not isinstance(value, dict):
        raise bad_request("Can't parse ReactionType: expected an Object")
    if value.get("type") != "emoji":
        raise bad_request("REACTION_INVALID")
    # Hearts and persons come with and without the variation selector.
    return str(value.get("emoji", "")).replace("\ufe0f", "")
