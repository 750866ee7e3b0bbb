"""What Kubernetes would wait for without end: each kind of wait has a limit of its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from bot.config import PATIENCE
from k8s.backend import KubernetesBackend
from k8s.names import job_name
from k8s.obstacles import obstacle, with_events
from k8s.place import Patience
from k8s.structs import Event, Pod
from runs.outcome import Ending, Outcome, Seen
from runs.run import Run
from tests.k8s.fake_cluster import EPOCH, FakeCluster
from tests.k8s.fake_place import FakeClusterPlace
from tests.runs.contract import ended, start

LONG = Patience(**dict.fromkeys((*PATIENCE, "no_pod"), 3600.0))
GONE = {"deletionTimestamp": EPOCH}


def test_the_config_can_set_each_limit() -> None:
    assert set(PATIENCE) == set(Patience.__dataclass_fields__) - {"no_pod"}
    assert {Patience().name_of(cause) for cause in Seen} - {None} <= set(PATIENCE)


@pytest.mark.parametrize(
    ("cause", "other", "same"),
    [
        (Seen.IMAGE_PULL, Seen.IMAGE_REFUSED, True),
        (Seen.SERVICE_FAILED, Seen.SERVICE_NOT_READY, True),
        (Seen.NOT_STARTED, Seen.NOT_STARTED, True),
        (Seen.NOT_STARTED, Seen.UNKNOWN, False),
        (Seen.IMAGE_PULL, Seen.UNSCHEDULABLE, False),
    ],
)
def test_causes_of_one_limit_may_take_turns_within_it(cause: Seen, other: Seen, same: bool) -> None:
    assert Patience().is_same(cause, other) is same


def pod(name: str = "claude", **status: Any) -> Pod:
    kind = "containerStatuses" if name == "claude" else "initContainerStatuses"
    values = {"phase": "Pending", kind: [{"name": name, **status}]}
    return msgspec.convert({"metadata": {"name": "p"}, "status": values}, Pod)


def waits(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}, **more}


CRASHED = {"lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
KEY = "couldn't find key A in Secret ns/s"


@pytest.mark.parametrize(
    ("found", "cause", "words"),
    [
        (pod(**waits("ErrImagePull", "401 Unauthorized")), Seen.IMAGE_REFUSED, "401"),
        (pod(**waits("ErrImagePull", "x:401/denied: not found")), Seen.IMAGE_PULL, "not found"),
        (pod(**waits("ErrImagePull", "pull access denied, repository does not exist")), Seen.IMAGE_REFUSED, "denied"),
        (pod(**waits("CreateContainerConfigError", KEY)), Seen.MISSING_KEY, "find key A"),
        (pod(**waits("SomethingNew", "of next year")), Seen.UNKNOWN, "SomethingNew: of next year"),
        (pod("redis-sidecar", **waits("CrashLoopBackOff"), **CRASHED), Seen.SERVICE_OUT_OF_MEMORY, "OOMKilled"),
        (pod("redis-sidecar", state={"running": {}}, started=False), Seen.SERVICE_NOT_READY, "not ready"),
        (pod("redis-sidecar", state={"running": {}}, started=False, **CRASHED), Seen.SERVICE_OUT_OF_MEMORY, "137"),
        (pod("redis-sidecar", state={"running": {}}, started=True, **CRASHED), Seen.NOT_STARTED, "in time"),
    ],
)  # fmt: skip
def test_each_wait_has_its_cause_fault_18(found: Pod, cause: Seen, words: str) -> None:
    seen = obstacle(found, [])
    assert seen is not None
    assert seen.cause is cause
    assert words in seen.error


def test_a_gated_pod_shows_its_raw_status() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}
    values = {"phase": "Pending", "conditions": [condition]}
    gated = msgspec.convert({"metadata": {"name": "p"}, "status": values}, Pod)
    seen = obstacle(gated, [])
    assert seen is not None
    assert (seen.cause, seen.error) == (Seen.UNKNOWN, "SchedulingGated")


def test_a_volume_that_is_not_there_is_told_by_the_pods_events_alone() -> None:
    seen = obstacle(pod(**waits("ContainerCreating")), [])
    assert seen is not None
    scheduled = Event(type="Normal", reason="Scheduled", message="assigned")
    mount = Event(type="Warning", reason="FailedMount", message='configmap "x" not found')
    assert with_events(seen, [scheduled]) == seen
    told = with_events(seen, [scheduled, mount])
    assert (told.cause, told.error) == (Seen.MISSING_VOLUME, 'configmap "x" not found')


def test_a_runtime_that_the_node_has_not_is_told_in_its_words() -> None:
    seen = obstacle(pod(**waits("ContainerCreating")), [])
    assert seen is not None
    words = 'Failed to create pod sandbox: no runtime for "runsc" is configured'
    event = Event(type="Warning", reason="FailedCreatePodSandBox", message=words)
    told = with_events(seen, [event])
    assert told.cause is Seen.NOT_STARTED
    assert told.error.endswith(words)


def put_pod(cluster: FakeCluster, run: Run, status: dict[str, Any], **meta: Any) -> None:
    job = cluster.objects["jobs"][job_name(run.id)]
    labels = {
        "app": "claude-sandbox",
        "batch.kubernetes.io/job-name": job_name(run.id),
        "batch.kubernetes.io/controller-uid": job["metadata"]["uid"],
    }
    name = job_name(run.id) + "-x"
    metadata = {"name": name, "uid": "u", "labels": labels, "creationTimestamp": EPOCH, **meta}
    cluster.put("pods", {"metadata": metadata, "status": status}, "ADDED")


RUNNING = {
    "phase": "Running",
    "containerStatuses": [{"name": "claude", "state": {"running": {"startedAt": EPOCH}}}],
}


def pending(name: str, **status: Any) -> dict[str, Any]:
    kind = "containerStatuses" if name == "claude" else "initContainerStatuses"
    return {"phase": "Pending", kind: [{"name": name, **status}]}


NO_ROOM = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}


@pytest.mark.parametrize(
    ("status", "held"),
    [
        ({"phase": "Pending"}, None),
        (pending("claude", **waits("PodInitializing")), None),
        (pending("broker", state={"running": {}}, started=False), None),
        (pending("redis-sidecar", state={"running": {}}, started=False), Seen.SERVICE_NOT_READY),
        (pending("claude", **waits("ErrImagePull", "no such host")), Seen.IMAGE_PULL),
        ({"phase": "Pending", "conditions": [NO_ROOM | {"message": "Insufficient memory"}]}, Seen.UNSCHEDULABLE),
        (RUNNING, None),
    ],
)  # fmt: skip
async def test_what_keeps_a_run_from_starting_is_seen_long_before_patience_ends_fault_18(
    cluster: FakeCluster, place: FakeClusterPlace, status: dict[str, Any], held: Seen | None
) -> None:
    backend = place.make(patience=LONG)
    cluster.controlled = False
    run = await start(backend, place.task("slow"))
    put_pod(cluster, run, status)
    assert (await backend.get(run.id)).held is held


async def test_a_run_in_its_grace_time_is_not_said_to_be_on_a_silent_machine(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make(patience=LONG)
    cluster.controlled = False
    run = await start(backend, place.task("slow"))
    put_pod(cluster, run, RUNNING)
    await backend.cancel(run.id, "Ada")
    put_pod(cluster, run, RUNNING, **GONE, deletionGracePeriodSeconds=90)
    found = await backend.get(run.id)
    assert (found.cancelled_by, found.ended, found.held) == ("Ada", False, None)


async def end_of(backend: KubernetesBackend, run: Run) -> Outcome:
    found = await ended(backend, run)
    assert found.outcome is not None
    return found.outcome


@pytest.mark.parametrize(
    ("cancelled", "ending"), [(False, Ending.FAILED), (True, Ending.CANCELLED)]
)
async def test_a_machine_that_never_says_how_a_deleted_pod_ended_holds_nobody_up_fault_19(
    cluster: FakeCluster, place: FakeClusterPlace, cancelled: bool, ending: Ending
) -> None:
    backend = place.make(patience=replace(LONG, gone=0.1))
    cluster.controlled = False
    run = await start(backend, place.task("slow"))
    put_pod(cluster, run, RUNNING)
    following = asyncio.create_task(end_of(backend, run))
    if cancelled:
        await backend.cancel(run.id, "Ada")
    put_pod(cluster, run, RUNNING, **GONE)
    outcome = await following
    assert (outcome.ending, outcome.cause) == (ending, Seen.NODE_GONE)


async def test_a_deleted_pod_has_its_grace_time_before_its_machine_is_taken_for_gone_fault_19(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make(patience=replace(LONG, gone=0.0))
    cluster.controlled = False
    run = await start(backend, place.task("slow"))
    put_pod(cluster, run, RUNNING, **GONE, deletionGracePeriodSeconds=3600)
    following = asyncio.create_task(end_of(backend, run))
    async with asyncio.timeout(60):
        while not any(look.found for look in backend._tending._looks.values()):
            await asyncio.sleep(0.02)
    await backend.sweep()
    assert not (await backend.get(run.id)).ended
    put_pod(cluster, run, RUNNING, **GONE, deletionGracePeriodSeconds=0)
    assert (await following).cause is Seen.NODE_GONE


async def test_words_that_say_less_do_not_replace_those_of_before(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make(patience=replace(LONG, image=1.5))
    cluster.controlled = False
    run = await start(backend, place.task("slow"))
    following = asyncio.create_task(end_of(backend, run))
    first = {"name": "claude", **waits("ErrImagePull", "403 Forbidden")}
    put_pod(cluster, run, {"phase": "Pending", "containerStatuses": [first]})
    async with asyncio.timeout(60):
        while not any(look.found for look in backend._tending._looks.values()):
            await asyncio.sleep(0.02)
    later = {"name": "claude", **waits("ImagePullBackOff", "Back-off pulling image")}
    put_pod(cluster, run, {"phase": "Pending", "containerStatuses": [later]})
    outcome = await following
    assert (outcome.cause, outcome.error) == (Seen.IMAGE_REFUSED, "claude: 403 Forbidden")
