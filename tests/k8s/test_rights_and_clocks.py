"""What else the surroundings of a cluster do: rights that go, clocks that differ, others who suspend Jobs."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiohttp import web

from k8s import reflector, tending
from k8s.names import job_name
from k8s.place import Patience
from runs.backend import BackendError
from runs.outcome import Ending
from runs.run import State
from tests.k8s.fake_cluster import FakeCluster, refusing, status, times
from tests.k8s.fake_place import FakeClusterPlace
from tests.runs.contract import LIMIT_SECONDS, ended, reached, start

IMPATIENT = Patience(quota=0.0, no_pod=0.0)


@pytest.mark.parametrize(
    ("code", "reason"), [(401, "Unauthorized"), (403, "Forbidden: no rights any more")]
)
async def test_rights_that_were_gone_for_a_while_lose_nothing_fault_17(
    cluster: FakeCluster,
    place: FakeClusterPlace,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    reason: str,
) -> None:
    monkeypatch.setattr(reflector, "FIRST_PAUSE_SECONDS", 0.01)
    backend = place.make()
    run = await start(backend, place.task("slow"))
    following = asyncio.create_task(ended(backend, run))
    await reached(backend, run, lambda seen: seen.report is not None)

    async def denied(_request: web.Request) -> web.StreamResponse:
        return status(code, "", reason)

    cluster.faults.append(denied)
    cluster.drop_watches()
    for call in (
        start(backend, place.task("quick"), 2),
        backend.cancel(run.id, "Ada"),
        backend.list_runs(),
        backend.acknowledge(run, 1.0),
    ):
        with pytest.raises(BackendError, match=reason):
            await call
    await cluster.end(job_name(run.id))
    cluster.faults.clear()
    run = await following
    assert run.outcome is not None
    assert run.outcome.ending is Ending.FAILED
    assert [found.id for found in await backend.list_runs()] == [run.id]
    assert (await backend.acknowledge(run, 1.0)).told


async def test_an_end_that_may_not_be_written_is_complained_of_once_fault_17(
    cluster: FakeCluster,
    place: FakeClusterPlace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(tending, "PAUSE_SECONDS", 0.01)
    refused = 0

    async def denied(request: web.Request) -> web.StreamResponse | None:
        nonlocal refused
        if request.method != "PATCH":
            return None
        refused += 1
        if refused >= 4:
            cluster.faults.clear()
        return status(403, "", "no rights any more")

    cluster.faults.append(denied)
    backend = place.make()
    assert (await ended(backend, await start(backend, place.task("quick")))).outcome is not None
    assert refused == 4
    assert caplog.text.count("no rights any more") == 1


async def test_a_job_that_may_not_be_deleted_does_not_end_the_sweep_fault_17(
    cluster: FakeCluster, place: FakeClusterPlace, caplog: pytest.LogCaptureFixture
) -> None:
    backend = place.make(ttl_seconds=0)
    run = await start(backend, place.task("slow"))
    await reached(backend, run, lambda seen: seen.report is not None)
    await backend.cancel(run.id, "Ada")
    await backend.acknowledge(await ended(backend, run), 1.0)
    cluster.faults.append(times(2, "DELETE", "/jobs/", refusing(403, "", "no right to delete")))
    for _ in range(2):
        await backend.sweep()
        assert [found.id for found in await backend.list_runs()] == [run.id]
    assert caplog.text.count("no right to delete") == 1
    await backend.sweep()
    assert await backend.list_runs() == []


async def test_the_events_of_a_job_without_a_pod_are_read_at_times_only(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    cluster.controlled = False
    cluster.job_events = [{"reason": "FailedCreate", "message": "exceeded quota: small"}]
    backend = place.make(patience=Patience(quota=3600.0, no_pod=0.3))
    following = asyncio.create_task(ended(backend, await start(backend, place.task("quick"))))
    reads: list[float] = []
    async with asyncio.timeout(LIMIT_SECONDS):
        while len(reads) < 3:
            await backend.sweep()
            if sum("/events" in address for _, address in cluster.requests) > len(reads):
                reads.append(time.monotonic())
    assert reads[2] - reads[0] >= 0.5
    following.cancel()


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_a_clock_that_is_wrong_puts_no_run_out_of_order_fault_24(
    place: FakeClusterPlace, minutes: int
) -> None:
    backend = place.make(clock=lambda: time.time() + minutes * 60)
    run = await ended(backend, await start(backend, place.task("quick")))
    assert run.outcome is not None
    assert run.outcome.ending is Ending.PUSHED
    assert run.started_at is not None
    assert run.ended_at is not None
    assert run.created_at <= run.started_at <= run.ended_at
    assert abs(run.created_at - time.time()) < 60, "the cluster's clock counts"
    assert await place.make().list_runs() == [run]


async def test_a_run_that_somebody_else_suspends_waits_as_long_as_that_takes_fault_24(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    """Kueue suspends a Job until there is room for it, and lets it go on."""
    cluster.controlled = False
    backend = place.make(patience=IMPATIENT)
    run = await start(backend, place.task("quick"))
    cluster.edit("jobs", job_name(run.id), lambda job: job["spec"].update(suspend=True))
    cluster.job_events = [{"reason": "FailedCreate", "message": "exceeded quota: of before"}]
    following = asyncio.create_task(ended(backend, run))
    for _ in range(3):
        await backend.sweep()
        assert (await backend.get(run.id)).state is State.RUNNING
    assert not following.done()
    cluster.job_events = []
    cluster.controlled = True
    cluster.edit("jobs", job_name(run.id), lambda job: job["spec"].update(suspend=False))
    cluster._control(job_name(run.id))
    run = await following
    assert run.outcome is not None
    assert run.outcome.ending is Ending.PUSHED


async def test_hundreds_that_ended_while_the_api_server_was_away_are_all_found_fault_24(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make()
    runs = [await start(backend, place.task("quick"), number) for number in range(200)]
    await backend.close()
    second = place.make()
    missing = {run.id for run in runs}
    async with asyncio.timeout(LIMIT_SECONDS * 2):
        async for run in second.changes():
            if run.ended:
                missing.discard(run.id)
            if not missing:
                break
    assert len(cluster.objects["jobs"]) == 200
