"""Waits until the bot's Pod is ready, and says meanwhile what it waits for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from k8s.installation.objects import Kind, Objects, Ref
from k8s.installation.plan import BOT
from k8s.installation.present import DEPLOYMENT
from runs.backend import BackendError, Unavailable

PODS = Kind("v1", "Pod")
_LOOK_SECONDS = 1.0
_LAST_LINES = 5


async def wait_until_ready(
    objects: Objects, namespace: str, seconds: float, tell: Callable[[str], None]
) -> str | None:
    """Wait for the bot of this version; return None, or why it isn't ready in time. Raises Rejected.

    `tell` hears each time that it waits for something else.
    """
    deadline = time.monotonic() + seconds
    told = ""
    while True:
        pods: Sequence[Mapping[str, Any]] = ()
        try:
            deployment = await objects.read(Ref(DEPLOYMENT, namespace, BOT))
            if deployment is not None and is_ready(deployment):
                return None
            pods = await objects.list(PODS, namespace, f"app={BOT}")
            why = why_not(deployment, pods)
        except Unavailable as error:
            why = str(error)
        if why != told:
            told = why
            tell(why)
        if time.monotonic() > deadline:
            return why + await last_words(objects, namespace, pods)
        await asyncio.sleep(_LOOK_SECONDS)


def is_ready(deployment: Mapping[str, Any]) -> bool:
    """Say whether all Pods are of the present version, and one is ready."""
    status = deployment.get("status") or {}
    wanted = deployment["spec"].get("replicas", 1)
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and status.get("updatedReplicas", 0) == wanted == status.get("replicas", 0)
        and status.get("availableReplicas", 0) >= 1
    )


def why_not(deployment: Mapping[str, Any] | None, pods: Sequence[Mapping[str, Any]]) -> str:
    """Say what a bot waits for that isn't ready, in the cluster's words where it has some."""
    if deployment is None:
        return "there is no Deployment of the bot"
    if deployment["spec"].get("replicas", 1) == 0:
        return "it is scaled to 0 replicas"
    return next(_reasons(deployment, pods), "its Pod is being made")


def _reasons(deployment: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    here = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    for pod in here:
        status = pod.get("status") or {}
        for container in status.get("containerStatuses") or ():
            waiting = container["state"].get("waiting") or {}
            if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
                yield f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
            if container["state"].get("running"):
                yield "it runs, and Telegram hasn't answered it yet"
        for condition in status.get("conditions") or ():
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                yield f"no machine takes it: {condition.get('message', '')}"
        yield "its container is being made"
    for condition in (deployment.get("status") or {}).get("conditions") or ():
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True" and not here:
            yield f"the cluster makes no Pod: {condition.get('message', '')}"


async def last_words(objects: Objects, namespace: str, pods: Sequence[Mapping[str, Any]]) -> str:
    """Return the last lines of a Pod's log, of its last start where it ended; "" where there are none."""
    for pod in pods:
        statuses = (pod.get("status") or {}).get("containerStatuses") or [{}]
        ended = "terminated" in (statuses[0].get("lastState") or {})
        path = f"{PODS.path(namespace)}/{pod['metadata']['name']}/log"
        query: dict[str, str | int] = {"tailLines": _LAST_LINES}
        if ended and "running" not in (statuses[0].get("state") or {}):
            query["previous"] = "true"
        try:
            log = await objects.api.log(path, query)
        except BackendError:
            continue
        if text := log.decode("utf-8", "replace").strip():
            return f"\nThe last lines of its log:\n{text}"
    return ""
