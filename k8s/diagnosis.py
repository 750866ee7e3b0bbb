"""How a Run ended: pure judgement over Job and Pod, by small checks that are tried in the order of their tables.

Why one doesn't start is in `k8s/obstacles.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from k8s.names import CONTAINER, PROGRAM
from k8s.obstacles import how, unready_service
from k8s.phrases import brief
from k8s.structs import Condition, Job, Pod, Terminated
from runs.outcome import Ending, Exit, Outcome, Seen, judge, judge_by_exit
from sandbox import report as reports
from sandbox.report import Cause, Phase, Report
from sandbox.services import names_shown


@dataclass(frozen=True, slots=True)
class Ended:
    """An Outcome, and when the cluster says that it came about (None: it doesn't say)."""

    outcome: Outcome
    at: datetime | None


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
        by_time = failed.reason == _OUT_OF_TIME
        cause = Seen.DEADLINE_BY_CLUSTER if by_time else Seen.POD_DELETED
        error = _condition_words(failed) if by_time else None
        return Ended(Outcome(ending, cause=cause, error=error), failed.last_transition_time)
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
    for condition in job.status.conditions or ():
        if condition.type in ("FailureTarget", "Failed") and condition.reason == _OUT_OF_TIME:
            words = _condition_words(condition)
            outcome = replace(ended.outcome, cause=Seen.DEADLINE_BY_CLUSTER, error=words)
            return replace(ended, outcome=outcome)
    if job.metadata.deletion_timestamp is not None:
        return replace(ended, outcome=replace(ended.outcome, cause=Seen.JOB_DELETED))
    return ended


@dataclass(frozen=True, slots=True)
class End:
    """A program that ended, its Pod, and the Outcome as the program itself would have it."""

    pod: Pod
    terminated: Terminated
    told: Outcome
    cancelled: bool

    @property
    def is_unexplained(self) -> bool:
        """Say whether the program leaves open why it ended."""
        return self.told.cause in (Seen.KILLED, Seen.LOST, Seen.EXIT_CODE)

    def never_ran(self, cause: Cause | Seen, words: str) -> Outcome | None:
        """Return a failure with this cause if the program couldn't be started, with words that fit the pattern."""
        message = self.terminated.message
        if self.terminated.reason not in _NEVER_RAN or not re.search(words, message):
            return None
        return Outcome(Ending.FAILED, cause=cause, error=brief(message))


Why = tuple[Seen, str | None]
"""A cause, and the words that prove it."""


def no_program(end: End) -> Outcome | None:
    """The image lacks python3, with which the sandbox program is started."""
    return end.never_ran(Cause.TOOLS_MISSING, 'exec: "python3"')


def exec_format(end: End) -> Outcome | None:
    """The program is made for another kind of machine, or is none."""
    return end.never_ran(Seen.EXEC_FORMAT, "exec format error")


def entrypoint_missing(end: End) -> Outcome | None:
    """The image lacks the program that it is to start, or nobody may start it."""
    return end.never_ran(
        Seen.ENTRYPOINT_MISSING, "no such file|not found in \\$PATH|permission denied"
    )


def never_ran(end: End) -> Outcome | None:
    """The container was made, and its program couldn't be started."""
    return end.never_ran(Seen.NOT_STARTED, "")


def as_told(end: End) -> Outcome | None:
    """It ended well, or as a person wanted it: what else was seen is a remark."""
    stopped = end.told.ending is Ending.CANCELLED and end.cancelled
    return end.told if end.told.ended_well or stopped else None


def out_of_memory(end: End) -> Outcome | None:
    """The kernel killed for lack of memory, and nothing else is known to have ended it."""
    killed = end.is_unexplained or end.told.cause is Cause.AGENT_KILLED
    if end.terminated.reason != "OOMKilled" or not killed:
        return None
    seen = f"{CONTAINER}: {how(end.terminated)}"
    return replace(end.told, cause=Seen.OUT_OF_MEMORY, error=_rows(end.told.error, seen))


def service_unready(end: End) -> Outcome | None:
    """The sandbox waited in vain for what stands beside it, whose own containers say why."""
    if end.told.cause is not Cause.SERVICE_UNREACHABLE:
        return None
    found = unready_service(end.pod, names_shown(end.told.error or ""))
    if found is None:
        return None
    error = found.error
    if found.cause is Seen.SERVICE_NOT_READY:
        error = _rows(error, end.told.error)
    return replace(end.told, cause=found.cause, error=error)


def explained(end: End) -> Outcome | None:
    """The sandbox says itself why it failed."""
    return None if end.is_unexplained or end.told.cause is Cause.CANCELLED else end.told


def stopped(end: End) -> Outcome | None:
    """Its Pod was ended from outside."""
    why = _first(STOPPED, end.pod)
    if why is None:
        return None
    return replace(end.told, ending=Ending.FAILED, cause=why[0], error=why[1])


def by_exit(end: End) -> Outcome | None:
    """Nothing but the exit of the program is known."""
    return end.told


ENDED: tuple[Callable[[End], Outcome | None], ...] = (
    no_program,
    exec_format,
    entrypoint_missing,
    never_ran,
    as_told,
    out_of_memory,
    service_unready,
    explained,
    stopped,
    by_exit,
)
"""For a program that was seen to end."""


def deadline_of_pod(pod: Pod) -> Why | None:
    """The Pod's deadline was over."""
    if pod.status.reason != _OUT_OF_TIME:
        return None
    return Seen.DEADLINE_BY_CLUSTER, f"{_OUT_OF_TIME}: {pod.status.message}".rstrip(": ")


def preempted(pod: Pod) -> Why | None:
    """A Pod of more importance took its place."""
    disruption = pod.condition("DisruptionTarget")
    by_scheduler = disruption is not None and disruption.reason == "PreemptionByScheduler"
    if not by_scheduler and pod.status.reason != "Preempting":
        return None
    return Seen.PREEMPTED, _disruption(pod)


def disk_limit(pod: Pod) -> Why | None:
    """It wrote more than its volume or its container may hold."""
    if pod.status.reason != "Evicted" or "exceed" not in pod.status.message.lower():
        return None
    return Seen.DISK_LIMIT, pod.status.message.strip()


def node_gone(pod: Pod) -> Why | None:
    """Its machine went away, or doesn't answer."""
    disruption = pod.condition("DisruptionTarget")
    gone = disruption is not None and disruption.reason in _NODE_GONE
    if not gone and pod.status.reason != "NodeLost":
        return None
    return Seen.NODE_GONE, _disruption(pod)


def evicted(pod: Pod) -> Why | None:
    """Its machine had to let it go: it lacks something, is emptied, or shuts down."""
    disrupted = pod.condition("DisruptionTarget") is not None
    if not disrupted and pod.status.reason not in _LET_GO:
        return None
    return Seen.EVICTED, _disruption(pod)


def pod_deleted(pod: Pod) -> Why | None:
    """Somebody deleted the Pod; its Job knows whether it was deleted, too, or was out of time."""
    return None if pod.metadata.deletion_timestamp is None else (Seen.POD_DELETED, None)


def program_not_brought(pod: Pod) -> Why | None:
    """The sandbox program couldn't be brought into the run's image."""
    for status in pod.status.init_container_statuses or ():
        ended = status.state.terminated
        if status.name == PROGRAM and ended is not None and ended.exit_code != 0:
            return Seen.NOT_STARTED, f"{PROGRAM}: {ended.message or ended.reason}".strip()
    return None


def unknown_end(pod: Pod) -> Why | None:
    """The Pod ended for a reason that nobody has told us of."""
    if not pod.status.reason:
        return None
    return Seen.UNKNOWN, f"{pod.status.reason}: {pod.status.message}".rstrip(": ")


STOPPED: tuple[Callable[[Pod], Why | None], ...] = (
    deadline_of_pod,
    preempted,
    disk_limit,
    node_gone,
    evicted,
    pod_deleted,
)
"""For a Pod that didn't end by itself."""

UNSEEN: tuple[Callable[[Pod], Why | None], ...] = (*STOPPED, program_not_brought, unknown_end)
"""For a Pod that ended, and nobody saw how its program did."""


def remark_on(pod: Pod) -> str | None:
    """Return what people should know of a Pod however it ended: what was killed for memory, or crashed, beside the agent."""
    found = []
    terminated = pod.container(CONTAINER).terminated
    if terminated is not None and terminated.reason == "OOMKilled":
        found.append("A process of the run needed more memory than there was, and was killed.")
    found += [
        f"{status.name} ended and was started again: {how(status.last_state.terminated)}"
        for status in pod.status.init_container_statuses or ()
        if status.restart_count and status.last_state.terminated is not None
    ]
    return "\n".join(found) or None


def _of_program(run_id: str, pod: Pod, terminated: Terminated, *, cancelled: bool) -> Outcome:
    if _read(terminated) is None:
        told = judge_by_exit(_exit(terminated), cancelled=cancelled)
    else:
        told = judge(report_of(run_id, pod), _exit(terminated), cancelled=cancelled)
    end = End(pod, terminated, told, cancelled)
    outcome = next(found for check in ENDED if (found := check(end)) is not None)
    said_by_error = (Seen.OUT_OF_MEMORY, Seen.SERVICE_FAILED, Seen.SERVICE_OUT_OF_MEMORY)
    return outcome if outcome.cause in said_by_error else replace(outcome, remark=remark_on(pod))


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


def _of_pod(pod: Pod, report: Report | None, *, cancelled: bool) -> Outcome:
    """Judge a Pod that ended without anybody having seen how its program did."""
    outcome = judge(report, None, cancelled=cancelled)
    why = _first(UNSEEN, pod)
    if why is None or outcome.ending is Ending.CANCELLED:
        return replace(outcome, error=pod.status.message or None)
    return replace(outcome, cause=why[0], error=why[1])


def _first(checks: Iterable[Callable[[Pod], Why | None]], pod: Pod) -> Why | None:
    return next((why for check in checks if (why := check(pod)) is not None), None)


def _disruption(pod: Pod) -> str | None:
    """Return what the cluster says of why it took a Pod's place."""
    disruption = pod.condition("DisruptionTarget")
    words = pod.status.message or (disruption.message if disruption is not None else "")
    return words.strip() or None


def _condition_words(condition: Condition) -> str:
    return f"{condition.reason}: {condition.message}".rstrip(": ")


def _rows(*texts: str | None) -> str:
    return "\n".join(text for text in texts if text)


_OUT_OF_TIME = "DeadlineExceeded"
_NOBODY_SAW = "ContainerStatusUnknown"
"""What a container has that was on a lost machine."""
_NEVER_RAN = ("StartError", "ContainerCannotRun")
_NODE_GONE = ("DeletionByTaintManager", "DeletionByPodGC")
_LET_GO = ("Evicted", "Shutdown", "NodeShutdown", "Terminated")
