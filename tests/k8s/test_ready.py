"""What a bot waits for that isn't ready, in the cluster's own words."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.installation.ready import is_ready, why_not

Object = dict[str, Any]


def deployment(replicas: int = 1, **status: Any) -> Object:
    return {"metadata": {"generation": 2}, "spec": {"replicas": replicas}, "status": status}


def pod(status: Object, **metadata: str) -> Object:
    return {"metadata": {"name": "bot-1", **metadata}, "status": status}


def container(**state: Object) -> Object:
    return {"containerStatuses": [{"state": state}]}


NO_NODE = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}
NO_POD = {"type": "ReplicaFailure", "status": "True", "message": "pods is forbidden"}


@pytest.mark.parametrize(
    ("found", "pods", "words"),
    [
        (None, [], "there is no Deployment of the bot"),
        (deployment(0), [], "it is scaled to 0 replicas"),
        (deployment(), [], "its Pod is being made"),
        (deployment(conditions=[NO_POD]), [], "the cluster makes no Pod: pods is forbidden"),
        (
            deployment(),
            [pod({"conditions": [NO_NODE]})],
            "no machine takes it: 0/1 nodes are available",
        ),
        (
            deployment(),
            [pod(container(waiting={"reason": "ErrImagePull", "message": "not found"}))],
            "ErrImagePull: not found",
        ),
        (
            deployment(),
            [pod(container(waiting={"reason": "CrashLoopBackOff"}))],
            "CrashLoopBackOff",
        ),
        (
            deployment(),
            [pod(container(waiting={"reason": "ContainerCreating"}))],
            "its container is being made",
        ),
        (
            deployment(),
            [pod(container(running={"startedAt": "2026-11-28T10:00:00Z"}))],
            "it runs, and Telegram hasn't answered it yet",
        ),
        (
            deployment(),
            [pod(container(waiting={"reason": "Old"}), deletionTimestamp="2026-11-28T10:00:00Z")],
            "its Pod is being made",
        ),
    ],
)
def test_a_bot_that_is_not_ready_says_what_it_waits_for(
    found: Object | None, pods: list[Object], words: str
) -> None:
    assert why_not(found, pods) == words


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        (
            {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
            True,
        ),
        (
            {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
            False,
        ),
        (
            {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 1},
            False,
        ),
        ({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1}, False),
        ({}, False),
    ],
)
def test_a_bot_is_ready_when_its_new_pod_is_the_only_one_and_answers(
    status: Object, ready: bool
) -> None:
    assert is_ready(deployment() | {"status": status}) is ready
