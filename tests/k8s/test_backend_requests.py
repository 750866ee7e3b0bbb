"""What is followed is known without asking, and no decision is made on what is known too old."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from runs.backend import Backend, Moved
from runs.run import Marks
from tests.k8s.fake_cluster import FakeCluster, streaming, times
from tests.k8s.fake_place import FakeClusterPlace
from tests.runs.contract import ended, reached, start


@contextlib.asynccontextmanager
async def followed(backend: Backend) -> AsyncIterator[None]:
    """Follow a Backend's changes beside what is done."""

    async def follow() -> None:
        async for _run in backend.changes():
            pass

    following = asyncio.create_task(follow())
    try:
        yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def about_one_run(cluster: FakeCluster) -> list[str]:
    """Return the methods of the requests about one Job or Pod; lists and watches come when they are due."""
    return [method for method, address in cluster.requests if "labelSelector" not in address]


async def test_a_run_that_is_followed_is_known_without_a_request(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("quick")))
    before = len(about_one_run(cluster))
    assert await backend.get(run.id) == run
    marked = await backend.mark(run, Marks(card_id=1))
    assert await backend.get(run.id) == marked
    assert (await backend.acknowledge(run, 2.0)).marks == Marks(card_id=1, told_at=2.0)
    assert about_one_run(cluster)[before:] == ["PATCH", "PATCH"]
    assert await place.make().get(run.id) == await backend.get(run.id)


async def test_within_one_process_a_lost_race_costs_no_request(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("quick")))
    before = len(about_one_run(cluster))
    found = await asyncio.gather(
        backend.mark(run, Marks(card_id=1)),
        backend.mark(run, Marks(claimed_at=1.0)),
        backend.acknowledge(run, 2.0),
        return_exceptions=True,
    )
    assert isinstance(found[1], Moved)
    assert (await backend.get(run.id)).marks == Marks(card_id=1, told_at=2.0)
    assert about_one_run(cluster)[before:] == ["PATCH", "PATCH"]


async def test_a_bot_whose_watch_is_silent_gets_its_marks_in_all_the_same_fault_16(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend, other = place.make(), place.make()
    run = await start(backend, place.task("slow"))
    watch = "/jobs?labelSelector=app%3Dclaude-sandbox&watch"
    cluster.faults.append(times(1, "GET", watch, streaming(silent=True)))
    async with followed(backend):
        run = await reached(backend, run, lambda seen: seen.report is not None)
        theirs = await other.mark(await other.get(run.id), Marks(card_id=5))
        with pytest.raises(Moved):
            await backend.mark(await backend.get(run.id), Marks(card_id=6))
        assert (await backend.get(run.id)).marks == theirs.marks
        await other.mark(theirs, Marks(card_id=7))
        assert (await backend.acknowledge(run, 2.0)).marks == Marks(card_id=7, told_at=2.0)


async def test_bots_that_follow_and_storm_each_other_all_get_their_marks_in_fault_16(
    place: FakeClusterPlace,
) -> None:
    backends = [place.make() for _ in range(3)]
    run = await start(backends[0], place.task("slow"))

    async def count(backend: Backend) -> None:
        for _ in range(5):
            while True:
                seen = await backend.get(run.id)
                try:
                    await backend.mark(seen, Marks(card_id=(seen.marks.card_id or 0) + 1))
                    break
                except Moved:
                    continue

    async with contextlib.AsyncExitStack() as stack:
        for backend in backends:
            await stack.enter_async_context(followed(backend))
            await reached(backend, run, lambda seen: seen.report is not None)
        await asyncio.gather(*(count(backend) for backend in backends))
    assert (await place.make().get(run.id)).marks.card_id == 15
