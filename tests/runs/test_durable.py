from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from runs import durable


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file"
    durable.write(target, b"old")
    with pytest.raises(FileNotFoundError):
        durable.write(tmp_path / "gone" / "file", b"new")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        durable.write(tmp_path / "folder", b"new")
    assert target.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_guard_lets_one_in_at_a_time(tmp_path: Path) -> None:
    inside = 0
    most = 0

    def enter() -> None:
        nonlocal inside, most
        for _ in range(200):
            with durable.guarded(tmp_path / "guard"):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_looking_at_a_lock_does_not_take_it(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    assert not durable.is_held(lock)
    with durable.guarded(lock):
        assert durable.is_held(lock)
        assert durable.is_held(lock)
    assert not durable.is_held(lock)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "The disk of the store is full. Free some space, then try again."),
        (errno.EDQUOT, "The disk of the store is full. Free some space, then try again."),
        (
            errno.EROFS,
            "Reading or writing the store failed: Read-only file system. Look at its disk and rights.",
        ),
    ],
)
def test_what_the_disk_says_is_said_in_words_without_a_path_fault_30(
    number: int, words: str
) -> None:
    error = OSError(number, "Read-only file system", "/secret/path")
    assert durable.in_words(error, "the store") == words


def test_only_an_ordinary_file_is_opened_and_nothing_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    before = lowest_free_descriptor()
    for name in ("folder", "pipe", "link"):
        with pytest.raises(OSError, match=r"ordinary|symbolic"):
            durable.open_plain(tmp_path / name)
    assert durable.read_end(tmp_path / "file", 3) == b"ent"
    assert durable.read_end(tmp_path / "missing", None) is None
    assert lowest_free_descriptor() == before


def lowest_free_descriptor() -> int:
    descriptor = os.dup(0)
    os.close(descriptor)
    return descriptor
