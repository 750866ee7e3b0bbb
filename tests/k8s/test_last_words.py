"""The log of a Run that was stopped outlives its Pod."""

from __future__ import annotations

import asyncio

from k8s.names import job_name
from runs.outcome import Ending
from tests.k8s.fake_cluster import FakeCluster, refusing, times
from tests.k8s.fake_place import FakeClusterPlace
from tests.runs.contract import ended, reached, start

WHOLE = "▶ clone\n▶ done\nthe last words\n".encode()


async def test_the_log_of_a_stopped_run_is_there_when_its_pod_is_gone_fault_22(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend, other = place.make(), place.make()
    run = await start(backend, place.task("slow"))
    following = asyncio.create_task(ended(other, run))
    await reached(backend, run, lambda seen: seen.report is not None)
    await backend.cancel(run.id, "Ada")
    run = await ended(backend, run)
    assert run.outcome is not None
    assert run.outcome.ending is Ending.CANCELLED
    assert not cluster.objects["pods"]
    assert await following == run
    for each in (backend, other):
        assert await each.read_log(run.id) == WHOLE
        assert await each.read_log(run.id, tail_bytes=6) == WHOLE[-6:]
        assert await each.read_log(run.id, tail_bytes=0) == b""
    assert await place.make().read_log(run.id) == b""


async def test_what_was_told_is_not_kept_in_memory(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make()
    runs = [await start(backend, place.task("slow"), number) for number in range(2)]
    for run in runs:
        await reached(backend, run, lambda seen: seen.report is not None)
        await backend.cancel(run.id, "Ada")
        await ended(backend, run)
    await backend.acknowledge(runs[0], 5.0)
    cluster.remove("jobs", job_name(runs[1].id))
    await ended(backend, await start(backend, place.task("quick"), 3))
    await backend.sweep()
    assert not backend._tending.last_words.runs


async def test_a_log_that_cannot_be_heard_is_no_reason_to_stop(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    cluster.faults.append(times(9, "GET", "follow=true", refusing(500, "", "kubelet is away")))
    backend = place.make()
    run = await start(backend, place.task("slow"))
    await reached(backend, run, lambda seen: seen.report is not None)
    await backend.cancel(run.id, "Ada")
    await ended(backend, run)
    assert await backend.read_log(run.id) == b""


async def test_a_kubelets_excuse_for_a_log_that_is_gone_is_no_log_fault_22(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("quick")))
    excuse = b"unable to retrieve container logs for containerd://3cc41a767b4c31d7"
    cluster.logs[job_name(run.id)] = excuse
    assert await backend.read_log(run.id) == b""
    assert await backend.read_log(run.id, tail_bytes=99) == b""
    cluster.logs[job_name(run.id)] = b"the agent said: " + excuse
    assert await backend.read_log(run.id) == b"the agent said: " + excuse
