"""Objects in a folder."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from runs.backend import Unavailable
from runs.folder import Folder
from tests.runs.objects_contract import Make, ObjectsContract


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda: Folder(tmp_path / "deep" / "store")


class TestFolder(ObjectsContract):
    pass


async def test_a_link_and_a_folder_are_no_objects(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of somebody else")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "link.log").symlink_to(tmp_path / "secret")
    (tmp_path / "store" / "folder.log").mkdir()
    objects = Folder(tmp_path / "store")
    assert await objects.list_all() == []
    assert await objects.read_many(["link.log", "folder.log"]) == {}
    with pytest.raises(Unavailable):
        await objects.read("link.log")


async def test_a_file_that_rests_keeps_its_version_in_lists(tmp_path: Path) -> None:
    objects = Folder(tmp_path)
    await objects.write("a.json", b"1")
    (listed,) = await objects.list_all()
    assert listed.version is None, "it may be written again within the same tick of the clock"
    versions = []
    for written_at in (time.time() - 100, time.time() - 100, time.time() - 50):
        os.utime(tmp_path / "a.json", (written_at, int(written_at)))
        (listed,) = await objects.list_all()
        versions.append(listed.version)
    assert None not in versions
    assert versions[0] == versions[1] != versions[2]


async def test_a_place_that_is_no_folder_is_told_with_what_to_do_fault_30(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    objects = Folder(tmp_path / "file" / "store")
    with pytest.raises(Unavailable, match=r"Not a directory. Look at its disk and rights"):
        await objects.check()
