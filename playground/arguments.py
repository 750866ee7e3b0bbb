"""The arguments of a call, read as leniently as the Bot API reads them.

Source: telegram-bot-api Client.cpp, get_integer_arg, to_bool, get_input_file: every argument is text, JSON inside it
where a type is an object; what is no number is 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from playground.refusal import bad_request

_NUMBER = re.compile(r"[+-]?\d{1,19}")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send. `pixels` is the width and height of what is sent as a photo, None for a document.

    `caption` is what a person writes below it; a bot gives its own as an argument.
    """

    name: str
    media_type: str
    data: bytes
    pixels: tuple[int, int] | None = None
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a method was called with."""

    values: Mapping[str, str]
    files: Mapping[str, Upload] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Say whether an argument was given and isn't empty."""
        return bool(self.values.get(name))

    def text(self, name: str) -> str:
        """Return an argument, "" when it wasn't given."""
        return self.values.get(name, "")

    def integer(self, name: str, default: int = 0) -> int:
        """Return a number, the default when it wasn't given, 0 when it is none."""
        value = self.values.get(name, "")
        if not value:
            return default
        return int(value) if _NUMBER.fullmatch(value) else 0

    def boolean(self, name: str) -> bool:
        """Return a truth value: "true", "yes" and "1" are true."""
        return self.values.get(name, "").lower() in ("true", "yes", "1")

    def json(self, name: str, what: str) -> object | None:
        """Return an argument that is JSON, None when it wasn't given. Raises Refused, calling it `what`."""
        if not self.has(name):
            return None
        try:
            return json.loads(self.values[name])  # type: ignore[no-any-return]  # any JSON there is
        except (ValueError, RecursionError):
            raise bad_request(f"can't parse {what} JSON object") from None

    def upload(self, name: str) -> Upload | None:
        """Return the file of an argument: under its name, or where its attach:// points."""
        value = self.values.get(name, "")
        return self.files.get(value.removeprefix("attach://") if value else name)
