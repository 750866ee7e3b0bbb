"""Jobs for Kueue on the real cluster, where the test gives them their place, as Kueue would."""

from __future__ import annotations

import pytest

from k8s.backend import KubernetesBackend
from k8s.names import job_name
from runs.outcome import Ending
from runs.run import Run, State
from sandbox.report import Cause
from sandbox.task import Task
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.kubectl import Kubectl
from tests.runs.contract import ended, reached, start


def give_place(kubectl: Kubectl, run: Run) -> None:
    patch = '{"spec": {"suspend": false}}'
    kubectl.run("patch", "job", job_name(run.id), "--type=merge", f"--patch={patch}")


async def waiting(backend: KubernetesBackend, task: Task) -> Run:
    run = await start(backend, task)
    await backend.sweep()
    run = await backend.get(run.id)
    assert (run.state, run.place) == (State.QUEUED, None)
    return run


async def test_a_run_starts_when_kueue_lets_it(place: ClusterPlace, kubectl: Kubectl) -> None:
    backend = place.make(kueue="team")
    run = await waiting(backend, place.task("quick"))
    give_place(kubectl, run)
    run = await ended(backend, run)
    assert run.outcome is not None
    assert run.outcome.ending is Ending.PUSHED


@pytest.mark.parametrize("started", [True, False])
async def test_a_run_that_is_stopped_under_kueue_keeps_its_report_and_never_runs_again(
    place: ClusterPlace, kubectl: Kubectl, started: bool
) -> None:
    backend = place.make(kueue="team")
    run = await waiting(backend, place.task("slow"))
    if started:
        give_place(kubectl, run)
        await reached(backend, run, lambda seen: seen.report is not None)
    await backend.cancel(run.id, "Ada")
    run = await ended(backend, run)
    assert run.outcome is not None
    assert (run.outcome.ending, run.outcome.cause) == (Ending.CANCELLED, Cause.CANCELLED)
    assert (run.outcome.report is not None) is started
    if not started:
        give_place(kubectl, run)
    assert kubectl.wait_for_end(job_name(run.id)) == "Failed"
    assert (await backend.get(run.id)).outcome == run.outcome
