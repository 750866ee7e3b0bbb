from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from k8s.diagnosis import ended_by_job, ended_by_pod, report_of, with_job
from k8s.obstacles import obstacle
from k8s.structs import Event, Job, Metadata, Pod
from runs.outcome import Ending, Exit, Seen
from sandbox.report import Cause, Phase, Report, Verdict

RUN = "abcdefgh"
AT = "2026-11-25T10:00:00Z"


def said(verdict: str, **more: object) -> str:
    return json.dumps({"run_id": RUN, "phase": "done", "verdict": verdict, **more})


def pod(
    state: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **meta: Any
) -> Pod:
    found: dict[str, Any] = {"phase": "Running", **(status or {})}
    if state is not None:
        found["containerStatuses"] = [{"name": "claude", "state": state}]
    return msgspec.convert({"metadata": {"name": "p", **meta}, "status": found}, Pod)


def terminated(code: int, message: str = "", reason: str = "Error", **more: Any) -> dict[str, Any]:
    values = {"exitCode": code, "message": message, "reason": reason, "finishedAt": AT, **more}
    return {"terminated": values}


def job(*conditions: dict[str, str], spec: dict[str, Any] | None = None, **status: Any) -> Job:
    found = {
        "metadata": {"name": "claude-" + RUN},
        "spec": spec or {},
        "status": {"conditions": [{"status": "True", **item} for item in conditions], **status},
    }
    return msgspec.convert(found, Job)


DISRUPTED = {
    "phase": "Failed",
    "conditions": [{"type": "DisruptionTarget", "status": "True", "message": "node shuts down"}],
}


def disrupted(reason: str) -> dict[str, Any]:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": reason}
    return {"phase": "Failed", "conditions": [condition]}


@pytest.mark.parametrize(
    ("found", "ending", "cause"),
    [
        (pod(terminated(0, said("pushed"), "Completed")), Ending.PUSHED, None),
        (pod(terminated(0, said("nothing-changed"))), Ending.NOTHING_CHANGED, None),
        (pod(terminated(1, said("failed", cause="login"))), Ending.FAILED, Cause.LOGIN),
        (pod(terminated(1, said("not-pushed", cause="push-auth"))), Ending.NOT_PUSHED, Cause.PUSH_AUTH),
        (pod(terminated(1, said("pushed"))), Ending.FAILED, Seen.FORGED_REPORT),
        (pod(terminated(0, said("failed"))), Ending.FAILED, Seen.FORGED_REPORT),
        (pod(terminated(0, said("unfinished"))), Ending.FAILED, Seen.NO_REPORT),
        # An image with a program of its own leaves no Report: its exit is what counts.
        (pod(terminated(0)), Ending.FINISHED, None),
        (pod(terminated(3)), Ending.FAILED, Seen.EXIT_CODE),
        (pod(terminated(3, reason="OOMKilled")), Ending.FAILED, Seen.OUT_OF_MEMORY),
        (pod(terminated(3), deletionTimestamp=AT), Ending.FAILED, Seen.POD_DELETED),
        (pod(terminated(3), {"reason": "DeadlineExceeded"}), Ending.FAILED, Seen.DEADLINE_BY_CLUSTER),
        (pod(terminated(3, "x" * 5000)), Ending.FAILED, Seen.EXIT_CODE),
        (pod(terminated(0, said("pushed").replace(RUN, "aaaaaaaa"))), Ending.FAILED, Seen.NO_REPORT),
        (pod(terminated(0, "\udcff{", "Completed")), Ending.FINISHED, None),
        (pod(terminated(137, reason="OOMKilled")), Ending.FAILED, Seen.OUT_OF_MEMORY),
        (pod(terminated(137, said("unfinished"), "OOMKilled")), Ending.FAILED, Seen.OUT_OF_MEMORY),
        (
            pod(terminated(1, said("failed", cause="agent-killed"), "OOMKilled")),
            Ending.FAILED,
            Seen.OUT_OF_MEMORY,
        ),
        # A child that was killed for memory leaves this beside a good end.
        (pod(terminated(0, said("pushed"), "OOMKilled")), Ending.PUSHED, None),
        (pod(terminated(137)), Ending.FAILED, Seen.KILLED),
        (pod(terminated(0, signal=9)), Ending.FAILED, Seen.KILLED),
        # The last of Linux's signals, and an exit code that is none.
        (pod(terminated(128 + 64)), Ending.FAILED, Seen.KILLED),
        (pod(terminated(255)), Ending.FAILED, Seen.EXIT_CODE),
        (pod(terminated(128, reason="StartError")), Ending.FAILED, Seen.NOT_STARTED),
        (pod(terminated(128, 'exec: "python3": not found', "StartError")), Ending.FAILED, Cause.TOOLS_MISSING),
        (pod(terminated(128, 'exec: "/x": stat /x: no such file or directory', "StartError")), Ending.FAILED, Seen.ENTRYPOINT_MISSING),
        (pod(terminated(128, 'exec: "x": executable file not found in $PATH', "StartError")), Ending.FAILED, Seen.ENTRYPOINT_MISSING),
        (pod(terminated(128, "exec /x: exec format error", "StartError")), Ending.FAILED, Seen.EXEC_FORMAT),
        (pod(terminated(137), disrupted("PreemptionByScheduler")), Ending.FAILED, Seen.PREEMPTED),
        (pod(terminated(137), disrupted("DeletionByTaintManager")), Ending.FAILED, Seen.NODE_GONE),
        (pod(None, disrupted("DeletionByPodGC")), Ending.FAILED, Seen.NODE_GONE),
        (pod(terminated(137), disrupted("EvictionByEvictionAPI")), Ending.FAILED, Seen.EVICTED),
        (pod(terminated(137), {"reason": "Evicted", "message": 'EmptyDir volume "w" exceeds'}), Ending.FAILED, Seen.DISK_LIMIT),
        (pod(terminated(0, said("pushed")), disrupted("PreemptionByScheduler")), Ending.PUSHED, None),
        (pod(None, {"phase": "Failed", "reason": "OfNextYear", "message": "new"}), Ending.FAILED, Seen.UNKNOWN),
        (
            pod(terminated(137), {"phase": "Failed", "reason": "DeadlineExceeded"}),
            Ending.FAILED,
            Seen.DEADLINE_BY_CLUSTER,
        ),
        (pod(terminated(137), {"reason": "Evicted", "message": "low on disk"}), Ending.FAILED, Seen.EVICTED),
        (pod(terminated(143, said("failed", cause="cancelled")), DISRUPTED), Ending.FAILED, Seen.EVICTED),
        (pod(None, {"phase": "Failed", "reason": "Evicted"}), Ending.FAILED, Seen.EVICTED),
        (pod(None, {"phase": "Failed"}), Ending.FAILED, Seen.LOST),
        (
            pod(terminated(137, reason="ContainerStatusUnknown"), {"phase": "Failed", "reason": "NodeLost"}),
            Ending.FAILED,
            Seen.NODE_GONE,
        ),
        (pod(terminated(137), deletionTimestamp=AT), Ending.FAILED, Seen.POD_DELETED),
        (
            pod(terminated(1, said("failed", cause="cancelled")), deletionTimestamp=AT),
            Ending.FAILED,
            Seen.POD_DELETED,
        ),
        (pod(terminated(0, said("pushed")), deletionTimestamp=AT), Ending.PUSHED, None),
        (pod(terminated(1, said("failed", cause="deadline")), deletionTimestamp=AT), Ending.FAILED, Cause.DEADLINE),
    ],
)  # fmt: skip
def test_a_pod_says_how_a_run_ended_fault_19_fault_22_fault_32(
    found: Pod, ending: Ending, cause: Cause | Seen | None
) -> None:
    ended = ended_by_pod(RUN, found, cancelled=False)
    assert ended is not None
    assert (ended.outcome.ending, ended.outcome.cause) == (ending, cause)


def test_an_unknown_end_shows_its_raw_status() -> None:
    found = pod(None, {"phase": "Failed", "reason": "OfNextYear", "message": "new"})
    ended = ended_by_pod(RUN, found, cancelled=False)
    assert ended is not None
    assert ended.outcome.error == "OfNextYear: new"


RESTARTED = {
    "name": "redis-sidecar",
    "restartCount": 2,
    "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
}
ENDED_ONCE = {**RESTARTED, "restartCount": 0}


@pytest.mark.parametrize(
    ("found", "remark"),
    [
        (pod(terminated(0, said("pushed"))), None),
        (pod(terminated(0, said("pushed"), "OOMKilled")), "A process of the run needed more memory"),
        (pod(terminated(137, reason="OOMKilled")), None),
        (
            pod(terminated(1, said("failed", cause="login")), {"initContainerStatuses": [RESTARTED]}),
            "redis-sidecar ended and was started again: OOMKilled, exit code 137",
        ),
        (pod(terminated(0, said("pushed")), {"initContainerStatuses": [ENDED_ONCE]}), None),
    ],
)  # fmt: skip
def test_what_befell_others_is_a_remark_however_the_run_ended_fault_19_fault_20(
    found: Pod, remark: str | None
) -> None:
    ended = ended_by_pod(RUN, found, cancelled=False)
    assert ended is not None
    assert (ended.outcome.remark or "").startswith(remark or "")
    assert bool(ended.outcome.remark) is (remark is not None)


@pytest.mark.parametrize(
    "beside",
    [
        terminated(143),
        terminated(137, reason="OOMKilled"),
        {"running": {"startedAt": AT}},
        {"waiting": {"reason": "CrashLoopBackOff"}},
    ],
)
def test_how_a_service_ends_says_nothing_of_the_run_fault_20(beside: dict[str, Any]) -> None:
    found = pod(
        terminated(0, said("pushed"), "Completed"),
        {"initContainerStatuses": [{"name": "redis-sidecar", "state": beside}]},
        deletionTimestamp=AT,
    )
    ended = ended_by_pod(RUN, found, cancelled=False)
    assert ended is not None
    assert (ended.outcome.ending, ended.outcome.cause) == (Ending.PUSHED, None)


def test_a_service_that_came_up_at_its_second_try_is_no_final_obstacle_fault_20() -> None:
    again = {"name": "redis-sidecar", "restartCount": 1, "state": {"running": {"startedAt": AT}}}
    waiting = {"waiting": {"reason": "PodInitializing"}}
    found = obstacle(pod(waiting, {"phase": "Pending", "initContainerStatuses": [again]}), [])
    assert found is not None
    assert (found.cause, found.final) == (Seen.NOT_STARTED, False)


@pytest.mark.parametrize(
    ("found", "ending"),
    [
        (pod(terminated(1, said("failed", cause="cancelled")), deletionTimestamp=AT), Ending.CANCELLED),
        (pod(terminated(137), deletionTimestamp=AT), Ending.CANCELLED),
        (pod(terminated(3), deletionTimestamp=AT), Ending.CANCELLED),
        (pod(terminated(0, said("pushed")), deletionTimestamp=AT), Ending.PUSHED),
        (pod(None, {"phase": "Failed"}), Ending.CANCELLED),
    ],
)  # fmt: skip
def test_a_run_that_was_to_stop_did_not_fail(found: Pod, ending: Ending) -> None:
    ended = ended_by_pod(RUN, found, cancelled=True)
    assert ended is not None
    assert ended.outcome.ending is ending


def test_of_a_run_that_was_to_stop_the_end_of_its_pod_is_no_cause() -> None:
    found = pod(None, {"phase": "Failed", "reason": "Evicted", "message": "low on disk"})
    ended = ended_by_pod(RUN, found, cancelled=True)
    assert ended is not None
    assert (ended.outcome.cause, ended.outcome.error) == (Seen.LOST, "low on disk")


@pytest.mark.parametrize(
    "found",
    [
        pod(),
        pod({"running": {"startedAt": AT}}),
        pod({"waiting": {"reason": "ContainerCreating"}}),
        pod({"running": {}}, {"phase": "SomethingNew"}, deletionTimestamp=AT),
        pod({"somethingNew": {}}),
    ],
)
def test_a_pod_that_goes_on_says_nothing_fault_13(found: Pod) -> None:
    assert ended_by_pod(RUN, found, cancelled=False) is None


def test_a_provisional_report_stands_from_the_start_of_the_program_on() -> None:
    assert report_of(RUN, None) is None
    assert report_of(RUN, pod({"waiting": {}})) is None
    assert report_of(RUN, pod({"running": {}})) == Report(RUN, Phase.ENVIRONMENT)
    ended = report_of(RUN, pod(terminated(0, said("pushed", branch="b"))))
    assert ended == Report(RUN, Phase.DONE, Verdict.PUSHED, branch="b")


SUSPENDED = {"type": "Suspended"}


@pytest.mark.parametrize(
    ("found", "cancelled", "ending", "cause"),
    [
        (job({"type": "Failed", "reason": "DeadlineExceeded"}), False, Ending.FAILED, Seen.DEADLINE_BY_CLUSTER),
        (job({"type": "Failed", "reason": "BackoffLimitExceeded"}), False, Ending.FAILED, Seen.POD_DELETED),
        (job({"type": "Failed"}), True, Ending.CANCELLED, Seen.POD_DELETED),
        (job({"type": "Complete"}), False, Ending.FAILED, Seen.LOST),
        (job(SUSPENDED, spec={"suspend": True}), True, Ending.CANCELLED, Cause.CANCELLED),
    ],
)  # fmt: skip
def test_a_job_without_a_pod_says_how_its_run_ended(
    found: Job, cancelled: bool, ending: Ending, cause: Cause | Seen
) -> None:
    ended = ended_by_job(found, cancelled=cancelled)
    assert ended is not None
    assert (ended.outcome.ending, ended.outcome.cause) == (ending, cause)


@pytest.mark.parametrize(
    ("found", "cancelled"),
    [
        (job(), False),
        (job({"type": "FailureTarget", "reason": "DeadlineExceeded"}), False),
        (job({"type": "SuccessCriteriaMet"}), False),
        (job(SUSPENDED, spec={"suspend": True}), False),
        (job(SUSPENDED, spec={"suspend": True}, active=1), True),
        (job(SUSPENDED, spec={"suspend": True}, terminating=1), True),
        (job(spec={"suspend": True}), True),
        (job({"type": "Failed", "status": "False"}), False),
    ],
)
def test_a_job_that_goes_on_says_nothing(found: Job, cancelled: bool) -> None:
    assert ended_by_job(found, cancelled=cancelled) is None


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (job(), Seen.POD_DELETED),
        (job({"type": "FailureTarget", "reason": "DeadlineExceeded"}), Seen.DEADLINE_BY_CLUSTER),
        (
            Job(msgspec.convert({"name": "x", "deletionTimestamp": AT}, Metadata)),
            Seen.JOB_DELETED,
        ),
    ],
)
def test_who_deleted_a_pod_is_known_to_its_job_fault_23(found: Job, cause: Seen) -> None:
    ended = ended_by_pod(RUN, pod(terminated(137), deletionTimestamp=AT), cancelled=False)
    assert ended is not None
    assert with_job(ended, found).outcome.cause is cause
    assert ended.outcome.exit == Exit(None, 9)


def waits(name: str, reason: str, message: str = "", **more: Any) -> Pod:
    status = {"name": name, "state": {"waiting": {"reason": reason, "message": message}}, **more}
    kind = "containerStatuses" if name == "claude" else "initContainerStatuses"
    return pod(None, {"phase": "Pending", kind: [status]})


UNSCHEDULABLE = {
    "conditions": [
        {"type": "PodScheduled", "status": "False", "message": "0/1 nodes: 1 Insufficient cpu."}
    ]
}
CRASHED = {"lastState": {"terminated": {"exitCode": 7, "message": "no disk"}}}


@pytest.mark.parametrize(
    ("found", "cause", "words", "final"),
    [
        (waits("claude", "ErrImagePull", "not found"), Seen.IMAGE_PULL, "claude: not found", False),
        (waits("claude", "ImagePullBackOff"), Seen.IMAGE_PULL, "claude: ImagePullBackOff", False),
        (waits("claude", "InvalidImageName"), Seen.IMAGE_NAME, "claude: InvalidImageName", True),
        (waits("redis-sidecar", "ErrImagePull"), Seen.IMAGE_PULL, "redis-sidecar: ErrImagePull", False),
        (
            waits("claude", "CreateContainerConfigError", 'secret "x" not found'),
            Seen.MISSING_SECRET,
            'claude: secret "x" not found',
            False,
        ),
        (waits("claude", "CreateContainerConfigError"), Seen.NOT_STARTED, "claude: CreateContainerConfigError", False),
        (waits("claude", "CreateContainerError", "no command"), Seen.NOT_STARTED, "claude: no command", False),
        (
            waits("postgres-sidecar", "CrashLoopBackOff", "back-off", **CRASHED),
            Seen.SERVICE_FAILED,
            "postgres-sidecar: exit code 7 no disk",
            False,
        ),
        (pod(None, UNSCHEDULABLE), Seen.UNSCHEDULABLE, "0/1 nodes: 1 Insufficient cpu.", False),
        (waits("claude", "PodInitializing"), Seen.NOT_STARTED, "The Pod didn't become ready to start in time.", False),
    ],
)  # fmt: skip
def test_a_pod_says_what_keeps_it_from_starting_fault_18(
    found: Pod, cause: Seen, words: str, final: bool
) -> None:
    seen = obstacle(found, [])
    assert seen is not None
    assert (seen.cause, seen.error, seen.final) == (cause, words, final)


def test_a_job_without_a_pod_says_by_its_events_why_fault_18() -> None:
    other = Event(reason="SuccessfulCreate", message="Created pod")
    quota = Event(reason="FailedCreate", message="forbidden: exceeded quota: small")
    refused = Event(reason="FailedCreate", message="violates PodSecurity")
    assert obstacle(None, [other]) is None
    for events, cause in (([other, quota], Seen.QUOTA), ([quota, refused], Seen.POD_SECURITY)):
        found = obstacle(None, events)
        assert found is not None
        assert found.cause is cause


def test_a_program_that_could_not_be_brought_is_told_with_its_words() -> None:
    failed = {"name": "sandbox-program", "state": terminated(1, "No module named sandbox")}
    sidecar = {"name": "redis-sidecar", "state": terminated(143)}
    status = {"phase": "Failed", "initContainerStatuses": [sidecar, failed]}
    ended = ended_by_pod(
        RUN, pod({"waiting": {"reason": "PodInitializing"}}, status), cancelled=False
    )
    assert ended is not None
    assert (ended.outcome.ending, ended.outcome.cause) == (Ending.FAILED, Seen.NOT_STARTED)
    assert ended.outcome.error == "sandbox-program: No module named sandbox"


def test_nothing_keeps_a_program_from_starting_that_runs() -> None:
    assert obstacle(pod({"running": {}}), []) is None
    assert obstacle(pod(terminated(1)), []) is None
