"""An API server that is too old for our Jobs: told once, and harmless."""

from __future__ import annotations

import asyncio

import pytest

from k8s.version import ServerVersion, too_old
from runs.backend import Refused, Unavailable
from tests.k8s.fake_cluster import FakeCluster, refusing, times
from tests.k8s.fake_place import FakeClusterPlace
from tests.runs.contract import ended, reached, start

SENTENCE = "Kubernetes 1.30 or newer is needed; this one is 1.27."


@pytest.mark.parametrize(
    ("major", "minor", "sentence"),
    [
        ("1", "30", None),
        ("1", "37", None),
        ("1", "33+", None),
        ("2", "0", None),
        ("1", "27", SENTENCE),
        ("1", "27+", SENTENCE),
        ("1", "28", SENTENCE.replace("27", "28")),
        ("1", "29", SENTENCE.replace("27", "29")),
        ("0", "99", SENTENCE.replace("1.27", "0.99")),
        ("", "", None),
        ("one", "27", None),
        ("1", "latest", None),
    ],
)
def test_a_cluster_is_too_old_below_1_30(major: str, minor: str, sentence: str | None) -> None:
    assert too_old(ServerVersion(major, minor)) == sentence


async def test_an_old_cluster_is_told_once_and_refuses_each_run_until_it_is_renewed(
    cluster: FakeCluster, place: FakeClusterPlace, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.server_version = {"major": "1", "minor": "27+", "gitVersion": "v1.27.16-eks"}
    backend = place.make()
    changes = backend.changes()
    following = asyncio.ensure_future(anext(changes))
    async with asyncio.timeout(60):
        while SENTENCE not in caplog.text:
            await asyncio.sleep(0.01)
    for number in range(3):
        with pytest.raises(Refused, match=SENTENCE.replace(".", r"\.")):
            await start(backend, place.task("quick"), number)
    assert await backend.list_runs() == []
    await backend.sweep()
    cluster.server_version = {"major": "1", "minor": "30"}
    run = await start(backend, place.task("quick"))
    assert (await following).id == run.id
    await reached(backend, run, lambda seen: seen.ended)
    assert caplog.text.count(SENTENCE) == 1


@pytest.mark.parametrize("code", [403, 404])
async def test_a_cluster_that_keeps_its_version_to_itself_is_used(
    cluster: FakeCluster, place: FakeClusterPlace, code: int
) -> None:
    cluster.faults.append(times(9, "GET", "/version", refusing(code)))
    backend = place.make()
    await ended(backend, await start(backend, place.task("quick")))


async def test_a_version_that_cannot_be_read_now_is_read_at_the_next_try_fault_24(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    cluster.faults.append(times(1, "GET", "/version", refusing(503)))
    backend = place.make()
    with pytest.raises(Unavailable):
        await start(backend, place.task("quick"))
    await ended(backend, await start(backend, place.task("quick"), 1))
    await start(backend, place.task("nothing"), 2)
    assert [path for _, path in cluster.requests].count("/version") == 2
