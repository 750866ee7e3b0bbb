"""What scenes do to machines: a played one, places that are rare, and a Pod of more importance."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from tests.cluster.outcome_stage import Stage

PLAYED = "claude-sandbox.test/played"
SEAT = "claude-sandbox.test/seat"


async def add_machine(at: Stage) -> str:
    """Make a Node that nothing is behind, and that nothing is scheduled to; return its name."""
    name = f"played-{at.kubectl.namespace}"
    labels = {"kubernetes.io/hostname": name}
    taint = {"key": PLAYED, "effect": "NoSchedule"}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
    at.stack.callback(at.kubectl.run, "delete", "node", name, "--ignore-not-found")
    at.stack.callback(
        at.kubectl.run, "delete", "pods", "--all", "--force", "--grace-period=0", "--wait=false"
    )
    await at.create({**node, "spec": {"taints": [taint]}})
    room = {"cpu": "8", "memory": "32Gi", "pods": "20", "ephemeral-storage": "50Gi"}
    ready = {"type": "Ready", "status": "True", "reason": "Played"}
    status = {"capacity": room, "allocatable": room, "conditions": [ready]}
    await _patch_status(at, "node", name, {"status": status})
    return name


async def play_kubelet(at: Stage) -> None:
    """Say of the scene's Pod that its containers run, as the kubelet of its machine would."""
    async with asyncio.timeout(60):
        while not (pods := json.loads(await at.do("get", "pods", "--output=json"))["items"]):
            await asyncio.sleep(0.3)
    (pod,) = pods
    status: dict[str, object] = {"phase": "Running", "startTime": _now(pod)}
    for kind, key in (
        ("containers", "containerStatuses"),
        ("initContainers", "initContainerStatuses"),
    ):
        status[key] = [
            {
                **{name: container[name] for name in ("name", "image")},
                "imageID": "",
                "restartCount": 0,
                "ready": True,
                "started": True,
                "state": {"running": {"startedAt": _now(pod)}},
            }
            for container in pod["spec"].get(kind, ())
        ]
    await _patch_status(at, "pod", pod["metadata"]["name"], {"status": status})


async def set_seats(at: Stage, count: int) -> None:
    """Give the real machine so many places of a kind that nobody else asks for; 0 takes them away."""
    nodes = json.loads(await at.do("get", "nodes", f"--selector=!{PLAYED}", "--output=json"))
    names = [node["metadata"]["name"] for node in nodes["items"]]
    name = next(name for name in names if not name.startswith("played-"))
    seats = {SEAT: str(count) if count else None}
    await _patch_status(at, "node", name, {"status": {"capacity": seats, "allocatable": seats}})


async def displace(at: Stage) -> None:
    """Start a Pod of more importance that needs the place."""
    name = at.kubectl.namespace
    at.stack.callback(at.kubectl.run, "delete", "priorityclass", name, "--ignore-not-found")
    pod = pod_of("important", at.world.images.sandbox, {SEAT: "1"})
    pod["spec"]["priorityClassName"] = name
    await at.create(
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": 1000,
        },
        pod,
    )


def pod_of(name: str, image: str, seats: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a Pod that Pod Security lets in, and that ends at once."""
    restricted = {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": name,
        "image": image,
        "command": ["sleep", "1"],
        "resources": {"requests": dict(seats or {}), "limits": dict(seats or {})},
        "securityContext": restricted,
    }
    spec = {"restartPolicy": "Never", "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


async def _patch_status(at: Stage, kind: str, name: str, change: Mapping[str, object]) -> None:
    patch = f"--patch={json.dumps(change)}"
    await at.do("patch", kind, name, "--subresource=status", "--type=merge", patch)


def _now(pod: Mapping[str, Mapping[str, str]]) -> str:
    return pod["metadata"]["creationTimestamp"]
