from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from runs.backend import Unavailable, UnknownRun
from runs.outcome import Ending, Outcome
from runs.run import Origin, Run, State
from runs.store import LogStore
from sandbox.redaction import Redactor
from sandbox.task import Task

RUN = Run("abcdefgh", "k", Task("https://x/r.git", "p"), Origin(1, 2, 3), State.RUNNING, 10.0, "0")
ENDED = replace(RUN, state=State.ENDED, ended_at=20.0, outcome=Outcome(Ending.PUSHED))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "store"


@pytest.fixture
def store(folder: Path) -> LogStore:
    return LogStore(folder)


async def test_a_record_is_open_until_its_end_is_written(store: LogStore, folder: Path) -> None:
    await store.write_record(RUN)
    assert await store.read_record(RUN.id) == RUN
    await store.write_record(ENDED)
    assert await LogStore(folder).read_record(RUN.id) == ENDED


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
        await store.write_record(replace(RUN, id=name, created_at=at))
    (folder / "dddddddd.json").write_bytes(b"\xff")
    (folder / "eeeeeeee.json").write_bytes((folder / "aaaaaaaa.json").read_bytes())
    (folder / "ffffffff.json").mkdir()
    (folder / "notes.json").write_text("{}")
    for _ in range(2):
        found = await store.list_records()
        assert [run.id for run in found] == ["bbbbbbbb", "cccccccc", "aaaaaaaa"]
    assert len(caplog.records) == 3


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
        await store.write_record(replace(RUN, id=run_id))
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
    await store.write_record(replace(RUN, task=replace(RUN.task, repo_url=url)))
    assert (await store.read_record(RUN.id)).task.repo_url == kept


async def test_only_what_is_old_and_ours_is_pruned(store: LogStore, folder: Path) -> None:
    assert await store.prune(0) == 0
    for name in ("aaaaaaaa", "bbbbbbbb"):
        await store.write_record(replace(RUN, id=name))
        await store.write_log(name, b"log")
    (folder / ".cccccccc.log.12.34~").write_bytes(b"left by a crash")
    (folder / "notes.txt").write_text("not ours")
    for name in ("aaaaaaaa.json", "aaaaaaaa.log", ".cccccccc.log.12.34~", "notes.txt"):
        os.utime(folder / name, (1, 1))
    assert await store.prune(3600) == 3
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["bbbbbbbb.json", "bbbbbbbb.log", "notes.txt"]


async def test_a_store_that_cannot_be_written_is_unavailable_fault_30(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = LogStore(tmp_path / "file" / "store")
    with pytest.raises(Unavailable, match="the log store failed: Not a directory"):
        await store.write_record(RUN)
