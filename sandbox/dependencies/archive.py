"""Folders to one compressed stream and back. What is read back may have been made by anybody.

Nothing is written outside of the folder that it is unpacked into, no link leads out of it, and there is a limit to
everything. `tarfile`'s own filter isn't in every Python that we run on.
"""

from __future__ import annotations

import gzip
import os
import posixpath
import re
import stat
import tarfile
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_BLOCK = 256 << 10


class BadArchive(Exception):
    """The archive isn't one of ours, or is over a limit; the text says why."""


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much there may be, and until when: `deadline` is a `time.monotonic` value, `stopped` says that all has to end."""

    packed_bytes: int
    unpacked_bytes: int
    members: int
    deadline: float
    stopped: Callable[[], bool] = lambda: False

    def check_time(self) -> None:
        """Raise BadArchive when the time is over."""
        if time.monotonic() > self.deadline or self.stopped():
            raise BadArchive("it takes too long")


_INTERPRETER = re.compile(r"[0-9]+/bin/python[0-9.]*")
"""The one kind of link that leads out of a folder: a virtual environment's, to the Python that it was made with."""


def pack(roots: Iterable[tuple[str, Path]], target: IO[bytes], limits: ArchiveLimits) -> None:
    """Write folders, each by its name in the archive, which may have several parts. Raises BadArchive over a limit, OSError."""
    counting = _Counting(target, limits)
    members = 0
    made = {""}
    with (
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=counting, mtime=0) as packed,
        # PAX would write, and read, a second head for each file.
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name, folder in roots:
            _add_above(archive, name, made)
            for path, inner in _walk(folder, name):
                members += 1
                if members > limits.members:
                    raise BadArchive(f"more than {limits.members} files")
                _add(archive, path, inner)


def unpack(source: IO[bytes], folder: Path, limits: ArchiveLimits) -> None:
    """Unpack into an empty folder. Raises BadArchive, OSError; then the folder holds a part."""
    try:
        with (
            gzip.GzipFile("", "rb", fileobj=source) as packed,
            tarfile.open(fileobj=packed, mode="r|") as archive,
        ):
            _Unpacking(folder, limits).take(archive)
    except (tarfile.TarError, zlib.error, EOFError, ValueError) as error:
        raise BadArchive(str(error)) from error
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise BadArchive(str(error)) from error
        raise


class _Unpacking:
    def __init__(self, folder: Path, limits: ArchiveLimits) -> None:
        self._top = os.fspath(folder)
        self._limits = limits
        self._left = limits.unpacked_bytes
        self._made = {""}
        self._files: set[str] = set()

    def take(self, archive: tarfile.TarFile) -> None:
        for number, member in enumerate(archive):
            if number >= self._limits.members:
                raise BadArchive(f"more than {self._limits.members} files")
            if number % 64 == 0:
                self._limits.check_time()
            self._take(archive, member)
            archive.members.clear()  # type: ignore[attr-defined]  # a stream is never looked back at

    def _take(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        name = _inside(member.name)
        parent = posixpath.dirname(name)
        if parent not in self._made:
            # A folder comes before what is in it; so nothing is ever written through a link.
            raise BadArchive(f"{member.name!r} lies in no folder of the archive")
        path = f"{self._top}/{name}"
        if member.isdir():
            Path(path).mkdir()
            self._made.add(name)
        elif member.issym():
            _check_link(name, member.linkname)
            if member.linkname.startswith("/") and not os.access(member.linkname, os.X_OK):
                raise BadArchive(f"{member.linkname} isn't here")
            Path(path).symlink_to(member.linkname)
        elif member.islnk():
            linked = _inside(member.linkname)
            if linked not in self._files:
                raise BadArchive(f"{member.name!r} is a link to no file of the archive")
            Path(path).hardlink_to(f"{self._top}/{linked}")
        elif member.isfile():
            self._write(archive, member, path)
            self._files.add(name)
        else:
            raise BadArchive(f"{member.name!r} is neither a file nor a folder nor a link")

    def _write(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        self._left -= member.size
        if self._left < 0:
            raise BadArchive(f"more than {self._limits.unpacked_bytes >> 20} MiB")
        content = archive.extractfile(member)
        assert content is not None
        mode = 0o755 if member.mode & stat.S_IXUSR else 0o644
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        try:
            left = member.size
            while left:
                block = content.read(min(left, _BLOCK))
                if not block:
                    raise BadArchive("it ends too early")
                os.write(target, block)
                left -= len(block)
            if path.endswith(".py"):  # compiled ones hold the time of their source
                os.utime(target, (member.mtime, member.mtime))
        finally:
            os.close(target)


def _inside(name: str, *, of_link: bool = False) -> str:
    """Return the plain form of a name that stays inside. Raises BadArchive."""
    plain = posixpath.normpath(name)
    if plain.startswith(("/", "../")) or plain in ("..", ".", "") or "\0" in name:
        raise BadArchive(f"{name!r} leads out of the folder")
    if not of_link and plain != name.rstrip("/"):
        raise BadArchive(f"{name!r} isn't a plain name")
    return plain


def _check_link(name: str, target: str) -> None:
    """Raise BadArchive for a link that leads out, but for that to an interpreter."""
    if target.startswith("/") and _INTERPRETER.fullmatch(name) and "\0" not in target:
        return
    _inside(posixpath.join(posixpath.dirname(name), target), of_link=True)


def _walk(folder: Path, name: str) -> Iterable[tuple[str, str]]:
    """Give the folder and everything in it, folders before what is in them."""
    yield os.fspath(folder), name
    waiting = [(os.fspath(folder), name)]
    while waiting:
        path, inner = waiting.pop()
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                yield entry.path, f"{inner}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((entry.path, f"{inner}/{entry.name}"))


def _add_above(archive: tarfile.TarFile, name: str, made: set[str]) -> None:
    """Add the folders that a root lies in, which have nothing else in them."""
    parts = name.split("/")[:-1]
    for above in ("/".join(parts[: number + 1]) for number in range(len(parts))):
        if above not in made:
            made.add(above)
            member = tarfile.TarInfo(above)
            member.type = tarfile.DIRTYPE
            archive.addfile(member)


def _add(archive: tarfile.TarFile, path: str, name: str) -> None:
    """Add one thing; links that lead out, sockets and the like are left out, since they wouldn't come back."""
    member = archive.gettarinfo(path, name)
    # None is what it gives for a socket.
    if member is None or not (member.isdir() or member.isreg() or member.issym() or member.islnk()):  # type: ignore[redundant-expr]  # typeshed lacks the None
        return
    if member.issym():
        try:
            _check_link(name, member.linkname)
        except BadArchive:
            return
    member.mtime = int(member.mtime)
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    if member.isreg():
        with Path(path).open("rb") as content:
            archive.addfile(member, content)
    else:
        archive.addfile(member)
    archive.members.clear()  # type: ignore[attr-defined]  # hundreds of thousands would be kept


class _Counting:
    def __init__(self, target: IO[bytes], limits: ArchiveLimits) -> None:
        self._target = target
        self._left = limits.packed_bytes
        self._limits = limits

    def write(self, data: bytes) -> int:
        """Write, within the limits."""
        self._left -= len(data)
        if self._left < 0:
            raise BadArchive("it gets too large")
        self._limits.check_time()
        return self._target.write(data)

    def flush(self) -> None:
        """Flush what was written."""
        self._target.flush()
