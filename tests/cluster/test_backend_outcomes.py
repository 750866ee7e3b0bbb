"""Runs on the real cluster around their end; the ways to end themselves are in test_outcomes.py."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from k8s.backend import KubernetesBackend
from k8s.names import job_name
from runs.backend import Refused
from runs.outcome import Ending, Outcome, Seen
from runs.run import Run, State
from sandbox.report import Cause
from sandbox.task import Task
from tests.cluster.backend_place import ClusterPlace, template
from tests.cluster.kubectl import Kubectl
from tests.runs.contract import ended, reached, start


def started(run: Run) -> bool:
    return run.report is not None


async def outcome_of(backend: KubernetesBackend, task: Task) -> Outcome:
    run = await ended(backend, await start(backend, task))
    assert run.outcome is not None
    return run.outcome


def program(*words: str) -> tuple[str, str]:
    """Return the change of the template that runs another program in the agent's container."""
    return ("image: {{ image }}", f"image: {{{{ image }}}}\n          command: {json.dumps(words)}")


async def test_services_stand_ready_beside_the_agent(place: ClusterPlace, kubectl: Kubectl) -> None:
    backend = place.make()
    task = replace(place.task("quick"), services=("postgres", "redis"))
    run = await ended(backend, await start(backend, task))
    assert run.outcome is not None
    assert run.outcome.ending is Ending.PUSHED
    assert kubectl.wait_for_end(job_name(run.id)) == "Complete"
    for service in ("postgres", "redis"):
        printed = await backend.read_log(run.id, service=service)
        assert b"ready to accept connections" in printed.lower()
        assert (
            printed.decode().strip() == kubectl.logs(job_name(run.id), f"{service}-sidecar").strip()
        )


async def test_the_guides_own_commands_work(place: ClusterPlace, kubectl: Kubectl) -> None:
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("quick")))
    jobs = kubectl.list("jobs", "app=claude-sandbox,status=running")
    assert [job["metadata"]["name"] for job in jobs] == [job_name(run.id)]
    assert "▶ done" in kubectl.logs(job_name(run.id), "claude")
    await backend.acknowledge(run, 1.0)
    told = kubectl.get("job", job_name(run.id))
    assert told["metadata"]["labels"]["status"] == "complete"
    assert told["spec"]["ttlSecondsAfterFinished"] == 3600
    kubectl.run("delete", "jobs", "-l", "app=claude-sandbox,status=complete")
    assert await backend.list_runs() == []


async def test_a_failed_run_is_labelled_as_failed_once_told(
    place: ClusterPlace, kubectl: Kubectl
) -> None:
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("failing")))
    await backend.acknowledge(run, 1.0)
    assert kubectl.get("job", job_name(run.id))["metadata"]["labels"]["status"] == "failed"


@pytest.mark.parametrize(
    ("code", "ending", "cause"),
    [(0, Ending.FINISHED, None), (3, Ending.FAILED, Seen.EXIT_CODE)],
)
async def test_a_program_without_a_report_is_judged_by_its_exit_code_fault_33(
    place: ClusterPlace, code: int, ending: Ending, cause: Seen | None
) -> None:
    backend = place.make(**template(place, program("sh", "-c", f"exit {code}")))
    outcome = await outcome_of(backend, place.task("quick"))
    assert (outcome.ending, outcome.cause) == (ending, cause)


@pytest.mark.parametrize(
    ("key", "cause"),
    [("GITHUB_TOKEN", Cause.CLONE_AUTH), ("ANTHROPIC_API_KEY", Cause.LOGIN)],
)
async def test_a_key_that_the_secret_lacks_is_an_outcome_fault_18(
    place: ClusterPlace, kubectl: Kubectl, key: str, cause: Cause
) -> None:
    removal = json.dumps([{"op": "remove", "path": f"/data/{key}"}])
    kubectl.run("patch", "secret", "claude-sandbox-secrets", "--type=json", f"--patch={removal}")
    outcome = await outcome_of(place.make(agent="claude"), place.task("quick"))
    assert (outcome.ending, outcome.cause) == (Ending.FAILED, cause)


async def test_a_job_that_the_cluster_refuses_is_refused_with_its_words_fault_12(
    place: ClusterPlace,
) -> None:
    backend = place.make()
    with pytest.raises(Refused, match="quantities must match"):
        await start(backend, replace(place.task("quick"), memory="a lot"))
    assert await backend.list_runs() == []


async def test_a_cancelled_run_keeps_report_and_log_and_its_job_goes_once_told(
    place: ClusterPlace, kubectl: Kubectl
) -> None:
    backend = place.make(ttl_seconds=0)
    run = await start(backend, place.task("slow"))
    await reached(backend, run, started)
    await backend.cancel(run.id, "Ada")
    run = await ended(backend, run)
    assert run.outcome is not None
    assert (run.outcome.ending, run.cancelled_by) == (Ending.CANCELLED, "Ada")
    kubectl.run("wait", "--for=delete", "pods", "--all", "--timeout=180s")
    assert "▶ deliver" in (await backend.read_log(run.id)).decode()
    await backend.sweep()
    assert [found.id for found in await backend.list_runs()] == [run.id]
    await backend.acknowledge(run, 1.0)
    await backend.sweep()
    assert await backend.list_runs() == []


@pytest.mark.parametrize("grace", ["--grace-period=5", "--force"])
async def test_a_pod_that_is_deleted_by_hand_is_an_outcome_fault_22(
    place: ClusterPlace, kubectl: Kubectl, grace: str
) -> None:
    backend = place.make()
    run = await start(backend, place.task("slow"))
    await reached(backend, run, started)
    kubectl.run("delete", "pods", "-l", "app=claude-sandbox", "--wait=false", grace)
    run = await ended(backend, run)
    assert run.outcome is not None
    assert (run.outcome.ending, run.outcome.cause) == (Ending.FAILED, Seen.POD_DELETED)


async def test_a_pod_deleted_after_the_end_changes_nothing_fault_22(
    place: ClusterPlace, kubectl: Kubectl
) -> None:
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("quick")))
    kubectl.run("delete", "pods", "-l", "app=claude-sandbox")
    assert await backend.get(run.id) == run
    assert await place.make().list_runs() == [run]
    assert await backend.read_log(run.id) == b""


async def test_a_run_that_ended_while_nobody_looked_is_found_by_the_sweep_fault_24(
    place: ClusterPlace, kubectl: Kubectl
) -> None:
    first = place.make()
    run = await start(first, place.task("quick"))
    await first.close()
    kubectl.wait_for_end(job_name(run.id))
    second = place.make()
    await second.sweep()
    run = await second.get(run.id)
    assert run.state is State.ENDED
    assert run.outcome is not None
    assert run.outcome.ending is Ending.PUSHED


NONSENSE = ("", "{", "[]", "null", '{"task": 5}', "\\u0000", "x" * 2000, '{"version": "seven"}')


async def test_annotations_edited_into_nonsense_harm_nobody_fault_31(
    place: ClusterPlace, kubectl: Kubectl, caplog: pytest.LogCaptureFixture
) -> None:
    backend = place.make()
    damaged = await start(backend, place.task("slow"), 1)
    for text in NONSENSE:
        for name in ("marks", "admitted", "end"):
            kubectl.run(
                "annotate",
                "--overwrite",
                "job",
                job_name(damaged.id),
                f"claude-sandbox/{name}={text}",
            )
        assert (await backend.get(damaged.id)).state is not State.ENDED
    marked = await backend.get(damaged.id)
    assert (await backend.mark(marked, replace(marked.marks, card_id=5))).marks.card_id == 5
    kubectl.run("annotate", "job", job_name(damaged.id), "claude-sandbox/marks-")
    unmarked = await backend.get(damaged.id)
    assert (await backend.mark(unmarked, replace(unmarked.marks, card_id=6))).marks.card_id == 6
    kubectl.run("annotate", "--overwrite", "job", job_name(damaged.id), "claude-sandbox/asked=?")
    quick = await ended(backend, await start(backend, place.task("quick"), 2))
    assert [run.id for run in await backend.list_runs()] == [quick.id]
    await backend.list_runs()
    assert caplog.text.count("can't be read as a run") == 1
