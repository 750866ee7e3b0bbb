from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from runs.backend import Limits, Unavailable, UnknownRun
from runs.fake import FakeBackend, FakePlace
from runs.outcome import Ending, Exit, Outcome, Seen
from runs.run import Marks, State, run_id
from sandbox.report import Phase, Report
from sandbox.task import Task
from tests.runs.contract import BackendContract, Place, origin, reached, start
from tests.runs.played_place import played


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with played(lambda backend: backend) as found:
        yield found


class TestFakeBackend(BackendContract):
    pass


TASK = Task("file:///repo", "do it")


async def test_a_test_can_end_a_run_as_it_likes() -> None:
    backend = FakeBackend()
    run = await start(backend, TASK)
    ended = backend.place.finish(run.id, Outcome(Ending.FAILED, cause=Seen.LOST))
    assert ended.outcome == Outcome(Ending.FAILED, cause=Seen.LOST)
    with pytest.raises(ValueError, match="not running"):
        backend.place.finish(run.id)


async def test_a_finished_run_is_judged_by_its_last_report() -> None:
    backend = FakeBackend()
    run = await start(backend, TASK)
    backend.place.progress(run.id, Report(run.id, Phase.AGENT), b"one\n")
    ended = backend.place.finish(run.id, program_exit=Exit(None, 9))
    assert ended.outcome is not None
    assert ended.outcome.cause is Seen.KILLED
    assert ended.report == Report(run.id, Phase.AGENT)
    assert await backend.read_log(run.id) == b"one\n"


@pytest.mark.parametrize("persisted", [False, True])
async def test_a_promised_failure_comes_once_before_or_after_the_effect_fault_2(
    persisted: bool,
) -> None:
    backend = FakeBackend()
    backend.place.fail_next(Unavailable("later"), persisted=persisted)
    with pytest.raises(Unavailable):
        await start(backend, TASK)
    assert len(await backend.list_runs()) == int(persisted)
    run = await start(backend, TASK)
    assert backend.place.starts[run.id] == 1


async def test_a_held_start_waits_until_it_is_released() -> None:
    backend = FakeBackend()
    backend.place.hold()
    starting = asyncio.create_task(start(backend, TASK))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not starting.done()
    assert await backend.list_runs() == []
    backend.place.release()
    assert (await starting).state is State.RUNNING


async def test_a_disobedient_place_leaves_a_cancelled_run_running() -> None:
    backend = FakeBackend(FakePlace(obedient=False))
    run = await start(backend, TASK)
    run = await backend.cancel(run.id, "Ada")
    assert (run.state, run.cancelled_by) == (State.RUNNING, "Ada")
    ended = backend.place.finish(run.id, program_exit=Exit(None, 15))
    assert ended.outcome is not None
    assert ended.outcome.ending is Ending.CANCELLED


async def test_time_is_the_tests_own() -> None:
    now = 1000.0
    place = FakePlace(limits=Limits(runs=1, queue_seconds=60), clock=lambda: now, ttl_seconds=50)
    backend = FakeBackend(place)
    first, second = await start(backend, TASK, 1), await start(backend, TASK, 2)
    now += 60
    await backend.sweep()
    assert (await backend.get(second.id)).ended_at == now
    await backend.acknowledge(second, now)
    now += 49
    await backend.sweep()
    assert (await backend.get(second.id)).told
    now += 1
    await backend.sweep()
    with pytest.raises(UnknownRun):
        await backend.get(second.id)
    assert (await backend.get(first.id)).state is State.RUNNING


async def test_what_a_hand_removed_is_unknown() -> None:
    backend = FakeBackend()
    run = await start(backend, TASK)
    backend.place.forget(run.id)
    with pytest.raises(UnknownRun):
        await backend.mark(run, Marks())


async def test_a_key_has_one_id_everywhere() -> None:
    backend = FakeBackend()
    run = await backend.start("any key", TASK, origin())
    assert run.id == run_id("any key")
    assert await reached(backend, run, lambda seen: True) == run
