"""The cache of dependencies: whole entries of this repository only, whatever stands in the folder."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.dependencies.archive import ArchiveLimits, BadArchive, pack, unpack
from sandbox.dependencies.cache import Cache, NoEntry, Root, Until
from tests.parts.registries import Registry
from tests.sandbox.running import run
from tests.sandbox_project.project_repo import repo_of

LIMITS = ArchiveLimits(1 << 20, 1 << 20, 100, float("inf"))
KEY = "a" * 40
SOON = Until(float("inf"))


def member(name: str, data: bytes = b"x", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


FOLDER = member("0", b"", type=tarfile.DIRTYPE)
FILE = member("0/file")


def archive_of(*members: tuple[tarfile.TarInfo, bytes]) -> io.BytesIO:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    content.seek(0)
    return content


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([member("../evil")], "leads out"),
        ([member("/evil")], "leads out"),
        ([FOLDER, member("0/../../evil")], "leads out"),
        ([FOLDER, member("0/./x")], "isn't a plain name"),
        ([member("nowhere/evil")], "lies in no folder"),
        ([FOLDER, member("0/l", b"", type=tarfile.SYMTYPE, linkname="../../evil")], "leads out"),
        ([FOLDER, member("0/l", b"", type=tarfile.SYMTYPE, linkname="/etc")], "leads out"),
        (
            [
                FOLDER,
                member("0/l", b"", type=tarfile.SYMTYPE, linkname="file"),
                member("0/l/evil"),
            ],
            "lies in no folder",
        ),
        ([FOLDER, member("0/h", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd")], "leads out"),
        ([FOLDER, member("0/h", b"", type=tarfile.LNKTYPE, linkname="0/no")], "link to no file"),
        ([FOLDER, member("0/p", b"", type=tarfile.FIFOTYPE)], "neither a file"),
        ([FOLDER, member("0/d", b"", type=tarfile.CHRTYPE)], "neither a file"),
        ([FOLDER, member("0/big", b"\0" * (2 << 20))], "more than 1 MiB"),
        ([FOLDER, *(member(f"0/{number}") for number in range(200))], "more than 100 files"),
    ],
)
def test_an_archive_that_reaches_for_more_is_refused(
    tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]], words: str
) -> None:
    inside = tmp_path / "a" / "inside"
    inside.mkdir(parents=True)
    with pytest.raises(BadArchive, match=words):
        unpack(archive_of(*members), inside, LIMITS)
    assert not list(tmp_path.rglob("evil"))


def test_a_bomb_of_zeros_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    info = tarfile.TarInfo("0/zeros")
    info.size = 1 << 40
    head = FOLDER[0].tobuf() + info.tobuf()
    bomb = io.BytesIO(gzip.compress(head + b"\0" * (8 << 20)))
    with pytest.raises(BadArchive, match="more than 1 MiB"):
        unpack(bomb, tmp_path, LIMITS)


def test_what_is_packed_comes_back_with_its_links_and_modes(tmp_path: Path) -> None:
    made = tmp_path / "made"
    (made / "deep").mkdir(parents=True)
    (made / "deep" / "program").write_text("#!/bin/sh\n")
    (made / "deep" / "program").chmod(0o755)
    (made / "link").symlink_to("deep/program")
    (made / "outward").symlink_to("/etc/passwd")
    (made / "same").hardlink_to(made / "deep" / "program")
    os.mkfifo(made / "pipe")
    content = io.BytesIO()
    pack([("0", made)], content, LIMITS)
    content.seek(0)
    (tmp_path / "back").mkdir()
    unpack(content, tmp_path / "back", LIMITS)
    back = tmp_path / "back" / "0"
    assert sorted(path.name for path in back.rglob("*")) == ["deep", "link", "program", "same"]
    assert (back / "link").readlink() == Path("deep/program")
    assert os.access(back / "deep" / "program", os.X_OK)


def kept(tmp_path: Path, **options: int) -> Cache:
    made = tmp_path / "made"
    made.mkdir()
    (made / "file").write_text("content\n")
    cache = Cache(tmp_path / "cache", **options)
    cache.keep(KEY, "/where", [Root("node_modules", made)], SOON)
    return cache


def change(place: int, data: bytes) -> Callable[[Path], None]:
    def do(entry: Path) -> None:
        with entry.open("r+b") as file:
            file.seek(place, os.SEEK_END if place < 0 else os.SEEK_SET)
            file.write(data)

    return do


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda entry: os.truncate(entry, entry.stat().st_size - 1), "it is torn"),
        (lambda entry: os.truncate(entry, 100), "its head can't be read"),
        (lambda entry: os.truncate(entry, 0), "its head can't be read"),
        (change(-3, b"???"), "isn't what was written"),
        (change(0, b"[1]"), "its head can't be read"),
        (change(0, b'{"version": 9, "x": "'), "its head can't be read"),
        (
            lambda entry: entry.write_bytes(entry.read_bytes().replace(b"aaaa", b"bbbb", 1)),
            "another one",
        ),
        (lambda entry: (entry.unlink(), entry.symlink_to("/etc/passwd")), "^$"),
        (lambda entry: (entry.unlink(), os.mkfifo(entry)), "^$"),
    ],
)
def test_a_torn_or_foreign_entry_is_none(
    tmp_path: Path, spoil: Callable[[Path], object], words: str
) -> None:
    cache = kept(tmp_path)
    spoil(cache.folder / f"{KEY}.entry")
    (tmp_path / "back").mkdir()
    with pytest.raises(NoEntry, match=words):
        cache.restore(KEY, tmp_path / "back", SOON)


@pytest.mark.parametrize("until", [Until(0.0), Until(float("inf"), lambda: True)])
def test_no_entry_is_written_or_read_once_the_time_is_over_or_the_run_is_stopped(
    tmp_path: Path, until: Until
) -> None:
    cache = kept(tmp_path)
    (tmp_path / "back").mkdir()
    with pytest.raises(NoEntry, match="too long"):
        cache.restore(KEY, tmp_path / "back", until)
    with pytest.raises(BadArchive, match="too long"):
        cache.keep("b" * 40, "/where", [Root("node_modules", tmp_path / "made")], until)
    assert [path.name for path in cache.folder.iterdir()] == [f"{KEY}.entry"]


def test_an_entry_says_where_it_was_made_and_what_it_holds(tmp_path: Path) -> None:
    cache = kept(tmp_path)
    (tmp_path / "back").mkdir()
    found = cache.restore(KEY, tmp_path / "back", SOON)
    assert found == ("/where", ["node_modules"])
    assert (tmp_path / "back" / "0" / "file").read_text() == "content\n"
    with pytest.raises(NoEntry):
        cache.restore("b" * 40, tmp_path / "back", SOON)


def test_what_is_too_large_is_not_kept_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="too large"):
        kept(tmp_path, packed_bytes=20)
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_least_used_entries_go_beyond_the_limit_and_old_drafts_too(tmp_path: Path) -> None:
    cache = kept(tmp_path, folder_bytes=70 << 10)
    now = time.time()
    for number, name in enumerate("bcdef"):
        path = cache.folder / f"{name * 40}.entry"
        path.write_bytes(b"\0" * (16 << 10))
        os.utime(path, (now - 1000 * number - 100,) * 2)
    old, young = cache.folder / ".draft-old", cache.folder / ".draft-young"
    old.touch()
    young.touch()
    os.utime(old, (now - 90_000,) * 2)
    ancient = cache.folder / f"{'9' * 40}.entry"
    ancient.touch()
    os.utime(ancient, (0, 0))
    cache.keep("1" * 40, "/where", [Root("node_modules", tmp_path / "made")], SOON)
    left = {path.name[0] for path in cache.folder.glob("*.entry")}
    assert left == {"a", "b", "c", "d", "1"}
    assert young.exists() and not old.exists()


def rewritten(entry: Path, **header: object) -> None:
    """Make a whole entry with another header, as somebody could who may write to the folder."""
    data = entry.read_bytes()
    size = 16 << 10
    values = json.loads(data[:size]) | header
    values["sha256"] = hashlib.sha256(data[size:]).hexdigest()
    entry.write_bytes(json.dumps(values).encode().ljust(size) + data[size:])


@pytest.mark.npm
@pytest.mark.parametrize(
    "place",
    ["../outside", ".git", "src", "/tmp/x", "node_modules/../../x", "{store}", "a/node_modules"],
)
def test_an_entry_for_another_place_than_dependencies_is_ignored(
    tmp_path: Path, place: str
) -> None:
    cache = {"SANDBOX_CACHE": str(tmp_path / "cache")}
    with Registry() as registry:
        url = repo_of(tmp_path, registry.npm_project({})).file_url
        assert run(tmp_path / "one", "true", url, **cache).report.cache == "miss"
        (entry,) = (tmp_path / "cache").glob("*.entry")
        rewritten(entry, roots=[place])
        done = run(tmp_path / "two", "node -p \"require('part-0')\"", url, **cache)
    assert done.report.cache == "miss"
    assert "a cache entry was ignored" in done.log
    assert done.report.summary == "part-0 speaks"
