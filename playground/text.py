"""Text as Telegram keeps it: cleaned, trimmed, measured in UTF-16 units, its commands and links found."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from playground.messages import Entity

MAX_TEXT = 4096
"""UTF-16 units after parsing. Source: core.telegram.org/bots/api#sendmessage, text."""

MAX_CAPTION = 1024
"""UTF-16 units after parsing. Source: core.telegram.org/bots/api#senddocument, caption."""

MAX_ENTITIES = 100
"""More are left out, silently. Source: td MessageEntity.cpp, MAX_USER_ENTITY_COUNT."""

_VERBATIM = frozenset({"code", "pre"})
_QUOTES = frozenset({"blockquote", "expandable_blockquote"})

# Source: td clean_input_string: carriage returns, U+2028-U+202E and three combining lines vanish, other control
# characters become spaces.
_VANISHING = frozenset("\r\u0333\u033f\u030a" + "".join(map(chr, range(0x2028, 0x202F))))
_SPACED = frozenset(map(chr, range(0x20))) - {"\n", "\r"}

# Source: td MessageEntity.cpp, match_mentions, match_bot_commands, match_hashtags: these never try a shorter match.
_COMMAND = re.compile(r"(?<![\w/<>])/([a-zA-Z0-9_]++)(@[a-zA-Z0-9_]*+)?+(?![\w/<>])")
_MENTION = re.compile(r"(?<!\w)@([a-zA-Z0-9_]++)(?!\w)")
_HASHTAG = re.compile(r"(?<!\w)#(?=\w*[^\W\d_])(\w{1,256}+)(?!#)")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# td knows every top-level domain and much of punctuation; this finds what is written with a scheme or "www.".
_URL = re.compile(r"(?<!\w)(?:https?://|www\.)[^\s<>\"'«»]*[^\s<>\"'«».,:;!?)\]}…]")


def utf16_length(text: str) -> int:
    """Count UTF-16 units, which is how Telegram measures texts and places entities."""
    return len(text) + sum(character > "\uffff" for character in text)


def clean(text: str, entities: Iterable[Entity]) -> tuple[str, tuple[Entity, ...]]:
    """Clean and trim a text with the entities in it; the text is "" when nothing readable is left.

    Source: td fix_formatted_text.
    """
    kept: list[str] = []
    places = [0]
    for character in text:
        before = places[-1]
        if character not in _VANISHING:
            kept.append(" " if character in _SPACED else character)
        after = before + (utf16_length(character) if character not in _VANISHING else 0)
        places.extend([after] * utf16_length(character))
    moved = [_between(entity, places) for entity in entities]
    return _trim("".join(kept), [entity for entity in moved if entity.length > 0])


def find_entities(text: str) -> list[Entity]:
    """Find commands, mentions, links, addresses and hashtags, as Telegram marks them by itself."""
    found: list[Entity] = []
    for kind, pattern in (
        ("url", _URL),
        ("email", _EMAIL),
        ("bot_command", _COMMAND),
        ("mention", _MENTION),
        ("hashtag", _HASHTAG),
    ):
        for match in pattern.finditer(text):
            entity = Entity(kind, utf16_length(text[: match.start()]), utf16_length(match.group()))
            if _is_real(kind, match) and not any(_overlap(entity, other) for other in found):
                found.append(entity)
    return found


def combine(given: Iterable[Entity], found: Iterable[Entity]) -> tuple[Entity, ...]:
    """Join the sender's entities with the found ones as Telegram does.

    Nothing stands inside code and pre; what is found gives way to links of the sender. Source:
    core.telegram.org/bots/api#formatting-options and td fix_entities, merge_new_entities.
    """
    mine = list(given)
    verbatim = [entity for entity in mine if entity.type in _VERBATIM]
    result: list[Entity] = list(verbatim)
    for entity in mine:
        if entity.type in _QUOTES:
            result.append(entity)
        elif entity.type not in _VERBATIM:
            result.extend(_outside(entity, verbatim))
    result = sorted(result, key=_order)[:MAX_ENTITIES]
    taken = [entity for entity in mine if entity.type in _VERBATIM | {"text_link", "text_mention"}]
    result += [entity for entity in found if not any(_overlap(entity, other) for other in taken)]
    return tuple(sorted(result, key=_order))


def written(text: str, limit: int) -> tuple[str, tuple[Entity, ...]]:
    """Clean what a person typed and mark what Telegram marks. Raises ValueError: nothing readable, or over `limit`."""
    text, _ = clean(text, ())
    if not text or utf16_length(text) > limit:
        raise ValueError(f"a text has 1 to {limit} UTF-16 units, not {utf16_length(text)}")
    return text, combine((), find_entities(text))


def _between(entity: Entity, places: list[int]) -> Entity:
    last = len(places) - 1
    start = places[min(max(entity.offset, 0), last)]
    end = places[min(max(entity.end, 0), last)]
    return replace(entity, offset=start, length=end - start)


def _trim(text: str, entities: list[Entity]) -> tuple[str, tuple[Entity, ...]]:
    text = text.rstrip(" \n")
    # Space in front stays where the first entity begins, so that <pre> keeps its indentation.
    first = min((entity.offset for entity in entities), default=len(text))
    cut = min(len(text) - len(text.lstrip(" \n")), first)
    text = text[cut:]
    end = utf16_length(text)
    trimmed = [
        replace(
            entity,
            offset=entity.offset - cut,
            length=min(entity.end - cut, end) - (entity.offset - cut),
        )
        for entity in entities
    ]
    if not text.strip():
        return "", ()
    return text, tuple(entity for entity in trimmed if entity.length > 0)


def _is_real(kind: str, match: re.Match[str]) -> bool:
    if kind == "mention":
        return 2 <= len(match.group(1)) <= 32
    if kind == "bot_command":
        addressed = match.group(2)
        return len(match.group(1)) <= 64 and (addressed is None or 3 <= len(addressed) - 1 <= 32)
    return True


def _outside(entity: Entity, verbatim: list[Entity]) -> list[Entity]:
    pieces = [entity]
    for block in verbatim:
        split: list[Entity] = []
        for piece in pieces:
            if not _overlap(piece, block):
                split.append(piece)
                continue
            if piece.offset < block.offset:
                split.append(replace(piece, length=block.offset - piece.offset))
            if piece.end > block.end:
                split.append(replace(piece, offset=block.end, length=piece.end - block.end))
        pieces = split
    return pieces


def _overlap(one: Entity, other: Entity) -> bool:
    return one.offset < other.end and other.offset < one.end


def _order(entity: Entity) -> tuple[int, int]:
    return entity.offset, -entity.length
