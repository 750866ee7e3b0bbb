"""How a Run ended, and why one doesn't start: pure judgement over Job, Pod and events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from k8s.names import CONTAINER, PROGRAM
from k8s.structs import ContainerStatus, Event, Job, Pod, Terminated
from runs.outcome import Ending, Exit, Outcome, Seen, judge, judge_by_exit
from sandbox import report as reports
from sandbox.report import Cause, Phase, Report


@dataclass(frozen=True, slots=True)
class Ended:
    """An Outcome, and when the cluster says that it came about (None: it doesn't say)."""

    outcome: Outcome
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a Run from starting; a `final` one never goes away by itself."""

    cause: Seen
    error: str
    final: bool = False


def report_of(run_id: str, pod: Pod | None) -> Report | None:
    """Return the newest Report of a Run; a provisional one once its program was started.

    Kubernetes shows what the sandbox writes only when it has ended.
    """
    state = None if pod is None else pod.container(CONTAINER)
    if state is None or (state.running is None and state.terminated is None):
        return None
    if state.terminated is not None:
        report = _read(state.terminated)
        if report is not None and report.run_id == run_id:
            return report
    return Report(run_id, Phase.ENVIRONMENT)


def ended_by_pod(run_id: str, pod: Pod, *, cancelled: bool) -> Ended | None:
    """Say how a Run ended by its Pod; None while that goes on."""
    terminated = pod.container(CONTAINER).terminated
    if terminated is not None and terminated.reason != _NOBODY_SAW:
        outcome = _of_program(run_id, pod, terminated, cancelled=cancelled)
        return Ended(outcome, terminated.finished_at)
    if pod.status.phase in ("Failed", "Succeeded"):
        return Ended(_of_pod(pod, report_of(run_id, pod), cancelled=cancelled), None)
    return None


def ended_by_job(job: Job, *, cancelled: bool) -> Ended | None:
    """Say how a Run ended that has no Pod (any more); None while it goes on."""
    failed, complete = job.condition("Failed"), job.condition("Complete")
    if failed is not None:
        ending = Ending.CANCELLED if cancelled else Ending.FAILED
        by_time = failed.reason == "DeadlineExceeded"
        cause = Seen.DEADLINE_BY_CLUSTER if by_time else Seen.POD_DELETED
        return Ended(Outcome(ending, cause=cause), failed.last_transition_time)
    if complete is not None:
        return Ended(judge(None, None, cancelled=cancelled), complete.last_transition_time)
    suspended = job.condition("Suspended")
    if not (cancelled and job.spec.suspend and suspended is not None):
        return None
    if job.status.active or job.status.terminating:
        return None
    return Ended(Outcome(Ending.CANCELLED, cause=Cause.CANCELLED), suspended.last_transition_time)


def with_job(ended: Ended, job: Job) -> Ended:
    """Say who deleted a Pod, as far as its Job knows; it has to be read after the end was seen."""
    if ended.outcome.cause is not Seen.POD_DELETED:
        return ended
    if any(
        condition.type in ("FailureTarget", "Failed") and condition.reason == "DeadlineExceeded"
        for condition in job.status.conditions or ()
    ):
        return replace(ended, outcome=replace(ended.outcome, cause=Seen.DEADLINE_BY_CLUSTER))
    if job.metadata.deletion_timestamp is not None:
        return replace(ended, outcome=replace(ended.outcome, cause=Seen.JOB_DELETED))
    return ended


def obstacle(pod: Pod | None, events: Iterable[Event]) -> Obstacle | None:
    """Say what keeps a Run from starting, by its Pod or, without one, by its Job's events.

    None when it is running, or nothing is wrong.
    """
    if pod is None:
        return _no_pod(events)
    state = pod.container(CONTAINER)
    if state.running is not None or state.terminated is not None:
        return None
    for status in pod.statuses:
        found = _of_container(status)
        if found is not None:
            return found
    for condition in pod.status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            return Obstacle(Seen.UNSCHEDULABLE, condition.message)
    return Obstacle(Seen.NOT_STARTED, "The Pod didn't become ready to start in time.")


def _of_program(run_id: str, pod: Pod, terminated: Terminated, *, cancelled: bool) -> Outcome:
    if terminated.reason in _NEVER_RAN:
        no_python = 'exec: "python3"' in terminated.message
        cause = Cause.TOOLS_MISSING if no_python else Seen.NOT_STARTED
        return Outcome(Ending.FAILED, cause=cause, error=terminated.message)
    if _read(terminated) is None:
        outcome = judge_by_exit(_exit(terminated), cancelled=cancelled)
    else:
        outcome = judge(report_of(run_id, pod), _exit(terminated), cancelled=cancelled)
    if outcome.ended_well or (outcome.ending is Ending.CANCELLED and cancelled):
        return outcome
    unexplained = outcome.cause in _UNEXPLAINED
    if terminated.reason == "OOMKilled" and (unexplained or outcome.cause is Cause.AGENT_KILLED):
        return replace(outcome, cause=Seen.OUT_OF_MEMORY)
    if not unexplained and outcome.cause is not Cause.CANCELLED:
        return outcome
    why = _why_stopped(pod)
    return (
        outcome
        if why is None
        else replace(outcome, ending=Ending.FAILED, cause=why[0], error=why[1])
    )


def _read(terminated: Terminated) -> Report | None:
    """Read the Report that a program left; None from an image with a program of its own."""
    return reports.decode(terminated.message.encode("utf-8", "replace"))


def _exit(terminated: Terminated) -> Exit:
    """Return the exit of the program; a runtime tells a signal as 128 and its number."""
    if terminated.signal:
        return Exit(None, terminated.signal)
    if 128 < terminated.exit_code <= 128 + 64:
        return Exit(None, terminated.exit_code - 128)
    return Exit(terminated.exit_code)


def _why_stopped(pod: Pod) -> tuple[Seen, str | None] | None:
    """Say who ended a Pod that didn't end by itself."""
    if pod.status.reason == "DeadlineExceeded":
        return Seen.DEADLINE_BY_CLUSTER, None
    disruption = pod.condition("DisruptionTarget")
    if pod.status.reason == "Evicted" or disruption is not None:
        words = pod.status.message or (disruption.message if disruption is not None else "")
        return Seen.EVICTED, words or None
    if pod.status.reason in ("NodeLost", "Shutdown", "NodeShutdown", "Terminated"):
        return Seen.EVICTED, pod.status.message or None
    if pod.metadata.deletion_timestamp is not None:
        return Seen.POD_DELETED, None
    return None


def _of_pod(pod: Pod, report: Report | None, *, cancelled: bool) -> Outcome:
    """Judge a Pod that ended without anybody having seen how its program did."""
    outcome = judge(report, None, cancelled=cancelled)
    why = _why_stopped(pod) or _why_not_brought(pod)
    if why is None or outcome.ending is Ending.CANCELLED:
        return replace(outcome, error=pod.status.message or None)
    return replace(outcome, cause=why[0], error=why[1])


def _why_not_brought(pod: Pod) -> tuple[Seen, str] | None:
    """Say why the sandbox program could not be brought into the run's image."""
    for status in pod.status.init_container_statuses or ():
        ended = status.state.terminated
        if status.name == PROGRAM and ended is not None and ended.exit_code != 0:
            return Seen.NOT_STARTED, f"{PROGRAM}: {ended.message or ended.reason}".strip()
    return None


def _no_pod(events: Iterable[Event]) -> Obstacle | None:
    words = [event.message for event in events if event.reason == "FailedCreate"]
    if not words:
        return None
    cause = Seen.QUOTA if "exceeded quota" in words[-1] else Seen.POD_REFUSED
    return Obstacle(cause, words[-1])


def _of_container(status: ContainerStatus) -> Obstacle | None:
    waiting = status.state.waiting
    if waiting is None:
        return None
    words = f"{status.name}: {waiting.message or waiting.reason}"
    if waiting.reason in _BAD_IMAGE:
        return Obstacle(Seen.IMAGE_PULL, words, final=True)
    if waiting.reason in ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"):
        return Obstacle(Seen.IMAGE_PULL, words)
    if waiting.reason in _NOT_CREATED:
        missing = "secret" in waiting.message or "configmap" in waiting.message
        return Obstacle(Seen.MISSING_SECRET if missing else Seen.NOT_STARTED, words)
    if waiting.reason == "CrashLoopBackOff" and status.name != CONTAINER:
        last = status.last_state.terminated
        said = f" (exit code {last.exit_code}) {last.message}".rstrip() if last else ""
        return Obstacle(Seen.SERVICE_FAILED, words + said)
    return None


_NOBODY_SAW = "ContainerStatusUnknown"
"""What a container has that was on a lost machine."""
_UNEXPLAINED = (Seen.KILLED, Seen.LOST, Seen.EXIT_CODE)
_NOT_CREATED = ("CreateContainerConfigError", "CreateContainerError")
_NEVER_RAN = ("StartError", "ContainerCannotRun")
_BAD_IMAGE = ("InvalidImageName", "ErrImageNeverPull")
