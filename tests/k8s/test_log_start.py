"""A log whose beginning the cluster has thrown away: that is said before the rest."""

from __future__ import annotations

import datetime

import pytest

from k8s import api
from k8s.names import job_name
from runs.run import Run
from tests.k8s.fake_cluster import FakeCluster
from tests.k8s.fake_place import FakeClusterPlace
from tests.runs.contract import ended, start

FOREIGN = b"[sandbox] started\n[sandbox] ended\n"


async def over(cluster: FakeCluster, place: FakeClusterPlace, log: bytes, late: float) -> Run:
    """Let a Run end whose log begins so many seconds after its container."""
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("quick")))
    cluster.logs[job_name(run.id)] = log
    state = cluster.objects["pods"][job_name(run.id)]["status"]["containerStatuses"][0]["state"]
    begun = datetime.datetime.fromisoformat(state["terminated"]["startedAt"])
    first = begun + datetime.timedelta(seconds=late)
    cluster.first_line_at = first.strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    return run


@pytest.mark.parametrize(
    ("late", "said"),
    [(0, None), (9, None), (11, "printed 11 s after the start"), (1500, "printed 25 min after")],
)
async def test_what_is_gone_of_a_foreign_images_log_is_said_fault_22(
    cluster: FakeCluster, place: FakeClusterPlace, late: float, said: str | None
) -> None:
    run = await over(cluster, place, FOREIGN, late)
    backend = place.make()
    for printed in (await backend.read_log(run.id), await backend.read_log(run.id, tail_bytes=999)):
        first, _, rest = printed.partition(b"\n")
        if said is None:
            assert printed == FOREIGN
        else:
            assert said in first.decode()
            assert first.startswith(b"[claude-sandbox] ")
            assert rest == FOREIGN
    assert await backend.read_log(run.id, tail_bytes=6) == FOREIGN[-6:]


async def test_a_log_of_our_own_costs_no_look_at_its_beginning(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    log = "▶ clone\nlast\n".encode()
    run = await over(cluster, place, log, 1500)
    backend = place.make()
    assert await backend.read_log(run.id) == log
    assert not [path for _, path in cluster.requests if "timestamps" in path]


async def test_a_beginning_that_cannot_be_looked_at_hides_no_log(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    run = await over(cluster, place, FOREIGN, 1500)
    cluster.first_line_at = "soon"
    assert await place.make().read_log(run.id) == FOREIGN


async def test_of_a_log_that_is_too_long_the_end_is_read_and_that_is_said(
    cluster: FakeCluster, place: FakeClusterPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = b"".join(b"line %d\n" % number for number in range(300_000))
    monkeypatch.setattr(api, "MAX_LOG_BYTES", 1 << 20)
    monkeypatch.setattr("k8s.backend.MAX_LOG_BYTES", 1 << 20)
    run = await over(cluster, place, log, 0)
    first, _, rest = (await place.make().read_log(run.id)).partition(b"\n")
    assert first.decode() == "[claude-sandbox] This log is longer than 1 MiB: here is its end."
    assert rest == log[-1 << 20 :]
