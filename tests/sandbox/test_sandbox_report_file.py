"""The Report is whole at every moment, wherever it is written."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from sandbox.report import MAX_BYTES, Phase, Report, decode, encode
from sandbox.report_file import write_report

HOSTILE: list[str] = json.loads(
    (Path(__file__).parents[1] / "data" / "hostile-strings.json").read_text()
)


def test_a_report_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    for phase in Phase:
        assert write_report(str(path), Report("x", phase)) is None
        assert decode(path.read_bytes()) == Report("x", phase)
    assert list(tmp_path.iterdir()) == [path]


def test_an_open_reader_never_sees_half_a_report(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_report(str(path), Report("x", Phase.CLONE, summary="long " * 300))
    with path.open("rb") as reader:
        write_report(str(path), Report("x", Phase.DONE))
        found = decode(reader.read())
    assert found is not None
    assert found.phase is Phase.CLONE


def test_a_file_that_is_mounted_is_overwritten_in_place(tmp_path: Path) -> None:
    path = tmp_path / "termination-log"
    path.write_bytes(b"x" * 5000)
    mounted = subprocess.run(["mount", "--bind", str(path), str(path)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a file can be mounted by root only")
    try:
        before = path.stat().st_ino
        assert write_report(str(path), Report("x", Phase.DONE)) is None
        assert decode(path.read_bytes()) == Report("x", Phase.DONE)
        assert path.stat().st_ino == before
    finally:
        subprocess.run(["umount", str(path)], check=True)
    assert list(tmp_path.iterdir()) == [path]


def fill(path: Path) -> None:
    with path.open("ab", buffering=0) as filler, pytest.raises(OSError, match="No space"):
        while True:
            filler.write(b"x" * 4096)


def test_on_a_full_disk_the_report_that_is_there_is_replaced(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk can be mounted by root only")
    try:
        path = tmp_path / "report.json"
        write_report(str(path), Report("x", Phase.AGENT))
        fill(tmp_path / "filler")
        assert write_report(str(path), Report("x", Phase.DONE, summary="s" * 2000)) is None
        found = decode(path.read_bytes())
        assert found is not None
        assert found.phase is Phase.DONE
        path.unlink()
        path.symlink_to("filler")
        fill(tmp_path / "filler")
        assert write_report(str(path), Report("x", Phase.DONE, summary="s" * 2000)) is not None
        assert (tmp_path / "filler").read_bytes()[:1] == b"x"
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_place_that_isnt_there_is_told(tmp_path: Path) -> None:
    problem = write_report(str(tmp_path / "no" / "report"), Report("x", Phase.DONE))
    assert problem is not None
    assert "can't be written" in problem


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_replaced(make: object, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    make(path)  # type: ignore[operator]  # one of the two functions above
    assert write_report(str(path), Report("x", Phase.DONE)) is None
    assert decode(path.read_bytes()) == Report("x", Phase.DONE)


def test_every_hostile_text_fits_and_comes_back() -> None:
    for text in HOSTILE:
        report = Report(
            "x", Phase.DONE, summary=text, branch=text[:100], error=text, denied=(text,)
        )
        data = encode(report)
        assert len(data) <= MAX_BYTES
        found = decode(data)
        assert found is not None
        assert found.phase is Phase.DONE
        assert found.summary[:50] == text[:50]


def test_a_question_is_kept_before_the_words_around_it() -> None:
    question = "哪" * 699 + "？"
    report = Report(
        "x", Phase.DONE, summary="字" * 2000, branch="b" * 100, question=question, remark="r" * 200
    )
    data = encode(report)
    assert len(data) <= MAX_BYTES
    found = decode(data)
    assert found is not None
    assert found.question == question


@pytest.mark.parametrize(
    ("found", "read"),
    [
        ({"clone": 1.5, "agent": 20}, ((Phase.CLONE, 1.5), (Phase.AGENT, 20.0))),
        ({"agent": "20", "clone": None, "setup": True, "lunch": 3}, ()),
        ({"agent": float("nan"), "clone": float("inf"), "setup": 10**400}, ()),
        ([["agent", 1]], ()),
        (7, ()),
    ],
)
def test_the_times_of_phases_are_read_as_far_as_they_are_times(found: object, read: object) -> None:
    data = json.dumps({"run_id": "x", "phase": "done", "verdict": "pushed", "phase_seconds": found})
    report = decode(data.encode())
    assert report is not None
    assert report.phase_seconds == read
    assert decode(encode(report)) == report


def test_the_times_of_phases_stand_in_a_report_that_is_full() -> None:
    spent = tuple((phase, 12345.67) for phase in Phase)
    data = encode(Report("x", Phase.DONE, summary="ä" * 4000, phase_seconds=spent))
    assert len(data) <= MAX_BYTES
    report = decode(data)
    assert report is not None
    assert report.phase_seconds == spent
