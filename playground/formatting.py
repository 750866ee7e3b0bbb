"""The text of a call: parsed, cleaned, marked. Source: Client::get_formatted_text and td fix_formatted_text."""

from __future__ import annotations

from dataclasses import replace

from playground.arguments import Arguments
from playground.markup import BadMarkup, linked_person, parse_html
from playground.messages import Entity
from playground.refusal import Refused, bad_request
from playground.state import State
from playground.text import clean, combine, find_entities, utf16_length

MAX_BYTES = 1 << 15
"""Source: Client::get_formatted_text: a longer source isn't even parsed."""

_USER_TYPES = frozenset(
    [
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "spoiler",
        "code",
        "pre",
        "text_link",
        "text_mention",
        "custom_emoji",
        "blockquote",
        "expandable_blockquote",
    ]
)
_AUTOMATIC_TYPES = frozenset(
    [
        "mention",
        "hashtag",
        "cashtag",
        "bot_command",
        "url",
        "email",
        "phone_number",
        "bank_card_number",
    ]
)

Formatted = tuple[str, tuple[Entity, ...]]


def read_text(state: State, arguments: Arguments, limit: int, too_long: str) -> Formatted:
    """Return the text of a message. Raises Refused: empty, too long (with these words), or bad markup."""
    source = arguments.text("text")
    if not source:
        raise bad_request("message text is empty")
    text, entities = _read(state, arguments, source, "entities")
    if not text:
        raise bad_request("message must be non-empty")
    if utf16_length(text) > limit:
        raise bad_request(too_long)
    return text, entities


def read_caption(state: State, arguments: Arguments, limit: int) -> Formatted:
    """Return the caption of a file, which may be empty. Raises Refused."""
    text, entities = _read(state, arguments, arguments.text("caption"), "caption_entities")
    if utf16_length(text) > limit:
        # Source: td MessagesManager, on MEDIA_CAPTION_TOO_LONG.
        raise bad_request("message caption is too long")
    return text, entities


def _read(state: State, arguments: Arguments, source: str, entities_name: str) -> Formatted:
    try:
        size = len(source.encode("utf-8"))
    except UnicodeEncodeError:
        raise bad_request("Strings must be encoded in UTF-8") from None
    if size > MAX_BYTES:
        raise bad_request("Text is too long")
    mode = arguments.text("parse_mode").lower()
    given: list[Entity]
    if mode == "html":
        try:
            source, given = parse_html(source)
        except BadMarkup as wrong:
            raise bad_request(f"can't parse entities: {wrong}") from None
    elif mode in ("", "none"):
        given = _given(arguments, entities_name)
    else:
        # Telegram knows Markdown and MarkdownV2 too; the playground doesn't, and says so rather than send them raw.
        raise bad_request("Unsupported parse_mode")
    text, moved = clean(source, _with_people(state, given))
    return text, combine(moved, find_entities(text))


def _given(arguments: Arguments, name: str) -> list[Entity]:
    # Source: Client::get_input_entities: JSON that can't be read is no entities, not an error.
    try:
        found = arguments.json(name, "entities")
    except Refused:
        return []
    entities = [_entity(value) for value in found] if isinstance(found, list) else []
    return [entity for entity in entities if entity.type not in _AUTOMATIC_TYPES]


def _entity(value: object) -> Entity:
    if not isinstance(value, dict):
        raise bad_request("Can't parse MessageEntity: expected an Object")
    kind, offset, length = (value.get(name) for name in ("type", "offset", "length"))
    if not isinstance(offset, int) or not isinstance(length, int):
        raise bad_request('Can\'t parse MessageEntity: Field "offset" must be of type Number')
    if not 0 <= offset <= 1_000_000 or not 0 <= length <= 1_000_000:
        wrong = ("offset", offset) if not 0 <= offset <= 1_000_000 else ("length", length)
        raise bad_request(f"Receive an entity with incorrect {wrong[0]} {wrong[1]}")
    if kind not in _USER_TYPES | _AUTOMATIC_TYPES:
        raise bad_request("Can't parse MessageEntity: Unsupported type specified")
    user = value.get("user")
    mentioned = f"tg://user?id={user['id']}" if isinstance(user, dict) and "id" in user else None
    return Entity(
        str(kind),
        offset,
        length,
        url=mentioned or value.get("url"),
        language=value.get("language"),
        custom_emoji_id=value.get("custom_emoji_id"),
    )


def _with_people(state: State, entities: list[Entity]) -> list[Entity]:
    """Put the person into each mention; who isn't known isn't mentioned."""
    found: list[Entity] = []
    for entity in entities:
        if entity.type != "text_mention":
            found.append(entity)
            continue
        person = state.people.get(linked_person(entity.url or "") or 0)
        if person is not None:
            found.append(replace(entity, person=person))
    return found
