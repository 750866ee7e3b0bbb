"""What keeps a Run from starting: small checks over Pod and events, tried in the order of their tables. Pure."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from k8s.names import BROKER, CONTAINER, sidecar
from k8s.phrases import brief
from k8s.structs import ContainerStatus, Event, Pod, Terminated
from runs.outcome import Seen


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a Run from starting.

    A `final` one never goes away by itself. A `vague` one says less than what was seen before it. With `by_events` the
    Pod's events say more. `grace_seconds` are what the Pod was given to end.
    """

    cause: Seen
    error: str
    final: bool = False
    vague: bool = False
    by_events: bool = False
    grace_seconds: int = 0


def obstacle(pod: Pod | None, events: Iterable[Event]) -> Obstacle | None:
    """Say what keeps a Run from starting, by its Pod or, without one, by its Job's events.

    None when it is running, or nothing is wrong.
    """
    if pod is None:
        return _no_pod(events)
    state = pod.container(CONTAINER)
    if state.terminated is not None:
        return None
    if pod.metadata.deletion_timestamp is not None:
        return lingers(pod)
    if state.running is not None:
        return None
    for status in pod.statuses:
        for of_container in OF_CONTAINER:
            if (found := of_container(status)) is not None:
                return found
    for of_pod in OF_POD:
        if (found := of_pod(pod)) is not None:
            return found
    return Obstacle(Seen.NOT_STARTED, _NOT_IN_TIME)


def with_events(found: Obstacle, events: Iterable[Event]) -> Obstacle:
    """Add what the Pod's events say of an obstacle; a volume that isn't there is told by them alone."""
    if not found.by_events:
        return found
    warnings = [event for event in events if event.type == "Warning"]
    mounts = [event for event in warnings if event.reason == "FailedMount"]
    if found.cause is Seen.NOT_STARTED and mounts:
        return replace(found, cause=Seen.MISSING_VOLUME, error=mounts[-1].message.strip())
    told = [event.message.strip() for event in warnings if event.reason in _TELLING]
    return replace(found, error="\n".join([found.error, *told[-1:]]))


def unready_service(pod: Pod, services: Iterable[str]) -> Obstacle | None:
    """Say why a service beside an agent isn't ready, that was waited for in vain; None when no container is its."""
    containers = [sidecar(service) for service in services]
    found = [
        _ended_in_vain(status) or Obstacle(Seen.SERVICE_NOT_READY, f"{status.name}: not ready")
        for status in pod.statuses
        if status.name in containers
    ]
    return min(found, key=lambda each: each.cause is Seen.SERVICE_NOT_READY, default=None)


def bad_image_name(status: ContainerStatus) -> Obstacle | None:
    """The image's name is no name, or the image may not be pulled at all."""
    waiting = status.state.waiting
    if waiting is None or waiting.reason not in ("InvalidImageName", "ErrImageNeverPull"):
        return None
    return Obstacle(Seen.IMAGE_NAME, _words(status), final=True)


def image_refused(status: ContainerStatus) -> Obstacle | None:
    """The registry lets nobody pull the image who doesn't log in."""
    waiting = status.state.waiting
    if waiting is None or waiting.reason not in _PULLS:
        return None
    if not _REFUSED.search(_NAMES.sub("", waiting.message)):
        return None
    return Obstacle(Seen.IMAGE_REFUSED, _words(status))


def image_not_pulled(status: ContainerStatus) -> Obstacle | None:
    """The image isn't there, or its registry can't be reached."""
    waiting = status.state.waiting
    if waiting is None or waiting.reason not in _PULLS:
        return None
    vague = waiting.reason == "ImagePullBackOff" and "Err" not in waiting.message
    return Obstacle(Seen.IMAGE_PULL, _words(status), vague=vague)


def missing_key(status: ContainerStatus) -> Obstacle | None:
    """A Secret or ConfigMap lacks a key that a container needs."""
    waiting = status.state.waiting
    if waiting is None or waiting.reason not in _NOT_CREATED or "find key" not in waiting.message:
        return None
    return Obstacle(Seen.MISSING_KEY, _words(status))


def missing_secret(status: ContainerStatus) -> Obstacle | None:
    """A Secret or ConfigMap that a container needs isn't there."""
    waiting = status.state.waiting
    if waiting is None or waiting.reason not in _NOT_CREATED:
        return None
    if not re.search('(secret|configmap) ".*" not found', waiting.message):
        return None
    return Obstacle(Seen.MISSING_SECRET, _words(status))


def not_created(status: ContainerStatus) -> Obstacle | None:
    """The container runtime can't make a container."""
    waiting = status.state.waiting
    if waiting is None or waiting.reason not in _NOT_CREATED:
        return None
    return Obstacle(Seen.NOT_STARTED, _words(status))


def broker_fails(status: ContainerStatus) -> Obstacle | None:
    """The broker, without which the run has no keys, ends before it is ready, or doesn't get ready."""
    if status.name != BROKER:
        return None
    found = service_crashes(status) or service_not_ready(status)
    return None if found is None else replace(found, cause=Seen.BROKER_FAILED)


def service_out_of_memory(status: ContainerStatus) -> Obstacle | None:
    """A service beside the agent needs more memory than it may have, before it is ready."""
    last = _last_crash(status)
    return None if last is None or last.reason != "OOMKilled" else _crashed(status.name, last)


def service_crashes(status: ContainerStatus) -> Obstacle | None:
    """A service beside the agent ends before it is ready, again and again."""
    last = _last_crash(status)
    if last is None and not _backs_off(status):
        return None
    words = _words(status) if last is None else f"{status.name}: {_crash(last)}"
    by_kubelet = last is not None and last.exit_code in _ENDED_BY_SIGNAL
    return Obstacle(Seen.SERVICE_FAILED, words, by_events=by_kubelet)


def service_not_ready(status: ContainerStatus) -> Obstacle | None:
    """A service beside the agent runs, and doesn't get ready."""
    if status.name == CONTAINER or status.state.running is None or status.started is not False:
        return None
    return Obstacle(Seen.SERVICE_NOT_READY, f"{status.name}: not ready", by_events=True)


def unknown_wait(status: ContainerStatus) -> Obstacle | None:
    """A container waits for something that nobody has told us of."""
    waiting = status.state.waiting
    if waiting is None or waiting.reason in _BEGINNING:
        return None
    return Obstacle(
        Seen.UNKNOWN, f"{status.name}: {waiting.reason}: {waiting.message}".rstrip(": ")
    )


def no_room(pod: Pod) -> Obstacle | None:
    """No machine of those that would fit has room."""
    words = _unscheduled(pod)
    if words is None or not re.search("Insufficient|Too many pods", words):
        return None
    return Obstacle(Seen.UNSCHEDULABLE, words)


def no_machine_fits(pod: Pod) -> Obstacle | None:
    """No machine fits, however much room it has: selectors, taints, volumes."""
    words = _unscheduled(pod)
    return None if words is None else Obstacle(Seen.NO_MACHINE_FITS, words)


def unknown_gate(pod: Pod) -> Obstacle | None:
    """Something keeps the scheduler from looking at the Pod."""
    for condition in pod.status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            return Obstacle(Seen.UNKNOWN, f"{condition.reason}: {condition.message}".rstrip(": "))
    return None


def not_begun(pod: Pod) -> Obstacle | None:
    """A machine has the Pod, and nothing of it starts."""
    begun = any(status.state.running or status.state.terminated for status in pod.statuses)
    if begun or not pod.statuses:
        return None
    return Obstacle(Seen.NOT_STARTED, _NOT_IN_TIME, by_events=True)


def lingers(pod: Pod) -> Obstacle:
    """The Pod was deleted, and its machine doesn't say that it ended."""
    disruption = pod.condition("DisruptionTarget")
    words = "its machine doesn't answer any more" if disruption is None else disruption.message
    grace_seconds = pod.metadata.deletion_grace_period_seconds or 0
    return Obstacle(Seen.NODE_GONE, words, grace_seconds=grace_seconds)


OF_CONTAINER: tuple[Callable[[ContainerStatus], Obstacle | None], ...] = (
    bad_image_name,
    image_refused,
    image_not_pulled,
    missing_key,
    missing_secret,
    not_created,
    broker_fails,
    service_out_of_memory,
    service_crashes,
    service_not_ready,
    unknown_wait,
)
"""For each container of the Pod, those beside the agent first."""

OF_POD: tuple[Callable[[Pod], Obstacle | None], ...] = (
    no_room,
    no_machine_fits,
    unknown_gate,
    not_begun,
)
"""Then for the Pod."""


def exceeded_quota(words: str) -> Seen | None:
    """A ResourceQuota of the namespace is used up."""
    return Seen.QUOTA if "exceeded quota" in words else None


def pod_security(words: str) -> Seen | None:
    """Pod Security refuses what the Pod asks for."""
    return Seen.POD_SECURITY if "violates PodSecurity" in words else None


def pod_refused(_words: str) -> Seen | None:
    """Something else refuses the Pod: a policy, a webhook, a limit range."""
    return Seen.POD_REFUSED


WITHOUT_POD: tuple[Callable[[str], Seen | None], ...] = (exceeded_quota, pod_security, pod_refused)
"""Where there is no Pod, over the words of the last refusal among the Job's events."""


def how(ended: Terminated) -> str:
    """Return how a container ended, in a few words."""
    code = f"signal {ended.signal}" if ended.signal else f"exit code {ended.exit_code}"
    return code if ended.reason in ("", "Error", "Completed") else f"{ended.reason}, {code}"


def _crash(ended: Terminated) -> str:
    """Return how a container ended, and its own last words."""
    return f"{how(ended)} {ended.message}".rstrip()


def _ended_in_vain(status: ContainerStatus) -> Obstacle | None:
    """Say how a container ended before it was started again; None for one that never did."""
    last = status.last_state.terminated
    return None if last is None else _crashed(status.name, last)


def _crashed(container: str, ended: Terminated) -> Obstacle:
    cause = Seen.SERVICE_OUT_OF_MEMORY if ended.reason == "OOMKilled" else Seen.SERVICE_FAILED
    return Obstacle(cause, f"{container}: {_crash(ended)}")


def _no_pod(events: Iterable[Event]) -> Obstacle | None:
    words = [event.message for event in events if event.reason == "FailedCreate"]
    if not words:
        return None
    cause = next(found for check in WITHOUT_POD if (found := check(words[-1])) is not None)
    return Obstacle(cause, brief(words[-1]))


def _words(status: ContainerStatus) -> str:
    waiting = status.state.waiting
    words = "" if waiting is None else brief(waiting.message) or waiting.reason
    return f"{status.name}: {words}"


def _last_crash(status: ContainerStatus) -> Terminated | None:
    """Return how a service ended that isn't ready; None for the agent, and for one that never ended."""
    return None if status.name == CONTAINER or status.started else status.last_state.terminated


def _backs_off(status: ContainerStatus) -> bool:
    waiting = status.state.waiting
    return waiting is not None and waiting.reason == "CrashLoopBackOff"


def _unscheduled(pod: Pod) -> str | None:
    """Return why the scheduler found no machine."""
    for condition in pod.status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            return brief(condition.message) if condition.reason in ("", "Unschedulable") else None
    return None


_PULLS = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable")
_REFUSED = re.compile(
    r"\b40[13]\b|unauthorized|forbidden|denied|authorization failed", re.IGNORECASE
)
_NAMES = re.compile(r'"[^"]*"|\S*[/:]\S+')
"""Names of images and registries, which may hold any word and number."""
_NOT_CREATED = ("CreateContainerConfigError", "CreateContainerError")
_BEGINNING = ("", "PodInitializing", "ContainerCreating", "CrashLoopBackOff")
_ENDED_BY_SIGNAL = (128 + signal.SIGKILL, 128 + signal.SIGTERM)
"""So a service ends whose startup probe failed for too long; the events say how."""
_TELLING = ("Unhealthy", "FailedCreatePodSandBox")
"""Events that say why: a probe that failed, and a container runtime that the node hasn't, or that can't begin."""
_NOT_IN_TIME = "The Pod didn't become ready to start in time."
