"""What the API server can answer to a request of the Backend, and what is made of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from k8s.names import job_name
from k8s.place import Patience
from runs.backend import BackendError, Limits, Moved, Refused, Unavailable, UnknownRun
from runs.outcome import Ending, Seen
from runs.run import Marks, State
from tests.k8s.fake_cluster import FakeCluster, kubeconfig, refusing, status, times
from tests.k8s.fake_place import FakeClusterPlace
from tests.runs.contract import ended, origin, reached, start

ENDED_POD = {
    "phase": "Failed",
    "containerStatuses": [{"name": "claude", "state": {"terminated": {"exitCode": 1}}}],
}


@pytest.mark.parametrize(
    ("code", "message", "kind", "words"),
    [
        (403, "exceeded quota: small", Unavailable, "The cluster is full: exceeded quota: small"),
        (403, "violates PodSecurity", Refused, "The cluster refuses: violates PodSecurity"),
        (403, "denied by policy", Refused, "denied by policy"),
        (422, "memory is invalid", Refused, "memory is invalid"),
        (404, 'namespaces "x" not found', Refused, 'namespaces "x" not found'),
        (400, "strict decoding error", Refused, "strict decoding error"),
        (500, "etcd is slow", Unavailable, "doesn't answer now"),
        (503, "", Unavailable, "doesn't answer now"),
        (429, "too many", Unavailable, "too many"),
        (401, "Unauthorized", Unavailable, "Unauthorized"),
    ],
)
async def test_a_refused_create_says_why_and_whether_to_try_again_fault_12(
    cluster: FakeCluster,
    place: FakeClusterPlace,
    code: int,
    message: str,
    kind: type[BackendError],
    words: str,
) -> None:
    cluster.faults.append(times(1, "POST", "/jobs", refusing(code, "", message)))
    backend = place.make()
    with pytest.raises(kind, match=words):
        await start(backend, place.task("quick"))
    assert await backend.list_runs() == []
    assert (await ended(backend, await start(backend, place.task("quick")))).ended


async def test_a_create_that_was_carried_out_unheard_is_met_again_fault_12(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    async def unheard(request: web.Request) -> web.StreamResponse:
        cluster._create("jobs", await request.json())
        return status(504, "Timeout", "the request did not end in time")

    cluster.faults.append(times(1, "POST", "/jobs", unheard))
    backend = place.make()
    with pytest.raises(Unavailable):
        await start(backend, place.task("quick"))
    run = await start(backend, place.task("quick"))
    assert [found.id for found in await backend.list_runs()] == [run.id]
    assert len(cluster.objects["jobs"]) == 1


async def test_the_job_of_another_key_is_not_taken_for_ours_fault_12(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make()
    run = await start(backend, place.task("quick"))
    text = cluster.objects["jobs"][job_name(run.id)]["metadata"]["annotations"][
        "claude-sandbox/asked"
    ]
    foreign = {"claude-sandbox/asked": text.replace("message:-100123:1", "another")}
    cluster.edit(
        "jobs", job_name(run.id), lambda job: job["metadata"]["annotations"].update(foreign)
    )
    with pytest.raises(BackendError):
        await start(place.make(), place.task("quick"))


@pytest.mark.parametrize("code", [409, 422])
async def test_a_storm_of_conflicts_ends_in_one_truth_fault_16(
    cluster: FakeCluster, place: FakeClusterPlace, code: int
) -> None:
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("quick")))
    cluster.faults.append(times(4, "PATCH", "/jobs/", refusing(code, "Conflict", "modified")))
    assert (await backend.acknowledge(run, 5.0)).marks == Marks(told_at=5.0)


async def test_bots_that_storm_each_other_all_get_their_marks_in_fault_16(
    place: FakeClusterPlace,
) -> None:
    backends = [place.make() for _ in range(4)]
    run = await start(backends[0], place.task("slow"))

    async def count(number: int) -> None:
        for _ in range(5):
            while True:
                seen = await backends[number].get(run.id)
                try:
                    await backends[number].mark(seen, Marks(card_id=(seen.marks.card_id or 0) + 1))
                    break
                except Moved:
                    continue

    await asyncio.gather(*(count(number) for number in range(4)))
    assert (await backends[0].get(run.id)).marks.card_id == 20


async def test_other_changes_of_the_job_do_not_make_a_mark_moved(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make()
    run = await start(backend, place.task("slow"))
    for number in range(3):
        cluster.edit("jobs", job_name(run.id), lambda job: job["metadata"]["labels"].update(x="y"))
        run = await backend.mark(run, replace(run.marks, card_id=number))
    assert run.marks.card_id == 2


async def test_an_api_server_that_is_away_is_said_to_be_away_fault_24(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig("http://127.0.0.1:9"))
    for missing in (path, tmp_path / "nowhere"):
        backend = FakeClusterPlace(missing).make()
        for call in (
            start(backend, FakeClusterPlace(path).task("quick")),
            backend.list_runs(),
            backend.get("aaaaaaaa"),
            backend.sweep(),
            backend.clean("aaaaaaaa"),
        ):
            with pytest.raises(Unavailable, match="The cluster"):
                await call
        await backend.close()


async def test_a_job_deleted_by_hand_is_told_once_as_that_fault_23(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make()
    run = await start(backend, place.task("slow"))
    following = asyncio.create_task(ended(backend, run))
    await reached(backend, run, lambda seen: seen.report is not None)
    cluster.remove("jobs", job_name(run.id))
    run = await following
    assert run.outcome is not None
    assert (run.outcome.ending, run.outcome.cause) == (Ending.FAILED, Seen.JOB_DELETED)
    for call in (backend.get(run.id), backend.mark(run, Marks()), backend.acknowledge(run, 1.0)):
        with pytest.raises(UnknownRun):
            await call
    assert await backend.clean(run.id)


async def test_a_run_that_is_started_again_is_not_judged_by_the_pod_of_its_deleted_job_fault_23(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make()
    run = await start(backend, place.task("slow"))
    following = asyncio.create_task(ended(backend, run))
    await reached(backend, run, lambda seen: seen.report is not None)
    name = job_name(run.id)
    cluster.remove("jobs", name)
    await following
    cluster.controlled = False
    again = await start(backend, place.task("slow"))
    # The Pod outlives its Job by its grace time.
    cluster.edit("pods", name, lambda pod: pod.update(status=ENDED_POD))
    await backend.sweep()
    assert (await backend.get(again.id)).state is State.RUNNING
    cluster.remove("pods", name)
    await backend.sweep()
    again = await backend.get(again.id)
    assert (again.state, again.report) == (State.RUNNING, None)


async def test_a_told_run_that_is_removed_just_stops_coming(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("quick"), 1))
    await backend.acknowledge(run, 1.0)
    told = [run]

    async def follow() -> None:
        async for seen in backend.changes():
            told.append(seen)
            if seen.id != run.id and seen.ended:
                return

    following = asyncio.create_task(follow())
    cluster.remove("jobs", job_name(run.id))
    await start(backend, place.task("quick"), 2)
    await following
    assert all(seen.outcome == run.outcome for seen in told if seen.id == run.id)


async def test_a_quota_that_keeps_pods_away_ends_a_run_after_its_time_fault_12(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    cluster.controlled = False
    cluster.job_events = [{"reason": "FailedCreate", "message": "exceeded quota: small"}]
    backend = place.make(patience=Patience(quota=0.1, no_pod=0.0))
    run = await ended(backend, await start(backend, place.task("quick")))
    assert run.outcome is not None
    assert (run.outcome.cause, run.outcome.error) == (Seen.QUOTA, "exceeded quota: small")
    assert cluster.objects["jobs"][job_name(run.id)]["spec"]["suspend"] is True


async def test_the_log_of_a_service_is_that_of_its_sidecar(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    first = place.make()
    run = await ended(first, await start(first, place.task("quick")))
    name = job_name(run.id)
    names = ("sandbox-program", "broker", "postgres-sidecar", "redis-sidecar")
    beside = [{"name": each} for each in names]
    cluster.edit("pods", name, lambda pod: pod["status"].update(initContainerStatuses=beside))
    backend = place.make()  # the first may not have seen the change yet
    cluster.logs[f"{name}/postgres-sidecar"] = b"one\nready\n"
    assert await backend.read_log(run.id, service="postgres") == b"one\nready\n"
    assert await backend.read_log(run.id, tail_bytes=6, service="postgres") == b"ready\n"
    cluster.logs[f"{name}/broker"] = b"let one through\n"
    assert await backend.read_log(run.id, service="broker") == b"let one through\n"
    assert await backend.services(run.id) == ("broker", "postgres", "redis")
    with pytest.raises(Refused, match="There are: broker, postgres, redis"):
        await backend.read_log(run.id, service="mongo")


async def test_a_life_with_a_card_costs_few_requests(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make()
    await ended(backend, await start(backend, place.task("quick"), 1))
    before = backend.requests
    run = await start(backend, place.task("quick"), 2)
    run = await backend.mark(await backend.get(run.id), Marks(card_id=3))
    run = await ended(backend, run)
    run = await backend.get(run.id)
    run = await backend.mark(run, replace(run.marks, claimed_at=1.0))
    await backend.read_log(run.id)
    await backend.acknowledge(run, 2.0)
    await backend.start(run.key, run.task, origin())
    assert backend.requests - before <= 8


async def test_two_bots_share_one_limit_fault_27(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    first, second = (place.make(Limits(runs=1)) for _ in range(2))
    slow = await start(first, place.task("slow"), 1)
    waiting = await start(second, place.task("quick"), 2)
    assert waiting.place == 1
    following = [asyncio.create_task(ended(backend, waiting)) for backend in (first, second)]
    await first.cancel(slow.id, "Ada")
    done = await asyncio.gather(*following)
    assert done[0] == done[1]
    pods = [item for _, kind, event, item in cluster.events if (kind, event) == ("pods", "ADDED")]
    assert len(pods) == 2
