"""Inline keyboards, checked as Telegram does. Source: Client::get_reply_markup, get_inline_keyboard_button."""

from __future__ import annotations

from playground.arguments import Arguments
from playground.markup import checked_link
from playground.messages import Button, Keyboard
from playground.refusal import Refused, bad_request

MAX_DATA_BYTES = 64
"""Source: core.telegram.org/bots/api#inlinekeyboardbutton, callback_data: "1-64 bytes"."""

MAX_BUTTONS = 100
"""Source: core.telegram.org/method/messages.sendMessage, REPLY_MARKUP_TOO_LONG; measured by authors of bots."""


def read_keyboard(arguments: Arguments) -> Keyboard:
    """Return the inline keyboard of a call; other markup (force_reply, …) counts as none. Raises Refused."""
    found = arguments.json("reply_markup", "reply keyboard markup")
    if found is None:
        return ()
    if not isinstance(found, dict):
        raise bad_request("Object expected as reply markup")
    rows = found.get("inline_keyboard", [])
    if not isinstance(rows, list):
        raise bad_request('Field "inline_keyboard" must be of type Array')
    if not all(isinstance(row, list) for row in rows):
        raise bad_request(
            'Field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays'
        )
    keyboard = tuple(tuple(_button(button) for button in row) for row in rows if row)
    if sum(len(row) for row in keyboard) > MAX_BUTTONS:
        raise bad_request("reply markup is too long")
    return keyboard


def _button(found: object) -> Button:
    if not isinstance(found, dict):
        raise _wrong("InlineKeyboardButton must be an Object")
    text = found.get("text")
    if text is None:
        raise _wrong('Can\'t find field "text"')
    if not isinstance(text, str):
        raise _wrong('Field "text" must be of type String')
    url, data = found.get("url"), found.get("callback_data")
    if url:
        link = checked_link(str(url))
        if link is None:
            # Source: td ReplyMarkup.cpp, get_inline_keyboard_button.
            raise bad_request(f"Inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
        return Button(text, url=link)
    if not data:
        raise _wrong("Text buttons are unallowed in the inline keyboard")
    if len(str(data).encode()) > MAX_DATA_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    return Button(text, data=str(data))


def _wrong(reason: str) -> Refused:
    return bad_request(f"Can't parse inline keyboard button: {reason}")
