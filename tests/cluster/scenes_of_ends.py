"""Scenes: ends that somebody else brings about, from a deadline to a machine that goes away."""

from __future__ import annotations

import asyncio
import json

from k8s.backend import KubernetesBackend
from k8s.names import job_name
from k8s.place import Patience
from runs.outcome import Ending, Seen
from runs.recorded import Recorded
from runs.run import Run
from runs.store import LogStore
from tests.cluster.outcome_machines import add_machine, displace, play_kubelet, set_seats
from tests.cluster.outcome_stage import Scenes, Stage, reached
from tests.cluster.scenes_of_starts import in_pod, program, redis_runs
from tests.runs.contract import start

SCENES = Scenes()
scene = SCENES.add
Ended = tuple[Run, str]

_DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
_WRITES = "head -c 30000000 /dev/zero > {}/large; sleep 600"


@scene("deadline-of-pod", Seen.DEADLINE_BY_CLUSTER, "longer than")
async def deadline_of_pod(at: Stage) -> Ended:
    task = at.task("do it", timeout_seconds=4)
    return await at.play(program("sleep", "600"), task=task, pod_margin_seconds=0)


@scene("deadline-of-job", Seen.DEADLINE_BY_CLUSTER, "longer than")
async def deadline_of_job(at: Stage) -> Ended:
    margins = {"pod_margin_seconds": 600, "job_margin_seconds": -599}
    task = at.task("do it", timeout_seconds=4)
    return await at.play(program("sleep", "600"), task=task, **margins)


@scene("disk-of-volume", Seen.DISK_LIMIT, 'EmptyDir volume "workspace" exceeds')
async def disk_of_volume(at: Stage) -> Ended:
    small = ("{name: workspace, emptyDir: {}}", "{name: workspace, emptyDir: {sizeLimit: 5Mi}}")
    return await at.play(program("sh", "-c", _WRITES.format("/workspace")), small)


@scene("disk-of-container", Seen.DISK_LIMIT, "ephemeral local storage")
async def disk_of_container(at: Stage) -> Ended:
    limits = 'limits: {{ dict(limits, **{"ephemeral-storage": "5Mi"}) }}'
    writes = program("sh", "-c", _WRITES.format("/tmp"))
    return await at.play(writes, ("limits: {{ limits }}", limits))


@scene("pod-deleted", Seen.POD_DELETED)
async def pod_deleted(at: Stage) -> Ended:
    async def delete(run: Run, _backend: KubernetesBackend) -> None:
        await at.works(run)
        await at.do("delete", "pods", "-l", "app=claude-sandbox", "--wait=false")

    return await at.play(task="wait 300", meanwhile=delete)


@scene("pod-deleted-deaf", Seen.POD_DELETED)
async def pod_deleted_deaf(at: Stage) -> Ended:
    async def delete(_run: Run, _backend: KubernetesBackend) -> None:
        await at.do("delete", "pods", "-l", "app=claude-sandbox", "--wait=false")

    return await at.play(program("python3", "-c", _DEAF), meanwhile=delete)


@scene("stopped-deaf", Seen.KILLED, ending=Ending.CANCELLED)
async def stopped_deaf(at: Stage) -> Ended:
    async def cancel(run: Run, backend: KubernetesBackend) -> None:
        await backend.cancel(run.id, "Ada")

    return await at.play(program("python3", "-c", _DEAF), meanwhile=cancel)


@scene("job-deleted", Seen.JOB_DELETED)
async def job_deleted(at: Stage) -> Ended:
    async def delete(run: Run, _backend: KubernetesBackend) -> None:
        await at.do("delete", "job", job_name(run.id), "--wait=false")

    return await at.play(task="wait 300", meanwhile=delete)


@scene("job-deleted-unseen", Seen.JOB_DELETED)
async def job_deleted_unseen(at: Stage) -> Ended:
    """While no bot was there: its Record tells."""
    store = LogStore(at.folder / "records")
    first = at.start_backend()
    run = await start(first, at.task("wait 300"))
    run = await reached(first, run, lambda seen: seen.report is not None)
    await Recorded(first, store, lambda: run.created_at).note(run)
    await first.close()
    await at.do("delete", "job", job_name(run.id))
    second = Recorded(at.start_backend(), store, lambda: run.created_at + 60)
    (run,) = await second.list_runs()
    at.record = run
    return run, ""


@scene("emptied-machine", Seen.EVICTED, "Eviction API")
async def emptied_machine(at: Stage) -> Ended:
    async def evict(run: Run, _backend: KubernetesBackend) -> None:
        await at.works(run)
        name = json.loads(await at.do("get", "pods", "--output=json"))["items"][0]["metadata"]
        path = f"/api/v1/namespaces/{at.kubectl.namespace}/pods/{name['name']}/eviction"
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": name}
        await at.do("create", f"--raw={path}", "--filename=-", given=json.dumps(eviction))

    return await at.play(task="wait 300", meanwhile=evict)


@scene("preempted", Seen.PREEMPTED, "preempting")
async def preempted(at: Stage) -> Ended:
    seat = 'dict({}, **{{"claude-sandbox.test/seat": "1"}})'
    changes = [
        (f"{{{{ {each} }}}}", f"{{{{ {seat.format(each)} }}}}") for each in ("requests", "limits")
    ]
    at.stack.push_async_callback(set_seats, at, 0)
    await set_seats(at, 1)

    async def take_place(run: Run, _backend: KubernetesBackend) -> None:
        await at.works(run)
        await displace(at)

    return await at.play(*changes, task="wait 300", meanwhile=take_place)


@scene("machine-gone", Seen.NODE_GONE, "taint")
async def machine_gone(at: Stage) -> Ended:
    """A machine that is only an object: its kubelet is played here, and then answers no more."""
    machine = await add_machine(at)

    async def lose(_run: Run, _backend: KubernetesBackend) -> None:
        await at.do("taint", "node", machine, "example.com/gone=yes:NoExecute")

    running = asyncio.create_task(play_kubelet(at))
    run, log = await at.play(in_pod(f"nodeName: {machine}"), meanwhile=lose)
    await running
    return run, log


@scene("service-crashes-later", None, "redis-sidecar ended", ending=Ending.PUSHED)
async def service_crashes_later(at: Stage) -> Ended:
    crashes = redis_runs("redis-server --dir /data & sleep 6; kill -9 $!; exit 7")
    return await at.play(
        crashes,
        task=at.task("wait 10", services=("redis",)),
        patience=Patience(),
    )
