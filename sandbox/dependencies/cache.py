"""Installed dependencies that are kept for the next run: files in one folder, which belongs to one repository.

An entry is a line of JSON, padded, and an archive. It appears whole or not at all, and one that is torn, foreign or
too large is treated as none. Whoever writes to the folder can spoil entries, so nobody mounts another repository's.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from sandbox.dependencies.archive import ArchiveLimits, BadArchive, pack, unpack
from sandbox.plain_files import open_plain

PACKED_BYTES = 2 << 30
UNPACKED_BYTES = 8 << 30
FOLDER_BYTES = 10 << 30
MEMBERS = 500_000
UNUSED_SECONDS = 30 * 24 * 3600.0

HEADER_BYTES = 16 << 10
_VERSION = 2
_BLOCK = 1 << 20
_SUFFIX = ".entry"
_DRAFT = ".draft-"
_DRAFT_SECONDS = 24 * 3600.0


def folder_name(repo_url: str) -> str:
    """Return the name of a repository's own folder among those of all; whoever runs it is given that one only."""
    return hashlib.sha256(repo_url.removesuffix("/").removesuffix(".git").encode()).hexdigest()[:24]


def name_inside(number: int, place: str) -> str:
    """Return what a root is called in an entry: as deep as its place is, so that its links lead there as they did here."""
    return "_/" * place.count("/") + str(number)


class NoEntry(Exception):
    """There is no entry of this key that can be used. The text says why, empty where there is simply none."""


class Away(OSError):
    """Where entries are kept can't be reached; the text says why."""


@dataclass(frozen=True, slots=True)
class Until:
    """When work with an entry has to end: at a `time.monotonic` value, or once `stopped` says so."""

    deadline: float
    stopped: Callable[[], bool] = lambda: False

    def check(self) -> None:
        """Raise BadArchive when the time is over."""
        if time.monotonic() > self.deadline or self.stopped():
            raise BadArchive("it takes too long")


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that is kept: where it belongs, in the words of whoever keeps it, and where it stands."""

    place: str
    path: Path


class Entries(Protocol):
    """Where one repository's entries are kept."""

    @property
    def problem(self) -> str | None:
        """Return why entries can't be had at all, for people; None while nothing is known of that."""
        ...

    def restore(self, key: str, scratch: Path, until: Until) -> tuple[str, list[str]]:
        """Unpack an entry into an empty folder; return in which folder it was made, and the places of its roots.

        What each root is called there, `name_inside` says. Raises NoEntry; then the folder may hold a part.
        """
        ...

    def keep(self, key: str, made_in: str, roots: Sequence[Root], until: Until) -> int:
        """Write an entry, in the place of an older one; return its size. Raises BadArchive, OSError."""
        ...


@dataclass(frozen=True, slots=True)
class Cache:
    """The folder of one repository's entries."""

    folder: Path
    packed_bytes: int = PACKED_BYTES
    unpacked_bytes: int = UNPACKED_BYTES
    folder_bytes: int = FOLDER_BYTES
    members: int = MEMBERS

    @property
    def problem(self) -> str | None:
        """See Entries.problem: a volume may be closed to us, which else only the log would say."""
        closed = self.folder.is_dir() and not os.access(self.folder, os.W_OK | os.X_OK)
        return "its folder can't be written to" if closed else None

    def restore(self, key: str, scratch: Path, until: Until) -> tuple[str, list[str]]:
        """See Entries.restore."""
        path = self.path(key)
        with open_plain(path) as entry:
            if entry is None:
                raise NoEntry("")
            try:
                header = _read_header(entry, key)
                entry.seek(HEADER_BYTES)
                unpack(entry, scratch, self._limits(until))
            except BadArchive as error:
                raise NoEntry(f"a cache entry was ignored: {error}") from error
            except OSError as error:
                raise NoEntry(f"the cache can't be read: {error}") from error
        with contextlib.suppress(OSError):
            os.utime(path)
        return header.made_in, list(header.roots)

    def keep(self, key: str, made_in: str, roots: Sequence[Root], until: Until) -> int:
        """See Entries.keep."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._tidy()
        descriptor, draft = tempfile.mkstemp(prefix=_DRAFT, dir=self.folder)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                file.write(b" " * HEADER_BYTES)
                numbered = [(name_inside(n, root.place), root.path) for n, root in enumerate(roots)]
                pack(numbered, file, self._limits(until))
                size = file.tell()
                file.seek(HEADER_BYTES)
                header = _Header(
                    key, made_in, tuple(root.place for root in roots), size, _digest(file)
                )
                file.seek(0)
                file.write(header.encode())
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(self.path(key))
        except BaseException:
            with contextlib.suppress(OSError):
                Path(draft).unlink()
            raise
        return size

    def path(self, key: str) -> Path:
        """Return the file of an entry."""
        return self.folder / f"{key}{_SUFFIX}"

    def _limits(self, until: Until) -> ArchiveLimits:
        sizes = (self.packed_bytes, self.unpacked_bytes, self.members)
        return ArchiveLimits(*sizes, until.deadline, until.stopped)

    def _tidy(self) -> None:
        """Remove what wasn't used for long, what a killed run left, and the least used beyond the folder's limit."""
        now = time.time()
        entries: list[tuple[float, int, str]] = []
        with contextlib.suppress(OSError), os.scandir(self.folder) as found:
            for each in found:
                with contextlib.suppress(OSError):
                    status = each.stat(follow_symlinks=False)
                    age = now - status.st_mtime
                    if each.name.startswith(_DRAFT) and age > _DRAFT_SECONDS:
                        Path(each.path).unlink()
                    elif each.name.endswith(_SUFFIX):
                        entries.append((age, status.st_size, each.path))
        total = 0
        for age, size, path in sorted(entries):
            total += size
            if age > UNUSED_SECONDS or total > self.folder_bytes:
                with contextlib.suppress(OSError):
                    Path(path).unlink()


@dataclass(frozen=True, slots=True)
class _Header:
    key: str
    made_in: str
    roots: tuple[str, ...]
    size: int
    sha256: str

    def encode(self) -> bytes:
        values = {
            "version": _VERSION,
            "key": self.key,
            "made_in": self.made_in,
            "roots": self.roots,
            "size": self.size,
            "sha256": self.sha256,
        }
        data = json.dumps(values).encode()
        if len(data) >= HEADER_BYTES:
            raise BadArchive("it has too many folders")
        return data.ljust(HEADER_BYTES - 1) + b"\n"


def _read_header(entry: IO[bytes], key: str) -> _Header:
    """Read the header, and see that the entry is whole and the one that was asked for. Raises BadArchive."""
    try:
        found = json.loads(entry.read(HEADER_BYTES))
        header = _Header(
            str(found["key"]),
            str(found["made_in"]),
            tuple(map(str, found["roots"])),
            int(found["size"]),
            str(found["sha256"]),
        )
        version = found["version"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadArchive("its head can't be read") from error
    if version != _VERSION or header.key != key:
        raise BadArchive("it is another one than its name says")
    if os.fstat(entry.fileno()).st_size != header.size:
        raise BadArchive("it is torn")
    if _digest(entry) != header.sha256:
        raise BadArchive("its content isn't what was written")
    return header


def key_of(head: bytes) -> str | None:
    """Return the key of the entry that begins so; None where it isn't one."""
    try:
        found = json.loads(head)["key"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def _digest(file: IO[bytes]) -> str:
    """Return the checksum of the rest of a file."""
    found = hashlib.sha256()
    while block := file.read(_BLOCK):
        found.update(block)
    return found.hexdigest()


def remove(folder: Path) -> None:
    """Remove a folder, whatever is in it."""
    shutil.rmtree(folder, ignore_errors=True)
