"""Where Kueue decides who may start, we don't; and what has ended is never run again."""

from __future__ import annotations

from dataclasses import replace

from k8s.annotations import Asked
from k8s.backend import KubernetesBackend
from k8s.manifest import manifest
from k8s.names import job_name
from k8s.place import KubernetesPlace
from runs.backend import Limits
from runs.outcome import Ending
from runs.run import Origin, Run, State
from sandbox.task import Task
from tests.k8s.fake_cluster import FakeCluster
from tests.k8s.fake_place import FakeClusterPlace
from tests.runs.contract import ended, reached, start

QUEUE = "kueue.x-k8s.io/queue-name"


def working(run: Run) -> bool:
    return run.report is not None


async def under_way(backend: KubernetesBackend, cluster: FakeCluster, task: Task) -> Run:
    """Start a Run and let Kueue give it its place."""
    run = await start(backend, task)
    cluster.suspend(job_name(run.id), wanted=False)
    return await reached(backend, run, working)


def deadline(cluster: FakeCluster, run: Run) -> object:
    return cluster.objects["jobs"][job_name(run.id)]["spec"]["activeDeadlineSeconds"]


def test_a_job_for_kueue_names_its_queue_on_the_job_alone() -> None:
    asked = Asked("key", Task("u", "p"), Origin(1, 2, 3), 1.0)
    place = KubernetesPlace("sandboxes", "image:1")
    job = manifest(asked, replace(place, kueue="team"), suspended=True)
    assert job["metadata"]["labels"] == {
        "app": "claude-sandbox",
        "status": "running",
        QUEUE: "team",
    }
    assert job["spec"]["template"]["metadata"]["labels"] == {"app": "claude-sandbox"}
    assert job["spec"]["suspend"] is True
    assert QUEUE not in manifest(asked, place, suspended=False)["metadata"]["labels"]


async def test_a_run_waits_for_kueue_without_a_place_and_our_queue_leaves_it_alone_fault_24(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make(Limits(runs=5, queue_seconds=0.0), kueue="team")
    runs = [await start(backend, place.task("quick"), number) for number in range(3)]
    for _ in range(2):
        await backend.sweep()
        found = await backend.list_runs()
        assert [(run.state, run.place) for run in found] == [(State.QUEUED, None)] * 3
    assert all(job["spec"]["suspend"] for job in cluster.objects["jobs"].values())
    cluster.suspend(job_name(runs[1].id), wanted=False)
    done = await ended(backend, runs[1])
    assert done.outcome is not None
    assert done.outcome.ending is Ending.PUSHED
    assert (await backend.get(runs[0].id)).state is State.QUEUED


async def test_a_run_that_kueue_started_is_stopped_for_good(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make(kueue="team")
    run = await under_way(backend, cluster, place.task("slow"))
    await backend.cancel(run.id, "Ada")
    run = await ended(backend, run)
    assert run.outcome is not None
    assert run.outcome.ending is Ending.CANCELLED
    assert run.outcome.report is not None
    assert deadline(cluster, run) == 1
    # Suspended, it would be started again: that is how Kueue sees a Job that has its place.
    assert cluster.objects["jobs"][job_name(run.id)]["spec"]["suspend"] is False


async def test_a_run_that_is_cancelled_while_it_waits_can_not_be_run_later(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make(kueue="team")
    run = await start(backend, place.task("quick"))
    run = await backend.cancel(run.id, "Ada")
    assert run.outcome is not None
    assert run.outcome.ending is Ending.CANCELLED
    assert deadline(cluster, run) == 1


async def test_a_run_whose_place_kueue_takes_away_has_ended_and_is_not_run_again(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make(kueue="team")
    run = await under_way(backend, cluster, place.task("slow"))
    cluster.suspend(job_name(run.id), wanted=True)
    run = await ended(backend, run)
    assert run.outcome is not None
    assert not run.outcome.ended_well
    assert deadline(cluster, run) == 1
