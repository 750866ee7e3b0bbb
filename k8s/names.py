"""The names that stand on Jobs and Pods. People, scripts and other programs rely on them."""

from __future__ import annotations

from runs.run import is_run_id

APP_LABEL = "app"
APP = "claude-sandbox"
"""On Jobs and Pods: what our two watches and `kubectl get jobs -l app=claude-sandbox` select by."""

STATUS_LABEL = "status"
RUNNING = "running"
COMPLETE = "complete"
FAILED = "failed"
"""On Jobs, for `kubectl delete jobs -l app=claude-sandbox,status=complete`. It leaves `running` only when people
were told of the end, so that such a command can't remove what nobody has heard of."""

JOB_NAME_LABEL = "batch.kubernetes.io/job-name"
"""Set by Kubernetes on the Pods of a Job (1.27 and newer)."""

JOB_UID_LABEL = "batch.kubernetes.io/controller-uid"
"""Beside it: which of the Jobs that had this name, one after the other, the Pod belongs to."""

SELECTOR = f"{APP_LABEL}={APP}"

CONTAINER = "claude"
"""The container that decides how a Run ended; `kubectl logs … -c claude`."""

PROGRAM = "sandbox-program"
"""The init container that brings the sandbox program into an image that hasn't got it, and its volume."""

BROKER = "broker"
"""The native sidecar that holds the Run's keys, and its volume."""

KUEUE_LABEL = "kueue.x-k8s.io/queue-name"
"""On Jobs: the LocalQueue from which Kueue lets them start (https://kueue.sigs.k8s.io/docs/tasks/run/jobs/)."""

_PREFIX = "claude-"
_SIDECAR = "-sidecar"


def job_name(run_id: str) -> str:
    """Return the name of a Run's Job; the same Run always meets the same Job."""
    return _PREFIX + run_id


def run_of_job(name: str) -> str | None:
    """Return the id of the Run that a Job's name stands for; None for the Job of somebody else."""
    run_id = name.removeprefix(_PREFIX)
    return run_id if name.startswith(_PREFIX) and is_run_id(run_id) else None


def sidecar(service: str) -> str:
    """Return the name of the container of a service, such as `postgres-sidecar`."""
    return service + _SIDECAR


def service(container: str) -> str:
    """Return the name of the service that runs in a sidecar."""
    return container.removesuffix(_SIDECAR)
