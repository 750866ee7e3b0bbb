"""Telegram's HTML, parsed and refused as Telegram does.

Source of every rule and word here: td MessageEntity.cpp, parse_html and decode_html_entity. Offsets in refusals count
bytes of UTF-8, offsets of entities UTF-16 units.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from playground.messages import Entity
from playground.text import utf16_length

_TYPES = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("s", "strike", "del"), "strikethrough"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("tg-spoiler", "span"), "spoiler"),
    "a": "text_link",
    "blockquote": "blockquote",
    "code": "code",
    "pre": "pre",
    "tg-emoji": "custom_emoji",
}
_NAMED = {b"lt": "<", b"gt": ">", b"amp": "&", b"quot": '"'}
_SPACES = b" \t\r\n\0\v"
_REFERENCE = re.compile(rb"&(?:#x([0-9a-fA-F]*)|#([0-9]*)|([a-zA-Z]*))")
_PERSON_LINK = re.compile(r"tg://(?:user\?id=|openmessage\?user_id=)(\d{1,18})")
_NAME_TOKEN = re.compile(rb"[a-zA-Z0-9.-]*")


class BadMarkup(Exception):
    """The text isn't Telegram's HTML; the words are Telegram's."""


@dataclass(frozen=True, slots=True)
class _Open:
    tag: str
    argument: str
    offset: int
    begin: int


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """Return the text without markup, and its entities in the order in which they ended. Raises BadMarkup."""
    parser = _Parser(source.encode("utf-8"))
    parser.run()
    return parser.text, parser.entities


def checked_link(url: str) -> str | None:
    """Return a URL as Telegram keeps it, None where it makes no link of it. Source: td LinkManager::check_link."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
    except ValueError:
        return None
    if parts.scheme in ("tg", "ton", "tonsite"):
        return url
    if parts.scheme not in ("http", "https") or "." not in (parts.hostname or ""):
        return None
    return parts._replace(path=parts.path or "/").geturl()


def linked_person(url: str) -> int | None:
    """Return the id of the user that a link names. Source: core.telegram.org/bots/api#html-style, tg://user?id=."""
    match = _PERSON_LINK.fullmatch(url)
    return int(match.group(1)) if match else None


class _Parser:
    def __init__(self, source: bytes) -> None:
        # The end of a C string is a NUL, and td's is_space counts it as space: every loop below ends there.
        self._source = source + b"\0"
        self._size = len(source)
        self._at = 0
        self._out: list[str] = []
        self._offset = 0
        self._open: list[_Open] = []
        self.entities: list[Entity] = []

    @property
    def text(self) -> str:
        return "".join(self._out)

    def run(self) -> None:
        while self._at < self._size:
            byte = self._source[self._at : self._at + 1]
            if byte == b"<":
                self._tag()
            elif byte != b"&" or not self._reference_into_text():
                self._literal()
        if self._open:
            raise BadMarkup(f"Can't find end tag corresponding to start tag {self._open[-1].tag}")
        if any("\ud800" <= character <= "\udfff" for character in self.text):
            raise BadMarkup(
                "Text contains invalid Unicode characters after decoding HTML entities, "
                "check for unmatched surrogate code units"
            )
        # The argument of a <code class> that didn't become a <pre> is dropped.
        self.entities = [
            replace(entity, language=None) if entity.type == "code" else entity
            for entity in self.entities
        ]

    def _literal(self) -> None:
        end = self._at + 1
        while self._source[end] & 0xC0 == 0x80:
            end += 1
        self._put(self._source[self._at : end].decode("utf-8"))
        self._at = end

    def _reference_into_text(self) -> bool:
        character = self._reference()
        if character is None:
            return False
        self._put(character)
        return True

    def _put(self, character: str) -> None:
        self._out.append(character)
        self._offset += utf16_length(character)

    def _reference(self) -> str | None:
        """Decode the reference at the present place and go behind it, or stay and return None."""
        match = _REFERENCE.match(self._source, self._at)
        if match is None:
            return None
        hexadecimal, decimal, name = match.groups()
        if name is not None:
            character = _NAMED.get(name)
        elif match.end() - match.start() >= 10:
            character = None
        else:
            digits = decimal if hexadecimal is None else hexadecimal
            code = int(digits or b"0", 10 if hexadecimal is None else 16)
            character = chr(code) if 0 < code < 0x10FFFF else None
        if character is not None:
            end = match.end()
            self._at = end + 1 if self._source[end : end + 1] == b";" else end
        return character

    def _tag(self) -> None:
        begin = self._at
        self._at += 1
        if self._source[self._at] == ord("/"):
            self._end_tag(begin)
        else:
            self._start_tag(begin)

    def _start_tag(self, begin: int) -> None:
        self._skip_until(b">")
        if self._ended():
            raise BadMarkup(f"Unclosed start tag at byte offset {begin}")
        tag = self._source[begin + 1 : self._at].decode("utf-8", "replace").lower()
        if tag not in _TYPES:
            raise BadMarkup(f'Unsupported start tag "{tag}" at byte offset {begin}')
        argument = ""
        while self._source[self._at] != ord(">"):
            self._skip_spaces()
            if self._source[self._at] == ord(">"):
                break
            argument = self._attribute(tag, begin) or argument
        if tag == "span" and argument != "spoiler":
            raise BadMarkup(f'Tag "span" must have class "tg-spoiler" at byte offset {begin}')
        self._at += 1
        self._open.append(_Open(tag, argument, self._offset, len(self._out)))

    def _attribute(self, tag: str, begin: int) -> str | None:
        """Read one attribute; return the argument that it gives to the tag, if it does."""
        name_begin = self._at
        self._skip_until(b"=>" if tag == "blockquote" else b"=")
        name = self._source[name_begin : self._at].decode("utf-8", "replace")
        if not name:
            raise BadMarkup(f'Empty attribute name in the tag "{tag}" at byte offset {begin}')
        self._skip_spaces()
        if tag == "blockquote" and name == "expandable" and self._source[self._at] != ord("="):
            # The one attribute without a value. Source: core.telegram.org/bots/api#html-style
            return name
        if self._source[self._at] != ord("="):
            raise BadMarkup(
                f'Expected equal sign in declaration of an attribute of the tag "{tag}" '
                f"at byte offset {begin}"
            )
        self._at += 1
        self._skip_spaces()
        if self._ended():
            raise BadMarkup(f'Unclosed start tag "{tag}" at byte offset {begin}')
        value = self._attribute_value()
        if self._ended():
            raise BadMarkup(f"Unclosed start tag at byte offset {begin}")
        return _argument(tag, name, value)

    def _attribute_value(self) -> str:
        quote = self._source[self._at]
        if quote not in b"'\"":
            match = _NAME_TOKEN.match(self._source, self._at)
            token = match.group() if match else b""
            begin, self._at = self._at, self._at + len(token)
            if self._source[self._at] not in _SPACES + b">":
                raise BadMarkup(f"Unexpected end of name token at byte offset {begin}")
            return token.decode("ascii").lower()
        self._at += 1
        value = bytearray()
        while self._source[self._at] != quote and not self._ended():
            character = self._reference() if self._source[self._at] == ord("&") else None
            if character is not None:
                value += character.encode("utf-8", "surrogatepass")
            else:
                value.append(self._source[self._at])
                self._at += 1
        if not self._ended():
            self._at += 1
        return value.decode("utf-8", "replace")

    def _end_tag(self, begin: int) -> None:
        if not self._open:
            raise BadMarkup(f"Unexpected end tag at byte offset {begin}")
        self._skip_until(b">")
        tag = self._source[begin + 2 : self._at].decode("utf-8", "replace").lower()
        self._skip_spaces()
        if self._source[self._at] != ord(">"):
            raise BadMarkup(f"Unclosed end tag at byte offset {begin}")
        self._at += 1
        opened = self._open.pop()
        if tag and tag != opened.tag:
            raise BadMarkup(
                f'Unmatched end tag at byte offset {begin}, expected "</{opened.tag}>", '
                f'found "</{tag}>"'
            )
        if self._offset > opened.offset:
            self._close(opened)

    def _close(self, opened: _Open) -> None:
        entity = Entity(_TYPES[opened.tag], opened.offset, self._offset - opened.offset)
        last = self.entities[-1] if self.entities else None
        same = (
            last if last and (last.offset, last.length) == (entity.offset, entity.length) else None
        )
        if opened.tag == "a":
            made = _link(entity, opened.argument or "".join(self._out[opened.begin :]))
            self.entities.extend([made] if made else [])
        elif opened.tag == "tg-emoji":
            if not re.fullmatch(r"[1-9]\d{0,18}", opened.argument):
                raise BadMarkup("Invalid custom emoji identifier specified")
            self.entities.append(replace(entity, custom_emoji_id=opened.argument))
        elif opened.tag == "pre" and same and same.type == "code" and same.language:
            self.entities[-1] = replace(entity, language=same.language)
        elif opened.tag == "code" and same and same.type == "pre" and opened.argument:
            self.entities[-1] = replace(same, language=opened.argument)
        elif opened.tag == "code":
            self.entities.append(replace(entity, language=opened.argument or None))
        elif opened.tag == "blockquote" and opened.argument:
            self.entities.append(replace(entity, type="expandable_blockquote"))
        else:
            self.entities.append(entity)

    def _skip_until(self, stops: bytes) -> None:
        while self._source[self._at] not in _SPACES + stops:
            self._at += 1

    def _skip_spaces(self) -> None:
        while self._source[self._at] in _SPACES and not self._ended():
            self._at += 1

    def _ended(self) -> bool:
        return self._source[self._at] == 0


def _argument(tag: str, name: str, value: str) -> str | None:
    if (tag, name) in (("a", "href"), ("tg-emoji", "emoji-id")):
        return value
    if (tag, name) == ("code", "class") and value.startswith("language-"):
        return value.removeprefix("language-")
    if (tag, name) == ("span", "class") and value.startswith("tg-"):
        return value.removeprefix("tg-")
    return None


def _link(entity: Entity, url: str) -> Entity | None:
    link = checked_link(url)
    if link is None:
        return None
    return replace(entity, type="text_mention" if linked_person(link) else "text_link", url=link)
