"""What was found in a repository: findings, each with its place, and the Stack that they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

MOST_BYTES = 512 << 10
"""A longer file isn't read: what people write by hand is shorter."""


class Source(Enum):
    """What kind of place a finding comes from; it decides how far it can be trusted."""

    CLIENT = "client"
    """A client library that the program itself depends on."""

    TEST_CLIENT = "client for development"
    """A client library of development and tests only."""

    SETTING = "setting"
    """The program's own settings, as they are without anybody's changes."""

    COMPOSE = "compose"
    """The composition of containers that its developers bring up."""

    CI = "CI"
    """A service beside the tests of a CI."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the repository: its path with slashes, and its text."""

    path: str
    text: str

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """Return the path without the name; empty for the root."""
        return self.path.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Finding:
    """A sign that a service is used.

    `service` is a name of the table, or EMBEDDED. `flavour` names another image of the same service, such as mariadb.
    `version` is what the place asks for. `line` counts from 1. `denied` turns it round: the settings leave it off.
    """

    service: str
    source: Source
    file: str
    line: int
    what: str
    version: str | None = None
    flavour: str | None = None
    denied: bool = False


EMBEDDED = "embedded"
"""A database inside of the program (SQLite, H2): a sign that no database server is needed."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A sign of a language, and of its version where one is named.

    `requirement` is the text of a range, of which `version` is only the beginning. `manifest` says that the file is one by
    which the language is built.
    """

    language: str
    version: str | None
    file: str
    line: int
    what: str
    requirement: str | None = None
    manifest: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is in the Stack, or is not: a sentence with its place; `line` 0 means the whole file."""

    subject: str
    file: str
    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A service that the repository needs; `flavour` and `version` None mean the usual ones."""

    service: str
    version: str | None = None
    flavour: str | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """What a repository needs, as far as its files tell. `language` is None where they tell nothing.

    `requirement` is the range in which the version may be, such as ">= 3.2, < 3.5", of which `version` is the beginning.
    """

    language: str | None = None
    version: str | None = None
    services: tuple[Wanted, ...] = ()
    reasons: tuple[Reason, ...] = ()
    requirement: str | None = None


OWN_FILE = ".claude-sandbox.yaml"
"""The file by which a repository says itself what it needs."""
