"""The Backend as a command uses it: it judges without writing, goes on with one Run alone, and follows a log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any, cast

import pytest

from k8s.api import Rejected
from k8s.log_stream import LogStream
from k8s.structs import ContainerState, ContainerStatus, Metadata, Pod, PodStatus
from k8s.visit import VisitedCluster
from runs.backend import Limits, Refused, UnknownRun
from runs.outcome import Ending, Seen
from runs.run import Run, State, command_line_key, command_line_origin
from tests.k8s.fake_cluster import FakeCluster
from tests.k8s.fake_place import FakeClusterPlace

ADA = command_line_origin("ada")


@pytest.fixture
def visitor(place: FakeClusterPlace) -> VisitedCluster:
    """A visitor who knows no limits."""
    made = place.make()
    visited = VisitedCluster(made._place)
    place._made.append(visited)
    return visited


async def ended(visitor: VisitedCluster, run: Run) -> Run:
    """Tend a Run until it has ended."""
    async with asyncio.timeout(120):
        while not (run := await visitor.tend(run.id)).ended:
            await asyncio.sleep(0.02)
    return run


async def stands(cluster: FakeCluster, name: str, phase: str) -> None:
    """Wait until the Pod of a Job is in a phase."""
    async with asyncio.timeout(120):
        while cluster.objects["pods"].get(name, {}).get("status", {}).get("phase") != phase:
            await asyncio.sleep(0.01)


async def test_what_has_ended_is_judged_and_nothing_is_written(
    place: FakeClusterPlace, visitor: VisitedCluster, cluster: FakeCluster
) -> None:
    good = await visitor.start(command_line_key(), place.task("quick"), ADA)
    bad = await visitor.start(command_line_key(), place.task("failing"), ADA)
    await stands(cluster, f"claude-{good.id}", "Succeeded")
    await stands(cluster, f"claude-{bad.id}", "Failed")
    cluster.requests.clear()
    found = {run.id: run for run in await visitor.list_judged()}
    assert found[good.id].outcome is not None
    assert found[good.id].outcome.ending is Ending.PUSHED
    assert found[bad.id].outcome is not None
    assert found[bad.id].outcome.ending is Ending.FAILED
    assert {method for method, _ in cluster.requests} == {"GET"}


async def test_the_end_of_the_one_run_is_written_and_the_others_are_left_alone(
    place: FakeClusterPlace, visitor: VisitedCluster, cluster: FakeCluster
) -> None:
    bot = place.make(Limits(runs=1))
    first = await bot.start(command_line_key(), place.task("quick"), ADA)
    second = await bot.start(command_line_key(), place.task("quick"), ADA)
    assert second.state is State.QUEUED
    assert (await ended(visitor, first)).outcome is not None
    texts = cluster.objects["jobs"][f"claude-{first.id}"]["metadata"]["annotations"]
    assert texts["claude-sandbox/end"]
    assert cluster.objects["jobs"][f"claude-{second.id}"]["spec"]["suspend"] is True


async def test_who_knows_the_limits_lets_the_run_start_that_waits(
    place: FakeClusterPlace, cluster: FakeCluster
) -> None:
    bot = place.make(Limits(runs=1))
    first = await bot.start(command_line_key(), place.task("quick"), ADA)
    second = await bot.start(command_line_key(), place.task("quick"), ADA)
    knows = VisitedCluster(replace(bot._place))
    place._made.append(knows)
    await ended(knows, first)
    assert (await ended(knows, second)).outcome is not None


async def test_a_pod_that_is_deleted_by_hand_ends_the_run(
    place: FakeClusterPlace, visitor: VisitedCluster, cluster: FakeCluster
) -> None:
    run = await visitor.start(command_line_key(), place.task("slow"), ADA)
    name = f"claude-{run.id}"
    await stands(cluster, name, "Running")
    assert not (await visitor.tend(run.id)).ended
    cluster.controlled = False
    cluster.remove("pods", name)
    cluster._set_status(name, Failed="True")
    found = await ended(visitor, run)
    assert found.outcome is not None
    assert found.outcome.ending is Ending.FAILED


async def test_a_run_that_is_gone_is_unknown(visitor: VisitedCluster) -> None:
    with pytest.raises(UnknownRun):
        await visitor.tend("abcdefgh")


async def test_no_line_of_a_followed_log_comes_twice_or_is_lost_when_the_connection_breaks(
    place: FakeClusterPlace, visitor: VisitedCluster, cluster: FakeCluster
) -> None:
    run = await visitor.start(command_line_key(), place.task("slow"), ADA)
    name = f"claude-{run.id}"
    await stands(cluster, name, "Running")
    seen: list[bytes] = []
    async for line in visitor.follow_log(run.id):
        seen.append(line)
        if line == "▶ done".encode():
            cluster.logs[name] += b"one\n"
            cluster.drop_watches()
        elif line == b"one":
            cluster.drop_watches()
            cluster.logs[name] += b"two\n"
        elif line == b"two":
            cluster.suspend(name, wanted=True)
    assert seen == ["▶ clone".encode(), "▶ done".encode(), b"one", b"two", b"the last words"]


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
async def test_a_container_that_never_begins_is_not_waited_for_when_its_pod_is_over(
    phase: str,
) -> None:
    class Jobs:
        async def stream(self, *_: object) -> AsyncGenerator[bytes, None]:
            raise Rejected(400, "BadRequest", "container is waiting to start: ImagePullBackOff")
            yield b""

        async def read_pod(self, _: str) -> Pod:
            waiting = [ContainerStatus("postgres-sidecar", state=ContainerState())]
            return Pod(Metadata(), PodStatus(phase=phase, init_container_statuses=waiting))

    stream = LogStream(cast(Any, Jobs()), "claude-abcdefgh-x", "postgres-sidecar")
    async with asyncio.timeout(120):
        assert [line async for line in stream.lines(None)] == []


async def test_a_service_that_is_not_beside_the_run_is_refused(
    place: FakeClusterPlace, visitor: VisitedCluster, cluster: FakeCluster
) -> None:
    run = await visitor.start(command_line_key(), place.task("slow"), ADA)
    await stands(cluster, f"claude-{run.id}", "Running")
    with pytest.raises(Refused):
        async for _ in visitor.follow_log(run.id, service="postgres"):
            pass


async def test_what_a_stopped_run_printed_last_is_heard_although_its_pod_goes(
    place: FakeClusterPlace, visitor: VisitedCluster, cluster: FakeCluster
) -> None:
    run = await visitor.start(command_line_key(), place.task("slow"), ADA)
    await stands(cluster, f"claude-{run.id}", "Running")
    found = await ended(visitor, await visitor.cancel(run.id, "ada"))
    assert found.outcome is not None
    assert found.outcome.ending is Ending.CANCELLED
    assert found.outcome.cause is not Seen.LOST
    assert b"the last words" in await visitor.read_log(run.id)
