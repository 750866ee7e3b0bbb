from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from runs.backend import Moved, Unavailable, UnknownRun
from runs.folder import Folder
from runs.outcome import Ending, Outcome
from runs.run import Marks, Origin, Run, State
from runs.store import LogStore, Record
from sandbox.redaction import Redactor
from sandbox.task import Task

RUN = Run("abcdefgh", "k", Task("https://x/r.git", "p"), Origin(1, 2, 3), State.RUNNING, 10.0, "0")
ENDED = replace(RUN, state=State.ENDED, ended_at=20.0, outcome=Outcome(Ending.PUSHED))


async def written(store: LogStore, run: Run) -> Record:
    return await store.change_record(run.id, lambda _: Record(run))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "store"


@pytest.fixture
def store(folder: Path) -> LogStore:
    return LogStore(folder)


async def test_a_record_is_open_until_its_end_is_written(store: LogStore, folder: Path) -> None:
    await written(store, RUN)
    assert await store.read_record(RUN.id) == Record(RUN)
    kept = await store.change_record(RUN.id, lambda _: Record(ENDED, "here", alone=True))
    assert await LogStore(folder).read_record(RUN.id) == kept == Record(ENDED, "here", alone=True)


@pytest.mark.parametrize(
    ("marks", "settled"),
    [
        (Marks(), False),
        (Marks(claimed_at=1.0), False),
        (Marks(told_at=1.0), True),
        (Marks(card_id=5, told_at=1.0), False),
        (Marks(card_id=5, card_closed=True), False),
        (Marks(card_id=5, told_at=1.0, card_closed=True), True),
    ],
)
def test_a_record_is_settled_when_message_and_card_say_the_end(marks: Marks, settled: bool) -> None:
    assert Record(replace(ENDED, marks=marks)).settled is settled


async def test_who_changes_a_record_at_once_loses_nothing_fault_27(folder: Path) -> None:
    stores = [LogStore(folder) for _ in range(4)]
    await written(stores[0], replace(RUN, marks=Marks(card_id=0)))

    def counted(old: Record | None) -> Record:
        assert old is not None
        number = (old.run.marks.card_id or 0) + 1
        return replace(old, run=replace(old.run, marks=Marks(card_id=number)))

    changes = (store.change_record(RUN.id, counted) for store in stores for _ in range(5))
    await asyncio.gather(*changes)
    assert (await stores[0].read_record(RUN.id)).run.marks.card_id == 20


async def test_a_change_that_is_refused_writes_nothing(store: LogStore) -> None:
    await written(store, RUN)

    def refused(_old: Record | None) -> Record:
        raise Moved("it changed")

    with pytest.raises(Moved):
        await store.change_record(RUN.id, refused)
    assert await store.read_record(RUN.id) == Record(RUN)


async def test_a_log_is_read_whole_or_from_its_end(store: LogStore) -> None:
    await store.write_log(RUN.id, b"one\ntwo\n")
    assert await store.read_log(RUN.id) == b"one\ntwo\n"
    assert await store.read_log(RUN.id, tail_bytes=4) == b"two\n"
    assert await store.read_log(RUN.id, tail_bytes=99) == b"one\ntwo\n"


async def test_a_log_is_written_without_secrets_and_what_harms_a_terminal(folder: Path) -> None:
    store = LogStore(folder, Redactor(["correct horse battery"]))
    token = "gh" + "p_" + "a1B2" * 9
    log = f"say correct horse battery\r\n\x1b[31m{token[:9]}\x1b[0m{token[9:]}\rend\n"
    await store.write_log(RUN.id, log.encode())
    assert await store.read_log(RUN.id) == b"say [redacted]\n[redacted]\nend\n"


async def test_records_are_listed_newest_first_without_what_is_not_one_fault_31(
    store: LogStore, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert await store.list_records() == []
    for name, at in (("aaaaaaaa", 1.0), ("bbbbbbbb", 3.0), ("cccccccc", 2.0)):
        await written(store, replace(RUN, id=name, created_at=at))
    (folder / "dddddddd.json").write_bytes(b"\xff")
    (folder / "eeeeeeee.json").write_bytes((folder / "aaaaaaaa.json").read_bytes())
    (folder / "ffffffff.json").mkdir()
    (folder / "notes.json").write_text("{}")
    for _ in range(2):
        found = await store.list_records()
        assert [record.run.id for record in found] == ["bbbbbbbb", "cccccccc", "aaaaaaaa"]
    assert len(caplog.records) == 2


class Watched(Folder):
    """A folder that notes which objects were read for a list."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked: list[set[str]] = []

    async def read_many(self, names: Iterable[str]) -> Mapping[str, bytes]:
        self.asked.append(set(names))
        return await super().read_many(self.asked[-1])


async def test_of_a_list_only_what_changed_is_read_again(folder: Path) -> None:
    objects = Watched(folder)
    store, other = LogStore(objects), LogStore(folder)
    first, second = (replace(RUN, id=name) for name in ("aaaaaaaa", "bbbbbbbb"))
    for number, runs in enumerate([[first, second], [], [replace(second, created_at=99.0)]]):
        for run in runs:
            await written(other, run)
            os.utime(folder / f"{run.id}.json", (1000 + number, 1000 + number))
        newest = (await store.list_records())[0].run
    assert newest.created_at == 99.0
    (folder / "bbbbbbbb.json").unlink()
    assert [record.run for record in await store.list_records()] == [first]
    names = {f"{run.id}.json" for run in (first, second)}
    assert objects.asked == [names, set(), {"bbbbbbbb.json"}, set()]


async def test_what_is_not_there_is_unknown(store: LogStore) -> None:
    with pytest.raises(UnknownRun):
        await store.read_record(RUN.id)
    with pytest.raises(UnknownRun):
        await store.read_log(RUN.id)


@pytest.mark.parametrize("run_id", ["", "../../up", "a/b", "abcdefg1", "abcdefgh\n", "ABCDEFGH"])
async def test_no_path_is_made_from_a_text_that_is_no_id_fault_42(
    store: LogStore, folder: Path, run_id: str
) -> None:
    with pytest.raises(UnknownRun):
        await written(store, replace(RUN, id=run_id))
    with pytest.raises(UnknownRun):
        await store.write_log(run_id, b"")
    with pytest.raises(UnknownRun):
        await store.read_record(run_id)
    with pytest.raises(UnknownRun):
        await store.read_log(run_id)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://ada:secret@example.org/r.git", "https://example.org/r.git"),
        ("https://secret@example.org/r.git", "https://example.org/r.git"),
        ("HTTP://a:b@c:d@example.org/r.git", "HTTP://example.org/r.git"),
        ("https://example.org/r@secret.git", "https://example.org/r@secret.git"),
        ("ssh://git@example.org/r.git", "ssh://git@example.org/r.git"),
        ("git@example.org:r.git", "git@example.org:r.git"),
        ("file:///srv/r.git", "file:///srv/r.git"),
    ],
)
async def test_a_record_holds_no_password(store: LogStore, url: str, kept: str) -> None:
    record = await written(store, replace(RUN, task=replace(RUN.task, repo_url=url)))
    assert record.run.task.repo_url == kept
    assert await store.read_record(RUN.id) == record


async def test_only_what_is_old_and_ours_is_pruned(store: LogStore, folder: Path) -> None:
    assert await store.prune(0) == 0
    for name in ("aaaaaaaa", "bbbbbbbb"):
        await written(store, replace(RUN, id=name))
        await store.write_log(name, b"log")
    (folder / ".cccccccc.log.12.34~").write_bytes(b"left by a crash")
    (folder / "notes.txt").write_text("not ours")
    for name in ("aaaaaaaa.json", "aaaaaaaa.log", ".cccccccc.log.12.34~", "notes.txt"):
        os.utime(folder / name, (1, 1))
    assert await store.prune(3600) == 3
    left = sorted(path.name for path in folder.iterdir())
    assert left == [".lock", "bbbbbbbb.json", "bbbbbbbb.log", "notes.txt"]


async def test_a_store_that_cannot_be_written_is_unavailable_fault_30(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = LogStore(tmp_path / "file" / "store")
    with pytest.raises(Unavailable, match="the log store failed: Not a directory"):
        await written(store, RUN)
