"""Messages and what hangs on them: entities, buttons, documents, reactions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from playground.people import Person


@dataclass(frozen=True, slots=True)
class Entity:
    """A marked part of a text; `offset` and `length` count UTF-16 units. `type` is the Bot API's word."""

    type: str
    offset: int
    length: int
    url: str | None = None
    language: str | None = None
    person: Person | None = None
    custom_emoji_id: str | None = None

    @property
    def end(self) -> int:
        """Return the UTF-16 offset just behind it."""
        return self.offset + self.length


@dataclass(frozen=True, slots=True)
class Button:
    """A button of an inline keyboard: it carries callback data or opens a URL."""

    text: str
    data: str | None = None
    url: str | None = None


Keyboard = tuple[tuple[Button, ...], ...]
"""Rows of buttons."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was sent; its bytes are kept beside the messages, by `file_id`. `size` is in bytes.

    `pixels` is the width and height of a photo, None for every other file.
    """

    file_id: str
    unique_id: str
    name: str
    media_type: str
    size: int
    pixels: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message at one moment. Dates are Unix seconds.

    `text` is the caption where there is a document. `sender` None is a channel's own post. `sender_chat_id` is set
    where a chat writes instead of a person. `service` holds the fields of a service message. `for_bot` says whether
    the bot was meant, so that replies to it are meant for the bot as well. `reactions` are emoji by person id.
    """

    chat_id: int
    id: int
    date: int
    sender: Person | None
    text: str = ""
    entities: tuple[Entity, ...] = ()
    sender_chat_id: int | None = None
    document: Document | None = None
    keyboard: Keyboard = ()
    reply_to_id: int | None = None
    thread_id: int | None = None
    edit_date: int | None = None
    forwarded_from: Person | None = None
    forwarded_date: int | None = None
    silent: bool = False
    for_bot: bool = False
    service: Mapping[str, object] | None = None
    reactions: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))

    def button(self, label: str) -> Button | None:
        """Find a button by its callback data, or else by its text."""
        buttons = [button for row in self.keyboard for button in row]
        by_data = [button for button in buttons if button.data == label]
        return next(iter(by_data or [button for button in buttons if button.text == label]), None)
