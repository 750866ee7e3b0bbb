"""The repository's own variables: `.env.claude-sandbox` as it is, `.env.sops` and `*.sops.yaml` decrypted.

They come into the environment of what runs for the repository, and of nothing of ours; never onto the disk.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import dotenv
from sandbox.keys import names_a_secret, passwords
from sandbox.plain_files import read_plain
from sandbox.reserved import may_be_set
from sandbox.sops import NotDecrypted, is_encrypted

PLAIN = ".env.claude-sandbox"
ENCRYPTED = ".env.sops"
FILE_BYTES = 256 << 10
_MOST_FILES = 20
_MOST_VARIABLES = 500
_VALUE_BYTES = 64 << 10
_ALL_BYTES = 512 << 10
_SHORTEST_SECRET = 8

Decrypt = Callable[[bytes, str], bytes]
"""Takes an encrypted file and its kind ("dotenv" or "yaml"); returns its plain text. Raises NotDecrypted."""


class BadSecrets(Exception):
    """A file can't be decrypted; the text says which and why."""


@dataclass(frozen=True, slots=True)
class RepoSecrets:
    """`variables` are for what runs for the repository, `secrets` what must never be printed, `notes` for people."""

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()


def files_of(clone: Path) -> list[str]:
    """Return the names of the files at the clone's root that hold variables, the most secret last: it counts."""
    try:
        # `.sops.yaml` is the configuration of sops, not a file that it encrypted.
        found = sorted(path.name for path in clone.glob("*.sops.yaml") if path.name != ".sops.yaml")
    except OSError:
        found = []
    names = [PLAIN, *found[:_MOST_FILES], ENCRYPTED]
    return [name for name in names if (clone / name).is_file()]


def read_secrets(clone: Path, names: list[str], decrypt: Decrypt) -> RepoSecrets:
    """Read these files. Raises BadSecrets."""
    reading = _Reading()
    for name in names:
        data = read_plain(clone / name, FILE_BYTES)
        if data is None:
            reading.notes.append(
                f"{name} is no plain file of at most {FILE_BYTES >> 10} KiB: ignored"
            )
        elif name == PLAIN:
            reading.add(name, reading.of_dotenv(name, data), secret=False)
        elif not is_encrypted(data):
            reading.notes.append(f"{name} isn't encrypted for an age key: ignored")
        else:
            reading.add_encrypted(name, data, decrypt)
    return RepoSecrets(reading.variables, tuple(reading.secrets), tuple(reading.notes))


class _Reading:
    def __init__(self) -> None:
        self.variables: dict[str, str] = {}
        self.secrets: list[str] = []
        self.notes: list[str] = []
        self._left = _ALL_BYTES

    def add_encrypted(self, name: str, data: bytes, decrypt: Decrypt) -> None:
        kind = "dotenv" if name == ENCRYPTED else "yaml"
        try:
            plain = decrypt(data, kind)
        except NotDecrypted as error:
            raise BadSecrets(f"{name}: {error}") from error
        found = self.of_dotenv(name, plain) if kind == "dotenv" else self._of_json(name, plain)
        self.add(name, found, secret=True)

    def of_dotenv(self, name: str, data: bytes) -> dict[str, str]:
        found, wrong = dotenv.parse(data.decode("utf-8", "replace"))
        if wrong:
            self.notes.append(
                f"{name}: line {', '.join(map(str, wrong[:5]))} isn't NAME=value: ignored"
            )
        return found

    def _of_json(self, name: str, data: bytes) -> dict[str, str]:
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            self.notes.append(f"{name} holds no names and values: ignored")
            return {}
        nested = [key for key, value in found.items() if isinstance(value, dict | list)]
        if nested:
            self.notes.append(f"{name}: {_names(nested)} holds more than a value: not set")
            self.secrets += [text for text in _leaves(found) if _can_be_told_apart(text)]
        plain = {key: value for key, value in found.items() if key not in nested}
        return {str(key): _text(value) for key, value in plain.items() if value is not None}

    def add(self, name: str, found: Mapping[str, str], *, secret: bool) -> None:
        refused = []
        for key, value in found.items():
            size = len(value.encode("utf-8", "replace"))
            self.secrets += _secrets_of(key, value, secret=secret)
            if not may_be_set(key) or "\0" in value:
                refused.append(key)
            elif size > min(_VALUE_BYTES, self._left) or len(self.variables) >= _MOST_VARIABLES:
                self.notes.append(f"{name}: {key} is too large, or there are too many: not set")
            else:
                self._left -= size
                self.variables[key] = value
        if refused:
            self.notes.append(f"{name}: {_names(refused)} may not be set by a repository")
        given = len(found) - len(refused)
        self.notes.append(f"{name}: {given} variable{'' if given == 1 else 's'}")


def _secrets_of(name: str, value: str, *, secret: bool) -> Iterator[str]:
    """Give what must not be printed. In a plain file a value may be just a setting, such as `development`."""
    found = [part for part in passwords(value) if part] if "@" in value else []
    if secret or names_a_secret(name) or not _SETTING.fullmatch(value):
        found.append(value)
    yield from (text for text in found if _can_be_told_apart(text))


_SETTING = re.compile(
    r"[A-Za-z_-]*|[\w./-]*/[\w./-]*|[a-z][a-z0-9+.-]*://[^@\s]*|[a-z0-9.-]+(:[0-9]+)?"
)


def _can_be_told_apart(text: str) -> bool:
    """Say whether a text is long and special enough: a shorter one would black out half a log."""
    return len(text) >= _SHORTEST_SECRET and not text.isdigit()


def _leaves(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str):
            yield each


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _names(names: list[str]) -> str:
    shown = ", ".join(name[:60] for name in names[:8])
    return shown + (" and more" if len(names) > 8 else "")
