"""A run that waited in vain for a service: the service's own container says why."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.diagnosis import ended_by_pod
from runs.outcome import Ending, Seen
from sandbox.report import Cause
from tests.k8s.test_diagnosis import RUN, pod, said, terminated

OUT_OF_MEMORY = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
NO_DISK = {"terminated": {"exitCode": 7, "reason": "Error", "message": "no disk"}}
REFUSED = "redis (127.0.0.1:6379): Connection refused"


@pytest.mark.parametrize(
    ("service", "cause", "words"),
    [
        ({"state": {"running": {}}}, Seen.SERVICE_NOT_READY, f"redis-sidecar: not ready\n{REFUSED}"),
        (
            {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": NO_DISK, "restartCount": 3},
            Seen.SERVICE_FAILED,
            "redis-sidecar: exit code 7 no disk",
        ),
        (
            {"state": {"running": {}}, "started": True, "lastState": OUT_OF_MEMORY, "restartCount": 1},
            Seen.SERVICE_OUT_OF_MEMORY,
            "redis-sidecar: OOMKilled, exit code 137",
        ),
        # Kubernetes ends what stands beside a run that has ended: that isn't why it wasn't ready.
        ({"state": terminated(137)}, Seen.SERVICE_NOT_READY, f"redis-sidecar: not ready\n{REFUSED}"),
        ({"name": "other-sidecar", "state": {"running": {}}, "lastState": NO_DISK}, Cause.SERVICE_UNREACHABLE, REFUSED),
    ],
)  # fmt: skip
def test_of_a_service_that_was_waited_for_in_vain_its_container_says_why_fault_20(
    service: dict[str, Any], cause: Cause | Seen, words: str
) -> None:
    fine = {"name": "postgres-sidecar", "state": {"running": {}}, "lastState": NO_DISK}
    report = said("failed", cause="service-unreachable", error=REFUSED)
    found = pod(
        terminated(1, report),
        {"initContainerStatuses": [fine, {"name": "redis-sidecar", **service}]},
    )
    ended = ended_by_pod(RUN, found, cancelled=False)
    assert ended is not None
    outcome = ended.outcome
    assert (outcome.ending, outcome.cause, outcome.error) == (Ending.FAILED, cause, words)
    assert outcome.report is not None
    assert "redis-sidecar" not in (outcome.remark or ""), "said once"


def test_of_two_that_were_waited_for_in_vain_the_one_that_ended_is_told_fault_20() -> None:
    error = f"postgres (127.0.0.1:5432): it hangs up\n{REFUSED}"
    waiting = {"name": "postgres-sidecar", "state": {"running": {}}}
    ends = {"name": "redis-sidecar", "state": {"running": {}}, "lastState": NO_DISK}
    status = {"initContainerStatuses": [waiting, ends]}
    report = said("failed", cause="service-unreachable", error=error)
    ended = ended_by_pod(RUN, pod(terminated(1, report), status), cancelled=False)
    assert ended is not None
    assert ended.outcome.error == "redis-sidecar: exit code 7 no disk"
