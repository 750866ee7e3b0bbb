"""Objects in a bucket of a real S3 server, and what is said where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from runs.backend import Unavailable
from runs.run import Marks
from runs.s3 import S3Limits, S3Objects
from runs.s3_place import S3Place
from runs.store import LogStore, Record
from tests.parts.s3_fixtures import KEY, SECRET, S3Server
from tests.runs.lax_s3 import lax_server
from tests.runs.objects_contract import Make, ObjectsContract, names
from tests.runs.test_store import RUN

SHORT = S3Limits(0.3, 0.3, 0.3, 0.5, pause_seconds=600)


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    return s3_server.make_bucket()


@pytest.fixture
def make(s3_server: S3Server, bucket: str) -> Make:
    return lambda: S3Objects(S3Place(bucket, "deep/store"), s3_server.variables)


@pytest.mark.s3
class TestS3(ObjectsContract):
    pass


@pytest.mark.s3
async def test_two_prefixes_of_a_bucket_know_nothing_of_each_other(
    s3_server: S3Server, bucket: str
) -> None:
    places = [
        S3Objects(S3Place(bucket, prefix), s3_server.variables)
        for prefix in ("", "one", "one/two", "on")
    ]
    for number, place in enumerate(places):
        await place.write(f"{number}.log", b"")
    assert [await names(place) for place in places] == [{f"{n}.log"} for n in range(4)]


@pytest.mark.s3
async def test_two_bots_that_change_a_record_at_once_lose_nothing_fault_27(make: Make) -> None:
    stores = [LogStore(make()) for _ in range(4)]

    def counted(old: Record | None) -> Record:
        number = 0 if old is None else old.run.marks.card_id or 0
        return Record(replace(RUN, marks=Marks(card_id=number + 1)))

    changes = (store.change_record(RUN.id, counted) for store in stores for _ in range(5))
    await asyncio.gather(*changes)
    assert (await stores[0].read_record(RUN.id)).run.marks.card_id == 20


@pytest.mark.s3
async def test_records_logs_and_their_retention_are_as_in_a_folder(make: Make) -> None:
    store = LogStore(make())
    for name in ("aaaaaaaa", "bbbbbbbb"):
        await store.change_record(name, lambda _, n=name: Record(replace(RUN, id=n)))  # type: ignore[misc]  # a default of a lambda
        await store.write_log(name, b"its log\n")
        await store.write_log(name, b"ready\n", "postgres")
    await make().write("notes.txt", b"not ours")
    assert {each.run.id for each in await LogStore(make()).list_records()} == {
        "aaaaaaaa",
        "bbbbbbbb",
    }
    assert await store.read_log("aaaaaaaa", tail_bytes=4) == b"log\n"
    assert await store.read_log("aaaaaaaa", service="postgres") == b"ready\n"
    assert await store.prune(3600) == 0
    assert await store.prune(-3600) == 6
    assert await names(make()) == {"notes.txt"}


@pytest.mark.s3
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "another"}, "refuses the bot's keys (SignatureDoesNotMatch)"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "refuses the bot's keys (InvalidAccessKeyId)"),
        ({"AWS_REGION": "eu-north-7"}, "Look at AWS_REGION"),
    ],
)
async def test_keys_that_are_refused_are_told_with_what_to_do(
    s3_server: S3Server, bucket: str, changed: dict[str, str], words: str
) -> None:
    objects = S3Objects(S3Place(bucket), s3_server.variables | changed)
    attempts = (
        objects.check,
        lambda: objects.read("a"),
        lambda: objects.write("a", b""),
        lambda: objects.remove("a"),
    )
    for attempt in attempts:
        with pytest.raises(Unavailable) as failed:
            await attempt()
        assert words in str(failed.value)
        assert SECRET not in str(failed.value)


@pytest.mark.s3
async def test_a_bucket_that_is_missing_is_told_and_no_empty_store(s3_server: S3Server) -> None:
    objects = S3Objects(S3Place("no-such-bucket", "a"), s3_server.variables)
    attempts = (
        objects.check,
        objects.list_all,
        lambda: objects.read("a"),
        lambda: objects.read_end("a", 5),
        lambda: objects.write("a", b""),
        lambda: objects.write_if("a", b"", None),
        lambda: objects.write_if("a", b"", "1"),
    )
    for attempt in attempts:
        with pytest.raises(Unavailable, match=r"no bucket no-such-bucket .* Create it"):
            await attempt()


@asynccontextmanager
async def stand_in(answer: bytes | None) -> AsyncIterator[tuple[dict[str, str], list[bytes]]]:
    """A server that gives every request one answer, or None; gives the variables for it, and the requests' first lines."""
    heard: list[bytes] = []
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heard.append((await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0])
            if answer is None:
                await over.wait()
            else:
                writer.write(answer + b"connection: close\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield (
            {
                "AWS_ACCESS_KEY_ID": KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            },
            heard,
        )
    finally:
        over.set()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 503 Slow Down\r\n"])
async def test_a_server_that_is_away_is_left_in_peace_for_a_while(answer: bytes | None) -> None:
    async with stand_in(answer) as (variables, heard):
        objects = S3Objects(S3Place("box"), variables, SHORT)
        with pytest.raises(Unavailable, match="doesn't answer"):
            await objects.read("a")
        asked = len(heard)
        assert asked > 0
        for attempt in (
            lambda: objects.read("a"),
            lambda: objects.write("a", b""),
            objects.list_all,
        ):
            with pytest.raises(Unavailable, match="Look at AWS_ENDPOINT_URL"):
                await attempt()
        assert len(heard) == asked


async def test_of_many_that_are_read_the_first_that_fails_is_told() -> None:
    async with stand_in(b"HTTP/1.1 503 Slow Down\r\n") as (variables, _):
        with pytest.raises(Unavailable, match="doesn't answer"):
            await S3Objects(S3Place("box"), variables, SHORT).read_many(["a", "b", "c"])


@pytest.mark.parametrize("refuses", [True, False])
async def test_a_server_without_conditions_is_used_as_well_as_it_can_be_and_that_is_said(
    refuses: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with lax_server(refuses=refuses) as variables:
        objects = S3Objects(S3Place("box"), variables)
        await objects.check()
        assert [record.getMessage() for record in caplog.records] == [
            "s3://box takes no conditional writes (If-Match): let no two bots use it at once"
        ]
        assert await names(objects) == set()
        assert await objects.write_if("a", b"one", None)
        assert not await objects.write_if("a", b"two", None)
        found = await objects.read("a")
        assert found is not None
        assert await objects.write_if("a", b"two", found.version)
        assert not await objects.write_if("a", b"three", found.version)
        record = Record(RUN)
        assert await LogStore(objects).change_record(RUN.id, lambda _: record) == record
        assert [each.run for each in await LogStore(objects).list_records()] == [RUN]


async def test_after_the_pause_a_server_is_asked_again() -> None:
    async with stand_in(b"HTTP/1.1 503 Slow Down\r\n") as (variables, heard):
        objects = S3Objects(S3Place("box"), variables, replace(SHORT, pause_seconds=0))
        for _ in range(2):
            asked = len(heard)
            with pytest.raises(Unavailable):
                await objects.read("a")
            assert len(heard) > asked


async def test_where_nobody_listens_is_told() -> None:
    async with stand_in(b"") as (variables, _):
        pass
    with pytest.raises(Unavailable, match=r"doesn't answer \(http://127.0.0.1:"):
        await S3Objects(S3Place("box"), variables, SHORT).check()


async def test_without_keys_and_without_a_role_that_is_told() -> None:
    async with stand_in(b"HTTP/1.1 404 Not Found\r\n") as (variables, _):
        url = variables["AWS_ENDPOINT_URL"]
        bare = {"AWS_ENDPOINT_URL": url, "AWS_METADATA_ENDPOINT": url}
        with pytest.raises(Unavailable, match=r"There are no keys .* Set AWS_ACCESS_KEY_ID"):
            await S3Objects(S3Place("box"), bare, SHORT).read("a")
