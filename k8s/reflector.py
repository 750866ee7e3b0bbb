"""A mirror of one kind of object: list, watch with bookmarks, list again on anything odd."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import msgspec

from k8s.api import LIST_SECONDS, Api, Query, Rejected
from k8s.structs import ListMetadata, Metadata, Page, Status, WatchEvent
from runs.backend import BackendError, Unavailable

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.8
LONGEST_PAUSE_SECONDS = 30.0
GOOD_WATCH_SECONDS = 10.0
"""A watch that lived so long, or told something, was a good one: the pauses start anew."""

PAGE_SIZE = 500
WATCH_SECONDS = 300
_SLICE = 20
"""So many objects of a list are taken before others get their turn: each new one takes about 0.2 ms."""

_GONE = 410
_LIST_TRIES = 3


class _Object(Protocol):
    @property
    def metadata(self) -> Metadata: ...


Item = TypeVar("Item", bound=_Object)


@dataclass(frozen=True, slots=True)
class Collection(Generic[Item]):
    """What is mirrored: the address of the collection, a label selector, and the objects' type."""

    path: str
    selector: str
    kind: type[Item]


class Reflector(Generic[Item]):
    """The newest known state of each object of a collection, by name.

    `changed` is told each object that is new or other, and `gone` the last state of each that was deleted. Both
    must not fail and not wait. Older states never replace newer ones, wherever they come from.
    """

    def __init__(
        self,
        api: Api,
        collection: Collection[Item],
        changed: Callable[[Item], None],
        gone: Callable[[Item], None],
    ) -> None:
        self._api = api
        self._collection = collection
        self._changed = changed
        self._gone = gone
        self._items = msgspec.json.Decoder(Page[collection.kind])  # type: ignore[name-defined]  # a type made at run time
        self._item = msgspec.json.Decoder(collection.kind)
        self._listing = asyncio.Lock()
        self._poison: set[str] = set()
        self._failing = False
        self._dead: set[str] = set()
        self._resource = collection.path.rpartition("/")[2]
        self.restarts: Counter[tuple[str, str]] = Counter(
            {(self._resource, why): 0 for why in ("ended", "expired", "failed")}
        )
        """How often the watch began anew, as `runs.counted` has it."""
        self.objects: dict[str, Item] = {}
        self.synced = asyncio.Event()
        """Set when the objects were read once."""

    async def run(self) -> None:
        """Mirror for ever; whatever fails is tried again after a pause."""
        pause = Pause()
        version = ""
        while True:
            began = time.monotonic()
            good, why = False, "ended"
            try:
                if not version:
                    version = await self.read_all()
                self._well()
                async for newer in self._follow(version):
                    version, good = newer, True
            except _Expired:
                version, why = "", "expired"
            except BackendError as error:
                version, why = "", "failed"
                self._ill(error)
            except Exception:
                version, why = "", "failed"
                log.exception("a mistake while following %s", self._collection.path)
            self.restarts[self._resource, why] += 1
            if good or time.monotonic() - began > GOOD_WATCH_SECONDS:
                pause = Pause()
            await asyncio.sleep(pause.next())

    async def read_all(self) -> str:
        """List everything; return the list's version. Raises Unavailable, Refused."""
        async with self._listing:
            self._dead.clear()
            found, version = await self._list_again()
            await self._replace(found, version)
            self.synced.set()
            return version

    def apply(self, item: Item) -> Item:
        """Take an object that was just read or written; return the newest known state."""
        name = item.metadata.name
        if item.metadata.uid in self._dead:
            return item
        known = self.objects.get(name)
        if known is not None and _older(item, known):
            return known
        if known is None or known != item:
            self.objects[name] = item
            self._changed(item)
        return item

    def forget(self, name: str) -> None:
        """Take an object as deleted."""
        item = self.objects.pop(name, None)
        if item is not None:
            self._dead.add(item.metadata.uid)
            self._gone(item)

    async def _list_again(self) -> tuple[list[Item], str]:
        """List; begin anew where the list took longer than the server keeps its pages."""
        for _ in range(_LIST_TRIES - 1):
            try:
                return await self._list()
            except _Expired:
                continue
        return await self._list()

    async def _list(self) -> tuple[list[Item], str]:
        query: dict[str, str | int] = {
            "labelSelector": self._collection.selector,
            "limit": PAGE_SIZE,
        }
        found: list[Item] = []
        while True:
            data = await self._page(query)
            metadata, items = self._decode_page(data)
            found += items
            if not metadata.continue_:
                return found, metadata.resource_version
            query["continue"] = metadata.continue_
            await asyncio.sleep(0)

    async def _page(self, query: Query) -> bytes:
        try:
            return await self._api.get(self._collection.path, query, LIST_SECONDS)
        except Rejected as error:
            if error.code == _GONE:
                raise _Expired(str(error)) from error
            raise

    def _decode_page(self, data: bytes) -> tuple[ListMetadata, list[Item]]:
        try:
            page = self._items.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self._decode_singly(data)
        return page.metadata, page.items or []

    def _decode_singly(self, data: bytes) -> tuple[ListMetadata, list[Item]]:
        """Read a page with something in it that can't be read; the others must not suffer from it."""
        try:
            page = msgspec.json.decode(data, type=Page[msgspec.Raw])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Unavailable(f"The cluster's list can't be read: {error}") from error
        items = [item for raw in page.items or () if (item := self._decode_one(raw)) is not None]
        return page.metadata, items

    def _decode_one(self, raw: msgspec.Raw) -> Item | None:
        try:
            return self._item.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            if str(error) not in self._poison:
                self._poison.add(str(error))
                log.warning("an object of %s can't be read: %s", self._collection.path, error)
            return None

    async def _replace(self, found: Iterable[Item], version: str) -> None:
        """Take a list as it stands; what is newer than the list, or died after it was asked for, stays as it is."""
        names = set()
        for number, item in enumerate(found, 1):
            names.add(item.metadata.name)
            self.apply(item)
            if number % _SLICE == 0:
                await asyncio.sleep(0)
        for name, item in list(self.objects.items()):
            if name not in names and not _newer_than(item, version):
                self.forget(name)

    async def _follow(self, version: str) -> AsyncIterator[str]:
        """Watch from a version on; yield each newer one. Raises _Expired, Unavailable, Refused."""
        query: dict[str, str | int] = {
            "labelSelector": self._collection.selector,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": WATCH_SECONDS,
        }
        try:
            async with aclosing(self._api.watch(self._collection.path, query)) as lines:
                async for line in lines:
                    if line.strip() and (newer := self._take(line)):
                        yield newer
        except Rejected as error:
            if error.code == _GONE:
                raise _Expired(str(error)) from error
            raise

    def _take(self, line: bytes) -> str | None:
        """Apply one line; return the version that it stands for."""
        try:
            event = msgspec.json.decode(line, type=WatchEvent)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Unavailable(f"The cluster's news can't be read: {error}") from error
        if event.type == "ERROR":
            self._raise(event.object)
        item = self._decode_one(event.object)
        if item is None:
            return None
        if event.type == "DELETED":
            known = self.objects.get(item.metadata.name)
            if known is None or known.metadata.uid == item.metadata.uid:
                self.objects[item.metadata.name] = item
                self.forget(item.metadata.name)
        elif event.type in ("ADDED", "MODIFIED"):
            self.apply(item)
        elif event.type != "BOOKMARK":
            return None
        return item.metadata.resource_version

    def _raise(self, data: msgspec.Raw) -> None:
        try:
            status = msgspec.json.decode(data, type=Status)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            status = Status()
        if status.code == _GONE:
            raise _Expired(status.message)
        raise Unavailable(f"The cluster ends its news: {status.message or status.reason}")

    def _ill(self, error: Exception) -> None:
        if not self._failing:
            log.warning("%s can't be followed now: %s", self._collection.path, error)
        self._failing = True

    def _well(self) -> None:
        if self._failing:
            log.info("%s is followed again", self._collection.path)
        self._failing = False


class _Expired(Unavailable):
    """The version that we stood at is too old: everything has to be listed anew."""


class Pause:
    """Growing pauses with jitter, so that many who lost the same server don't come back together."""

    def __init__(self) -> None:
        self._seconds = FIRST_PAUSE_SECONDS

    def next(self) -> float:
        """Return the seconds of the next pause."""
        longest = self._seconds
        self._seconds = min(LONGEST_PAUSE_SECONDS, longest * 2)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret, it only spreads requests


def _older(item: _Object, known: _Object) -> bool:
    """Say whether a state is older than the known one; versions are numbers (1.35: guaranteed; before: with etcd)."""
    if item.metadata.uid != known.metadata.uid:
        born, before = item.metadata.creation_timestamp, known.metadata.creation_timestamp
        return born is not None and before is not None and born < before
    ours, theirs = known.metadata.resource_version, item.metadata.resource_version
    return ours.isdecimal() and theirs.isdecimal() and int(theirs) < int(ours)


def _newer_than(item: _Object, version: str) -> bool:
    own = item.metadata.resource_version
    return own.isdecimal() and version.isdecimal() and int(own) > int(version)
