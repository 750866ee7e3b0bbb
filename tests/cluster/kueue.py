"""Kueue on the test's cluster: the one that runs there, else its kinds of objects and a stand-in for its controller.

The kinds are those of Kueue 0.17.0 (config/components/crd/bases of sigs.k8s.io/kueue), of the version that it stores, without
their descriptions.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.cluster.kubectl import Kubectl

_KINDS = Path(__file__).parents[1] / "data" / "kueue-crds.json"
_CRD = "localqueues.kueue.x-k8s.io"
_LOOK_SECONDS = 1.0
_ACTIVE = {
    "type": "Active",
    "status": "True",
    "reason": "Ready",
    "message": "Can submit new workloads to localQueue",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


def is_there(cluster: Kubectl) -> bool:
    """Say whether Kueue itself is on the cluster; our stand-in has a label."""
    return _CRD in [crd["metadata"]["name"] for crd in cluster.list("crd", "!claude-sandbox-tests")]


@asynccontextmanager
async def kueue(cluster: Kubectl, namespace: str) -> AsyncIterator[None]:
    """Have Kueue, and let it give every Job its place at once; what was put there for it goes at the end."""
    if is_there(cluster):
        yield
        return
    cluster.run("apply", "--server-side", f"--filename={_KINDS}")
    cluster.run("wait", "--for=condition=Established", f"--filename={_KINDS}", "--timeout=100s")
    controller = asyncio.create_task(_forever(lambda: _admit(cluster.within(namespace))))
    try:
        yield
        assert not controller.done(), await controller
    finally:
        controller.cancel()
        await asyncio.gather(controller, return_exceptions=True)
        cluster.run("delete", f"--filename={_KINDS}", "--timeout=100s")


async def _forever(work: Callable[[], None]) -> None:
    while True:
        await asyncio.to_thread(work)
        await asyncio.sleep(_LOOK_SECONDS)


def _admit(sandboxes: Kubectl) -> None:
    for queue in json.loads(sandboxes.run("get", _CRD, "--output=json"))["items"]:
        if not queue.get("status"):
            change = json.dumps({"status": {"conditions": [_ACTIVE]}})
            name = queue["metadata"]["name"]
            how = ("--subresource=status", "--type=merge", f"--patch={change}")
            sandboxes.run("patch", _CRD, name, *how)
    for job in sandboxes.list("jobs", "kueue.x-k8s.io/queue-name"):
        if job["spec"].get("suspend"):
            change = json.dumps({"spec": {"suspend": False}})
            sandboxes.run(
                "patch", "job", job["metadata"]["name"], "--type=merge", f"--patch={change}"
            )
