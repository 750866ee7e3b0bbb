"""Dependencies in a bucket of a real S3 server, by addresses that were signed for one repository."""

from __future__ import annotations

import asyncio
import contextlib
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from runs.s3_cache import S3Cache
from runs.s3_place import S3Place
from sandbox.dependencies.archive import BadArchive
from sandbox.dependencies.bucket_cache import BucketCache
from sandbox.dependencies.cache import Away, NoEntry, Root, Until
from sandbox.dependencies.slots import COUNT, Slot, decode, encode
from tests.parts.s3_fixtures import SECRET, S3Server

SOON = Until(float("inf"))
HOUR = 3600.0
SHOP, OTHER = "https://git.example/shop", "https://git.example/other"
KEY = "a" * 40

pytestmark = pytest.mark.s3


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, and a folder of the test."""

    server: S3Server
    name: str
    folder: Path

    def slots(self, repo_url: str = SHOP, seconds: float = HOUR) -> tuple[Slot, ...]:
        signer = S3Cache(S3Place(self.name, "deep/cache"), self.server.variables)
        return decode(encode(asyncio.run(signer.sign(repo_url, seconds))))

    def cache(self, repo_url: str = SHOP, seconds: float = HOUR) -> BucketCache:
        return BucketCache(self.slots(repo_url, seconds), self.folder / "passing")

    def keep(self, key: str, content: str, cache: BucketCache | None = None) -> None:
        """Do what an installation does: look for an entry, and write one."""
        cache = cache or self.cache()
        with pytest.raises(NoEntry):
            self.restored(key, cache)
        made = self.folder / "made"
        made.mkdir(exist_ok=True)
        (made / "file").write_text(content)
        cache.keep(key, "/where", [Root("node_modules", made)], SOON)

    def restored(self, key: str, cache: BucketCache | None = None) -> str:
        scratch = self.folder / f"scratch-{time.monotonic_ns()}"
        scratch.mkdir()
        assert (cache or self.cache()).restore(key, scratch, SOON) == ("/where", ["node_modules"])
        return (scratch / "0" / "file").read_text()


@pytest.fixture
def bucket(s3_server: S3Server, tmp_path: Path) -> Bucket:
    return Bucket(s3_server, s3_server.make_bucket(), tmp_path)


def fetch(url: str, data: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, data, method="GET" if data is None else "PUT")
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: bytes = answer.read()
        return found


def test_what_one_run_keeps_the_next_one_has_and_another_repository_has_not(
    bucket: Bucket,
) -> None:
    bucket.keep(KEY, "content")
    assert bucket.restored(KEY) == "content"
    with pytest.raises(NoEntry, match=r"^$"):
        bucket.restored(KEY, bucket.cache(OTHER))
    assert list((bucket.folder / "passing").iterdir()) == []


def test_the_addresses_of_a_repository_hold_for_its_own_places_only_and_hold_no_key(
    bucket: Bucket,
) -> None:
    own, others = bucket.slots(), bucket.slots(OTHER)
    paths = {url.partition("?")[0] for slot in own for url in (slot.read, slot.write)}
    assert len(paths) == COUNT
    assert not paths & {slot.read.partition("?")[0] for slot in others}
    assert SECRET not in encode(own)
    fetch(others[0].write, b"theirs")
    stolen = others[0].read.partition("?")[0] + "?" + own[0].read.partition("?")[2]
    for url, data in ((stolen, None), (own[0].read, b"x"), (own[0].write, None)):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            fetch(url, data)


def test_entries_of_several_lockfiles_stand_side_by_side_and_one_gives_way_where_all_are_taken(
    bucket: Bucket,
) -> None:
    # All begin at the same place, and so come to stand one after the other.
    *keys, one_more = [f"00000000{number:032}" for number in range(COUNT + 1)]
    for key in keys:
        bucket.keep(key, key)
    assert [bucket.restored(key) for key in keys] == keys
    bucket.keep(one_more, one_more)
    assert bucket.restored(one_more) == one_more
    left = []
    for key in keys:
        with contextlib.suppress(NoEntry):
            left.append(bucket.restored(key))
    assert len(left) == COUNT - 1


def begins_at(slots: tuple[Slot, ...]) -> Slot:
    """Return the slot at which KEY is looked for first."""
    return slots[int(KEY[:8], 16) % len(slots)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "^$"),
        (b"no entry at all", "^$"),
        (b'{"key": "' + KEY.encode() + b'"}', "its head can't be read"),
    ],
)
def test_what_is_foreign_in_a_slot_is_no_entry_and_does_not_stand_in_the_way(
    bucket: Bucket, data: bytes, words: str
) -> None:
    fetch(begins_at(bucket.slots()).write, data)
    cache = bucket.cache()
    with pytest.raises(NoEntry, match=words):
        bucket.restored(KEY, cache)
    bucket.keep(KEY, "content", bucket.cache())
    assert bucket.restored(KEY) == "content"
    assert cache.problem is None


@pytest.mark.parametrize(("cut", "words"), [(-1, "torn"), (17 << 10, "torn|entry")])
def test_a_torn_entry_is_a_miss_and_is_replaced(bucket: Bucket, cut: int, words: str) -> None:
    bucket.keep(KEY, "content")
    slot = begins_at(bucket.slots())
    whole = fetch(slot.read)
    fetch(slot.write, whole[:cut] if cut < 0 else whole[: len(whole) // 2])
    with pytest.raises(NoEntry, match=words):
        bucket.restored(KEY)
    bucket.keep(KEY, "anew")
    assert bucket.restored(KEY) == "anew"


def test_addresses_that_have_expired_are_a_miss_with_a_remark_and_are_not_tried_again(
    bucket: Bucket,
) -> None:
    cache = bucket.cache(seconds=0)
    with pytest.raises(NoEntry, match="have expired"):
        bucket.restored(KEY, cache)
    assert cache.problem == "its addresses have expired, so long did the run wait"
    with pytest.raises(NoEntry, match=r"^$"):
        bucket.restored(KEY, cache)
    with pytest.raises(Away, match="have expired"):
        cache.keep(KEY, "/where", [], SOON)


def test_a_bucket_or_a_server_that_is_not_there_is_said_without_an_address(
    bucket: Bucket,
) -> None:
    (bucket.server.data / bucket.name).rename(bucket.server.data / f"{bucket.name}-gone")
    gone = bucket.cache()
    with pytest.raises(NoEntry, match="404 NoSuchBucket"):
        bucket.restored(KEY, gone)
    away = BucketCache(
        (Slot("http://127.0.0.1:9/x?Signature=s", "http://127.0.0.1:9/x"),), bucket.folder
    )
    with pytest.raises(NoEntry, match="can't be reached"):
        bucket.restored(KEY, away)
    for cache in (gone, away):
        assert cache.problem is not None
        assert "Signature" not in cache.problem and "://" not in cache.problem


def test_nothing_is_fetched_or_written_when_the_time_is_over(bucket: Bucket) -> None:
    over = Until(0.0)
    cache = bucket.cache()
    with pytest.raises(NoEntry, match="too long"):
        cache.restore(KEY, bucket.folder, over)
    bucket.keep(KEY, "content", cache)
    with pytest.raises(BadArchive, match="too long"):
        cache.keep(KEY, "/where", [Root("node_modules", bucket.folder / "made")], over)
    assert cache.problem is None
