"""Dependencies that are kept in a bucket, by addresses that were signed for this Run; there is no key of it here.

A repository has a few slots there. Which entry stands in one, its head says: an entry of another lockfile is passed
over, and where all are taken, the oldest gives way.
"""

from __future__ import annotations

import contextlib
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO

from sandbox.dependencies.archive import BadArchive
from sandbox.dependencies.cache import (
    HEADER_BYTES,
    PACKED_BYTES,
    Away,
    Cache,
    NoEntry,
    Root,
    Until,
    key_of,
)
from sandbox.dependencies.slots import Slot

SILENCE_SECONDS = 15.0
"""A server that says nothing for so long isn't there."""
TAKING_SECONDS = 60.0
"""So long it may take until it has put away what was written."""
BUSY_SECONDS = (0.5, 2.0)
"""A server that is busy is asked again after these pauses."""
_BLOCK = 256 << 10
_ERROR_BYTES = 4096


@dataclass(slots=True)
class BucketCache:
    """The slots of one repository, and a folder on the disk of the run, through which entries pass.

    `problem` says why the bucket can't be used, once that is known; then it isn't asked any more.
    """

    slots: Sequence[Slot]
    folder: Path
    problem: str | None = None
    _chosen: dict[str, Slot] = field(default_factory=dict)
    """By its key, where an entry is to be written."""

    def restore(self, key: str, scratch: Path, until: Until) -> tuple[str, list[str]]:
        """See Entries.restore."""
        if self.problem:
            raise NoEntry("")
        cache = Cache(self.folder)
        path = cache.path(key)
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            if not self._fetched(key, path, until):
                raise NoEntry("")
            return cache.restore(key, scratch, until)
        except BadArchive as error:
            raise NoEntry(f"a cache entry was ignored: {error}") from error
        except Away as error:
            self.problem = str(error)
            raise NoEntry(f"the cache can't be used: {error}") from error
        finally:
            _unlink(path)

    def keep(self, key: str, made_in: str, roots: Sequence[Root], until: Until) -> int:
        """See Entries.keep."""
        if self.problem or key not in self._chosen:
            raise Away(self.problem or "no place was found for it")
        cache = Cache(self.folder)
        try:
            size = cache.keep(key, made_in, roots, until)
            with cache.path(key).open("rb") as file:
                self._write(self._chosen[key], file, size, until)
        except Away as error:
            self.problem = str(error)
            raise
        finally:
            _unlink(cache.path(key))
        return size

    def _fetched(self, key: str, path: Path, until: Until) -> bool:
        """Bring the entry of a key to a path; False where no slot has it. Raises Away, BadArchive, OSError."""
        oldest: tuple[float, Slot] | None = None
        for slot in self._in_order(key):
            with self._reading(slot, until) as answer:
                if answer is None:
                    self._chosen[key] = slot
                    return False
                head = answer.read(HEADER_BYTES)
                if key_of(head) == key:
                    self._chosen[key] = slot
                    _copy(head, answer, path, until)
                    return True
                written = _written_at(answer.headers)
            if oldest is None or written < oldest[0]:
                oldest = (written, slot)
        if oldest is not None:
            self._chosen[key] = oldest[1]
        return False

    def _in_order(self, key: str) -> Sequence[Slot]:
        """Return the slots as they are tried: each key has one where it begins, so that most are found at once."""
        first = int(key[:8], 16) % max(len(self.slots), 1)
        return [*self.slots[first:], *self.slots[:first]]

    @contextmanager
    def _reading(self, slot: Slot, until: Until) -> Iterator[HTTPResponse | None]:
        """Read a slot; None where nothing is in it."""
        try:
            answer = _ask(lambda: urllib.request.Request(slot.read), until)  # noqa: S310 - see slots
        except _Refused as refused:
            if (refused.status, refused.code) != (404, "NoSuchKey"):
                raise
            yield None
            return
        with answer:
            try:
                yield answer
            except (TimeoutError, ConnectionError, HTTPException) as error:
                raise Away(f"the bucket's server ends in the middle: {_words(error)}") from error

    def _write(self, slot: Slot, file: IO[bytes], size: int, until: Until) -> None:
        def request() -> urllib.request.Request:
            file.seek(0)
            headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
            return urllib.request.Request(  # noqa: S310 - see slots
                slot.write, _Body(file, until), headers, method="PUT"
            )

        _ask(request, until, TAKING_SECONDS).close()


class _Refused(Away):
    """The server's answer is an error; `code` is S3's own name of it."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.code = code


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What was signed holds for one address."""

    def redirect_request(self, *_: object) -> None:
        """Go nowhere else."""


class _Body:
    """A file on its way, as long as there is time."""

    def __init__(self, file: IO[bytes], until: Until) -> None:
        self._file = file
        self._until = until

    def read(self, _size: int = -1) -> bytes:
        """Read a block of our own size: the usual ones are small."""
        self._until.check()
        return self._file.read(_BLOCK)


def _ask(
    make: Callable[[], urllib.request.Request], until: Until, silence: float = SILENCE_SECONDS
) -> HTTPResponse:
    """Make a request. Raises Away, whose words name no address: they are secret. Raises BadArchive when time is over."""
    for pause in BUSY_SECONDS:
        try:
            return _ask_once(make(), until, silence)
        except _Refused as refused:
            if refused.status < 500:
                raise
        time.sleep(pause)
    return _ask_once(make(), until, silence)


def _ask_once(request: urllib.request.Request, until: Until, silence: float) -> HTTPResponse:
    until.check()
    seconds = min(silence, max(until.deadline - time.monotonic(), 0.1))
    try:
        answer: HTTPResponse = urllib.request.build_opener(_NoRedirect).open(
            request, timeout=seconds
        )
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error) from error
    except (OSError, HTTPException, ValueError) as error:
        raise Away(f"the bucket's server can't be reached: {_words(error)}") from error
    return answer


def _refusal(error: urllib.error.HTTPError) -> _Refused:
    said = b""
    with contextlib.suppress(OSError, HTTPException):
        said = error.read(_ERROR_BYTES)
    found = re.search(rb"<Code>([A-Za-z]{1,60})</Code>", said)
    code = found[1].decode() if found else ""
    if b"has expired" in said or code == "ExpiredToken":
        return _Refused(error.code, code, "its addresses have expired, so long did the run wait")
    return _Refused(error.code, code, f"the bucket's server says {error.code} {code}".rstrip())


def _copy(head: bytes, answer: HTTPResponse, path: Path, until: Until) -> None:
    left = PACKED_BYTES - len(head)
    with path.open("wb") as file:
        file.write(head)
        while block := answer.read(_BLOCK):
            until.check()
            left -= len(block)
            if left < 0:
                raise BadArchive("it is too large")
            file.write(block)


def _written_at(headers: HTTPMessage) -> float:
    try:
        return parsedate_to_datetime(headers["Last-Modified"] or "").timestamp()
    except (TypeError, ValueError):
        return 0.0


def _words(error: Exception) -> str:
    """Return an error's words without an address."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return type(error).__name__ if "//" in str(reason) else str(reason)


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
