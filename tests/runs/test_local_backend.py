from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import time
from dataclasses import replace
from pathlib import Path

import pytest

from runs import durable
from runs.backend import Limits, Refused, Unavailable, UnknownRun
from runs.keeper import EXIT
from runs.local_files import ADMITTED, MARKS, REPORT, TASK, WORKSPACE, RunFolder
from runs.outcome import Ending, Seen
from runs.run import Marks, Run, State, run_id
from sandbox import report as reports
from sandbox.report import Phase, Report, Verdict
from tests.runs.contract import (
    LIMIT_SECONDS,
    BackendContract,
    ended,
    origin,
    reached,
    start,
    stopped,
)
from tests.runs.local_places import StandInPlace


class TestLocalBackend(BackendContract):
    pass


def folder(place: StandInPlace, run: Run) -> Path:
    return place.state / "runs" / run.id


async def test_options_that_need_a_container_are_said_to_be_ignored(place: StandInPlace) -> None:
    assert place.make().ignored_options == {"memory", "cpu", "image", "services"}


async def test_the_program_gets_its_task_and_neither_it_nor_the_disk_gets_a_key(
    place: StandInPlace,
) -> None:
    keys = {"GITHUB_TOKEN": "key-for-git", "TELEGRAM_BOT_TOKEN": "key-for-chat"}
    settings = place.settings(agent="scripted")
    backend = place.make(environment={**settings.environment, **keys}, agent="scripted")
    task = replace(place.task("environment"), branch="next", timeout_seconds=77)
    run = await start(backend, task)
    await ended(backend, run)
    printed = (await backend.read_log(run.id)).splitlines()[1]
    found = json.loads(printed)
    assert not {"GITHUB_TOKEN", "TELEGRAM_BOT_TOKEN"} & found.keys()
    assert found["SANDBOX_BROKER"].startswith("http://127.0.0.1:")
    assert b"key-for" not in printed
    assert (found["TASK"], found["REPO_BRANCH"]) == ("environment", "next")
    assert (found["SANDBOX_AGENT"], found["SANDBOX_TIMEOUT"]) == ("scripted", "77")
    assert Path(found["SANDBOX_WORKSPACE"]) == folder(place, run) / WORKSPACE
    for path in place.state.rglob("*"):
        if path.is_file() and path.name != "log":
            assert b"key-for-git" not in path.read_bytes()


async def test_a_state_folder_may_be_named_from_where_the_bot_is(
    place: StandInPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    backend = place.make(state=Path("state"))
    run = await ended(backend, await start(backend, place.task("quick")))
    assert run.outcome is not None
    assert run.outcome.ended_well


@pytest.mark.parametrize(
    ("prompt", "words"),
    [("a\0b", "NUL"), ("a\ud83d", "Unicode"), ("x" * 131_072, "too long")],
)
async def test_a_task_that_no_process_can_be_given_is_refused(
    place: StandInPlace, prompt: str, words: str
) -> None:
    backend = place.make()
    with pytest.raises(Refused, match=words):
        await start(backend, replace(place.task("quick"), prompt=prompt))
    assert await backend.list_runs() == []


async def test_a_program_that_cannot_be_started_is_an_outcome(place: StandInPlace) -> None:
    backend = place.make(program=("/nowhere/sandbox",))
    run = await ended(backend, await start(backend, place.task("quick")))
    assert run.outcome is not None
    assert run.outcome.cause is Seen.NOT_STARTED
    assert run.outcome.error == "/nowhere/sandbox: No such file or directory"


async def test_exit_0_without_a_report_is_not_believed_fault_33(place: StandInPlace) -> None:
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("silent")))
    assert run.outcome is not None
    assert run.outcome.cause is Seen.NO_REPORT


async def test_a_program_that_ignores_sigterm_is_killed_with_all_it_left_fault_37(
    place: StandInPlace,
) -> None:
    backend = place.make(grace_seconds=0.2)
    run = await start(backend, place.task("stubborn daemon"))
    daemon = await _daemon(place, run)
    await backend.cancel(run.id, "Ada")
    run = await ended(backend, run)
    assert run.outcome is not None
    assert (run.outcome.ending, run.outcome.cause) == (Ending.CANCELLED, Seen.KILLED)
    assert not _lives(daemon)


async def test_nothing_that_a_run_left_behind_outlives_it_fault_37(place: StandInPlace) -> None:
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("daemon")))
    assert not _lives(await _daemon(place, run))


async def test_what_the_agent_writes_over_our_files_is_not_believed_fault_32(
    place: StandInPlace,
) -> None:
    backend = place.make()
    run = await start(backend, place.task("slow"))
    await reached(backend, run, lambda seen: seen.report is not None)
    forged = Report("aaaaaaaa", Phase.DONE, Verdict.PUSHED, branch="main", pushed=True)
    (folder(place, run) / EXIT).write_text('{"code": 0, "at": 1}')
    (folder(place, run) / REPORT).write_bytes(reports.encode(forged))
    seen = await backend.get(run.id)
    assert (seen.state, seen.report) == (State.RUNNING, None)
    (folder(place, run) / REPORT).write_bytes(reports.encode(replace(forged, run_id=run.id)))
    process = place.starts()[0][1]
    os.kill(process, 9)
    run = await ended(backend, run)
    assert run.outcome is not None
    assert run.outcome.cause is Seen.KILLED
    assert run.report == Report(run.id, Phase.DONE)


async def test_a_pipe_or_link_in_place_of_a_file_shows_nothing_and_stops_nobody(
    place: StandInPlace, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("quick")))
    (folder(place, run) / "log").unlink()
    (folder(place, run) / "log").symlink_to(tmp_path / "secret")
    (folder(place, run) / REPORT).unlink()
    os.mkfifo(folder(place, run) / REPORT)
    with pytest.raises(Unavailable):
        await backend.read_log(run.id)
    assert (await backend.get(run.id)).report is None


async def test_a_told_run_lets_go_of_its_workspace_and_later_of_everything(
    place: StandInPlace,
) -> None:
    now = 1000.0
    backend = place.make(clock=lambda: now, ttl_seconds=60.0)
    run = await ended(backend, await start(backend, place.task("quick")))
    (folder(place, run) / WORKSPACE / "big").mkdir(mode=0o500)
    await backend.sweep()
    assert (folder(place, run) / WORKSPACE / "big").exists()
    await backend.acknowledge(run, now)
    assert not (folder(place, run) / WORKSPACE).exists()
    assert await backend.read_log(run.id)
    assert run.ended_at is not None
    now = run.ended_at + 59
    await backend.sweep()
    assert list((place.state / "trash").iterdir()) == []
    assert (await backend.get(run.id)).told
    now = run.ended_at + 60
    await backend.sweep()
    with pytest.raises(UnknownRun):
        await backend.get(run.id)
    assert list((place.state / "trash").iterdir()) == []


async def test_a_sweep_tells_what_another_object_did(place: StandInPlace) -> None:
    following, other = place.make(), place.make()
    async with asyncio.timeout(LIMIT_SECONDS):
        async with contextlib.aclosing(following.changes()) as changes:
            next_change = asyncio.ensure_future(anext(changes))
            run = await start(other, place.task("quick"))
            await following.sweep()
            assert (await next_change).id == run.id


async def test_a_folder_that_is_not_a_run_stops_nobody_fault_31(
    place: StandInPlace, caplog: pytest.LogCaptureFixture
) -> None:
    backend = place.make()
    good = await ended(backend, await start(backend, place.task("quick"), 1))
    bad = await ended(backend, await start(backend, place.task("quick"), 2))
    runs = place.state / "runs"
    for name in ("aaaaaaaa", "bbbbbbbb", "cccccccc", "notes.txt", "Foreign Folder"):
        (runs / name).mkdir()
    (runs / "bbbbbbbb" / TASK).write_bytes(b"\xff{")
    (runs / "cccccccc" / TASK).write_bytes((folder(place, good) / TASK).read_bytes())
    (runs / "dddddddd").write_text("a file")
    (runs / "eeeeeeee").symlink_to("eeeeeeee")
    (runs / "ffffffff" / TASK).mkdir(parents=True)
    (folder(place, bad) / TASK).write_text('{"key": 5, "task": [], "origin": null}')
    for _ in range(3):
        await backend.sweep()
    assert await backend.list_runs() == [good]
    warnings = [record for record in caplog.records if "can't be read as a run" in record.message]
    assert len(warnings) == 9
    with pytest.raises(Refused):
        await backend.get(bad.id)
    with pytest.raises(Refused):
        await start(backend, place.task("quick"), 2)
    assert (await ended(backend, await start(backend, place.task("quick"), 3))).ended


async def test_garbage_in_a_small_file_counts_as_nothing_in_it_fault_31(
    place: StandInPlace,
) -> None:
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("quick")))
    run = await backend.mark(run, Marks(card_id=5))
    for name in (MARKS, EXIT, ADMITTED):
        (folder(place, run) / name).write_bytes(b"\0\0garbage")
    run = await backend.get(run.id)
    assert run.marks == Marks()
    assert run.outcome is not None
    assert run.outcome.cause is Seen.LOST


async def test_without_free_files_nothing_is_taken_for_gone_fault_30(place: StandInPlace) -> None:
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("quick")))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        with pytest.raises(Unavailable, match="Too many open files"):
            await backend.list_runs()
        with pytest.raises(Unavailable, match="Too many open files"):
            await place.make().get(run.id)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert await backend.list_runs() == [run]


async def test_a_full_disk_is_said_and_nothing_is_half_made_fault_30(place: StandInPlace) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    place.state.mkdir()
    mounting = await asyncio.create_subprocess_exec(
        "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place.state)
    )
    if await mounting.wait():
        pytest.skip("no small disk can be mounted here")
    try:
        backend = place.make()
        (place.state / "filler").write_bytes(b"x" * 60 * 1024)
        task = replace(place.task("quick"), prompt="x" * 20_000)
        with pytest.raises(Unavailable, match="disk of the folder for runs is full"):
            await start(backend, task)
        assert await backend.list_runs() == []
        assert list((place.state / "new").iterdir()) == []
        (place.state / "filler").unlink()
        run = await ended(backend, await start(backend, task))
        assert run.outcome is not None
        assert run.outcome.ended_well
    finally:
        unmounting = await asyncio.create_subprocess_exec("umount", "-l", str(place.state))
        await unmounting.wait()


async def test_a_run_of_a_gone_state_folder_is_unknown(place: StandInPlace) -> None:
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("quick")))
    place.state.rename(place.state.with_name("moved"))
    with pytest.raises(UnknownRun):
        await backend.mark(run, Marks(card_id=1))
    assert await backend.list_runs() == []


async def test_two_hundred_runs_wait_their_turn_fault_44(place: StandInPlace) -> None:
    backend = place.make(Limits(runs=1, runs_per_person=1))
    slow = await start(backend, place.task("slow"), 0)
    task = place.task("quick")
    await asyncio.gather(*(start(backend, task, number) for number in range(1, 201)))
    first, *waiting = await backend.list_runs()
    assert first.id == slow.id
    assert [run.place for run in waiting] == list(range(1, 201))
    impatient = place.make(Limits(runs=1, queue_seconds=0.001))
    await impatient.sweep()
    assert [run.id for run in await impatient.list_runs() if not run.ended] == [slow.id]
    await stopped(backend, slow)
    assert {name for name, _ in place.starts()} <= {slow.id}


async def test_nobody_is_given_a_place_while_another_decides_fault_27(
    place: StandInPlace,
) -> None:
    backend = place.make(Limits(runs=1))
    watcher = place.make(Limits(runs=0), clock=lambda: time.time() + 1000)
    newer = await start(watcher, place.task("slow"), 1)
    with durable.guarded(place.state / "admission"):
        starting = asyncio.create_task(start(backend, place.task("quick"), 2))
        async with asyncio.timeout(LIMIT_SECONDS):
            while len(await place.make(Limits(runs=0)).list_runs()) < 2:
                await asyncio.sleep(0.01)
        for _ in range(20):  # time for one who wouldn't wait; nothing is asserted about it
            await place.make(Limits(runs=0)).list_runs()
        RunFolder(folder(place, newer)).admit(time.time())
    assert (await starting).state is State.QUEUED
    await backend.sweep()
    await backend.cancel(newer.id, "Ada")
    await ended(backend, await starting)


async def test_the_origin_survives_as_it_was(place: StandInPlace) -> None:
    run = await place.make(Limits(runs=0)).start("k", place.task("quick"), origin(3, 4))
    assert (await place.make(Limits(runs=0)).get(run_id("k"))).origin == run.origin


async def _daemon(place: StandInPlace, run: Run) -> int:
    """Wait for the process that a task with "daemon" leaves behind."""
    log = folder(place, run) / "log"
    async with asyncio.timeout(LIMIT_SECONDS):
        while not log.exists() or b"daemon" not in log.read_bytes():
            await asyncio.sleep(0.01)
    line = next(line for line in log.read_text().splitlines() if line.startswith("daemon"))
    return int(line.split()[1])


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
