"""What became of a Run that its place has lost: its Record says it once, and nothing else is taken for lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runs.backend import Moved, Refused, Unavailable, UnknownRun, UnreadableRun
from runs.fake import FakeBackend, FakePlace
from runs.outcome import Ending, Outcome, Seen
from runs.recorded import Recorded
from runs.run import Marks, Run
from runs.store import LogStore
from sandbox.report import Phase, Report, Verdict
from sandbox.task import Task
from tests.runs.contract import BackendContract, Place, origin, start
from tests.runs.played_place import played

NOW = 5000.0
TASK = Task("https://git.example/repo", "do it")
TOLD = Marks(card_id=8, told_at=6000.0, card_closed=True)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    store = LogStore(tmp_path / "logs")
    async with played(lambda backend: Recorded(backend, store, lambda: NOW)) as found:
        yield found


class TestRecorded(BackendContract):
    pass


@pytest.fixture
def inner() -> FakePlace:
    return FakePlace(clock=lambda: NOW - 1000)


@pytest.fixture
def bot(inner: FakePlace, tmp_path: Path) -> Callable[[], Recorded]:
    """Return what makes a new object, as a restarted bot has."""
    return lambda: Recorded(FakeBackend(inner), LogStore(tmp_path / "logs"), lambda: NOW)


async def running(backend: Recorded, number: int = 1) -> Run:
    """Start a Run with a card, and record it."""
    run = await start(backend, TASK, number)
    run = await backend.mark(run, Marks(card_id=8))
    assert await backend.note(run) == run
    return run


async def finished(backend: Recorded, inner: FakePlace, number: int = 1) -> Run:
    """Let a Run end well, and record that."""
    return await end_of(await running(backend, number), backend, inner)


async def end_of(run: Run, backend: Recorded, inner: FakePlace) -> Run:
    inner.finish(run.id, report=Report(run.id, Phase.DONE, Verdict.PUSHED))
    run = await backend.get(run.id)
    await backend.note(run)
    return run


async def told(backend: Recorded, run: Run) -> Run:
    """Do what the bot does for an end: claim, send, acknowledge, and close the card."""
    claimed = await backend.mark(run, replace(run.marks, claimed_at=NOW))
    acknowledged = await backend.acknowledge(claimed, 6000.0)
    assert (await backend.get(run.id)).told
    return await backend.mark(acknowledged, replace(acknowledged.marks, card_closed=True))


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_deleted_run_ends_by_its_record_and_goes_when_people_know_fault_23(
    bot: Callable[[], Recorded], inner: FakePlace, restarted: bool
) -> None:
    first = bot()
    run = await running(first)
    inner.forget(run.id)
    backend = bot() if restarted else first
    (lost,) = await backend.list_runs()
    assert lost.outcome == Outcome(Ending.FAILED, None, Seen.JOB_DELETED)
    assert (lost.id, lost.origin, lost.ended_at, lost.marks) == (
        run.id,
        origin(),
        NOW,
        Marks(card_id=8),
    )
    assert await backend.read_log(run.id) == b""
    assert await backend.cancel(run.id, "Ada") == lost
    done = await told(backend, lost)
    assert done.marks == replace(TOLD, claimed_at=NOW)
    for each in (backend, bot()):
        assert await each.list_runs() == []
        with pytest.raises(UnknownRun):
            await each.get(run.id)


async def test_an_end_that_was_not_told_is_still_that_end_after_the_deletion_fault_23(
    bot: Callable[[], Recorded], inner: FakePlace
) -> None:
    run = await finished(bot(), inner)
    inner.forget(run.id)
    backend = bot()
    (lost,) = await backend.list_runs()
    assert replace(lost, version=run.version) == run
    await told(backend, lost)
    assert await bot().list_runs() == []


@pytest.mark.parametrize("step", ["claimed", "told"])
async def test_marks_of_a_deleted_run_outlive_a_kill_fault_26(
    bot: Callable[[], Recorded], inner: FakePlace, step: str
) -> None:
    first = bot()
    run = await running(first)
    inner.forget(run.id)
    (lost,) = await first.list_runs()
    marked = await first.mark(lost, replace(lost.marks, claimed_at=NOW))
    if step == "told":
        marked = await first.acknowledge(marked, 6000.0)
    second = bot()
    assert await anext(second.changes()) == marked
    assert await second.get(run.id) == marked


async def test_of_two_bots_one_gets_its_claim_in_and_the_other_sees_it_fault_27(
    bot: Callable[[], Recorded], inner: FakePlace
) -> None:
    first, second = bot(), bot()
    run = await running(first)
    await second.note(run)
    inner.forget(run.id)
    lost = [(await each.list_runs())[0] for each in (first, second)]
    assert lost[0] == lost[1]
    claimed = await first.mark(lost[0], replace(lost[0].marks, claimed_at=NOW))
    with pytest.raises(Moved):
        await second.mark(lost[1], replace(lost[1].marks, claimed_at=NOW))
    assert await second.get(run.id) == claimed
    await told(first, claimed)
    assert await second.list_runs() == []


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_told_run_that_was_removed_is_never_found_again_fault_43(
    bot: Callable[[], Recorded], inner: FakePlace, restarted: bool
) -> None:
    backend = bot()
    run = await finished(backend, inner)
    done = await told(backend, run)
    await backend.note(done)
    assert await backend.clean(run.id)
    assert await (bot() if restarted else backend).list_runs() == []


async def test_a_run_told_without_its_record_is_recorded_as_told_at_the_next_look_fault_26(
    bot: Callable[[], Recorded], inner: FakePlace
) -> None:
    run = await finished(bot(), inner)
    # As by a bot whose log store was away: only the place knows.
    await FakeBackend(inner).acknowledge(run, 6000.0)
    backend = bot()
    for seen in await backend.list_runs():
        assert backend.due(seen)
        await backend.note(seen)
    inner.forget(run.id)
    (left,) = await bot().list_runs()
    assert left.told, "only the card is left to be closed"


async def test_a_log_store_that_was_away_is_written_before_anything_is_judged_fault_30(
    bot: Callable[[], Recorded], inner: FakePlace, tmp_path: Path
) -> None:
    backend = bot()
    run = await finished(backend, inner)
    folder = tmp_path / "logs"
    folder.rename(tmp_path / "away")
    folder.write_text("a file where the folder should be")
    done = await told(backend, run)
    with pytest.raises(Unavailable):
        await backend.note(done)
    inner.forget(run.id)
    assert await backend.list_runs() == []
    folder.unlink()
    (tmp_path / "away").rename(folder)
    assert await backend.list_runs() == []
    assert (await LogStore(folder).read_record(run.id)).settled


async def test_a_crash_between_both_told_marks_is_seen_in_the_record_fault_26(
    bot: Callable[[], Recorded], inner: FakePlace
) -> None:
    first = bot()
    run = await finished(first, inner)
    inner.fail_next(Unavailable("killed here"), method="acknowledge")
    with pytest.raises(Unavailable):
        await first.acknowledge(run, 6000.0)
    seen = await bot().get(run.id)
    assert not seen.told
    assert (await bot().note(seen)).told


@pytest.mark.parametrize(
    "error", [Unavailable("away"), Refused("its files can't be read"), UnreadableRun("nonsense")]
)
async def test_a_place_that_does_not_say_that_a_run_is_gone_is_not_overruled_fault_24(
    bot: Callable[[], Recorded], inner: FakePlace, error: Exception
) -> None:
    backend = bot()
    run = await running(backend)
    kept = inner.runs.pop(run.id)
    inner.fail_next(error, method="get")
    assert await backend.list_runs() == []
    inner.fail_next(Unavailable("away"), method="list_runs")
    with pytest.raises(Unavailable):
        await backend.list_runs()
    inner.put(kept)
    assert await backend.list_runs() == [kept]


async def test_the_runs_of_another_place_are_not_missed_here(
    bot: Callable[[], Recorded], inner: FakePlace, tmp_path: Path
) -> None:
    run = await running(bot())
    store = LogStore(tmp_path / "logs")
    other = Recorded(FakeBackend(FakePlace(name="another")), store, lambda: NOW)
    assert await other.list_runs() == []
    assert (await store.read_record(run.id)).run == run


async def test_a_run_that_begins_while_a_list_is_read_is_not_missed(
    inner: FakePlace, tmp_path: Path
) -> None:
    read, go_on = asyncio.Event(), asyncio.Event()

    class Slow(FakeBackend):
        async def list_runs(self) -> list[Run]:
            found = await super().list_runs()
            read.set()
            await go_on.wait()
            return found

        async def get(self, run_id: str) -> Run:
            raise AssertionError("nothing is missed")

    backend = Recorded(Slow(inner), LogStore(tmp_path / "logs"), lambda: NOW)
    listing = asyncio.create_task(backend.list_runs())
    await read.wait()
    run = await running(backend)
    go_on.set()
    assert await listing == []
    assert await backend.list_runs() == [run]


async def test_what_a_place_tells_of_a_deletion_comes_with_the_record_behind_it_fault_23(
    bot: Callable[[], Recorded], inner: FakePlace
) -> None:
    backend = bot()
    run = await running(backend)
    following = backend.changes()
    assert await anext(following) == run
    ended = inner.finish(run.id, Outcome(Ending.FAILED, cause=Seen.JOB_DELETED))
    inner.runs.pop(run.id)
    inner.runs["shown"] = ended
    lost = await anext(following)
    del inner.runs["shown"]
    assert lost.outcome == ended.outcome
    assert await backend.mark(lost, TOLD)
    assert await backend.list_runs() == []
    await following.aclose()


async def test_a_run_that_is_made_anew_after_its_deletion_is_told_anew(
    bot: Callable[[], Recorded], inner: FakePlace
) -> None:
    backend = bot()
    run = await running(backend)
    inner.forget(run.id)
    await told(backend, (await backend.list_runs())[0])
    inner.clock = lambda: NOW + 10
    again = await finished(backend, inner)
    assert again.id == run.id
    kept = await backend.note(again)
    assert not kept.told
    assert await backend.list_runs() == [again]


async def test_a_record_edited_into_nonsense_stops_nothing_fault_31(
    bot: Callable[[], Recorded], inner: FakePlace, tmp_path: Path
) -> None:
    first = bot()
    runs = [await running(first, number) for number in range(3)]
    nonsense = (
        {"where": "memory", "alone": True},
        {"where": 5, "alone": "yes", "marks": []},
        {"version": "seven", "state": "ended", "alone": True, "outcome": {"ending": "failed"}},
    )
    for run, values in zip(runs, nonsense, strict=True):
        inner.forget(run.id)
        path = tmp_path / "logs" / f"{run.id}.json"
        path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **values}), "utf-8")
    backend = bot()
    lost = await backend.list_runs()
    assert {run.id for run in lost} == {runs[0].id, runs[2].id}, "the place of one isn't known"
    for run in lost:
        await told(backend, run)
    assert await backend.list_runs() == []


async def test_a_deleted_run_whose_record_is_pruned_is_no_more(
    bot: Callable[[], Recorded], inner: FakePlace, tmp_path: Path
) -> None:
    backend = bot()
    run = await running(backend)
    inner.forget(run.id)
    assert len(await backend.list_runs()) == 1
    await LogStore(tmp_path / "logs").prune(-60)
    for _ in range(2):
        assert await backend.list_runs() == []
    with pytest.raises(UnknownRun):
        await backend.get(run.id)


async def test_an_old_view_of_a_run_takes_nothing_back_fault_15(
    bot: Callable[[], Recorded], inner: FakePlace, tmp_path: Path
) -> None:
    backend = bot()
    old = await running(backend)
    run = await end_of(old, backend, inner)
    done = await told(backend, run)
    await backend.note(done)
    for view in (replace(old, marks=Marks()), run):
        await backend.note(view)
        record = await LogStore(tmp_path / "logs").read_record(run.id)
        assert (record.run.outcome, record.run.marks) == (run.outcome, done.marks)
        assert record.settled
