"""Whether a Run would be let in: its Job is shown to the API server (dry run), and so is one that has to be refused."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from k8s.annotations import Asked
from k8s.api import Rejected
from k8s.installation.finding import Finding, bad, good, unknown, warned
from k8s.installation.objects import Kind, Objects, Ref
from k8s.installation.plan import ALLOWED, SANDBOXES
from k8s.installation.ready import PODS
from k8s.installation.removal import JOBS
from k8s.manifest import manifest
from k8s.place import KubernetesPlace
from k8s.quantity import amount
from runs.run import Origin
from sandbox.task import Task

_TASK = Task("https://git.example/doctor", "never run")
_NODES = Kind("v1", "Node")
_STRANGER = "not.allowed.example/image:1"
_POLICY = Kind("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy")
_BINDING = Kind("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding")
_NAME = "claude-sandbox"
_MOST_SKEW_SECONDS = 30.0
_MINUTES_FROM_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Probe:
    """Asks what would come of a Run."""

    objects: Objects
    place: KubernetesPlace

    async def admission(self) -> list[Finding]:
        """Say whether the policy lets a Run through and nothing else, and whether the clocks agree.

        Raises Unavailable, Rejected where it may not be asked.
        """
        title = "Admission policy"
        for kind in (_POLICY, _BINDING):
            if await self.objects.read(Ref(kind, "", _NAME)) is None:
                return [bad(title, f"there is no {kind.name}", "claude-sandbox init puts it there")]
        job = manifest(
            Asked(f"doctor:{time.time_ns()}", _TASK, Origin(0, 0, 0), time.time()),
            self.place,
            suspended=True,
        )
        seen = await self._shown(job)
        if isinstance(seen, str):
            return [bad(title, f"it refuses a run: {seen}", self._advice(seen))]
        stranger: dict[str, Any] = copy.deepcopy(job)
        stranger["spec"]["template"]["spec"]["containers"][0]["image"] = _STRANGER
        if not isinstance(await self._shown(stranger), str):
            found = bad(
                title,
                "it lets any image through",
                f"Look at it: kubectl describe validatingadmissionpolicybinding {_NAME}. Then claude-sandbox init",
            )
        else:
            found = good(title, "it lets a run through, and no foreign image")
        return [found, _clock(seen)]

    async def _shown(self, job: dict[str, Any]) -> dict[str, Any] | str:
        """Return the Job as the API server would have it, or why it refuses it. Raises Unavailable, Rejected (403)."""
        try:
            path = JOBS.path(SANDBOXES)
            found: dict[str, Any] = json.loads(
                await self.objects.api.create(path, job, {"dryRun": "All"})
            )
        except Rejected as rejected:
            if "ValidatingAdmissionPolicy" not in rejected.words:
                raise
            return rejected.words.rpartition("denied request: ")[2]
        return found

    def _advice(self, words: str) -> str:
        if "list of images" not in words:
            return "Apply the manifests again: claude-sandbox init"
        return (
            f"Add it: kubectl -n {SANDBOXES} edit configmap {ALLOWED}. If it stands there, the API server has the "
            "list of before: restart it (docs/cluster.md)"
        )

    async def room(self) -> list[Finding]:
        """Say whether a node has room for one more Run. Raises Unavailable, Rejected."""
        nodes = await self.objects.list(_NODES)
        pods = await self.objects.list(PODS)
        resources = self.place.resources
        wanted = (amount(resources.cpu_request), amount(resources.memory_request))
        free = [(node, _free(node, pods)) for node in nodes if _takes(node)]
        fitting = [node for node, rest in free if rest[0] >= wanted[0] and rest[1] >= wanted[1]]
        need = f"{resources.cpu_request} CPU and {resources.memory_request}"
        if fitting:
            return [good("Room", f"{len(fitting)} of {len(nodes)} nodes have {need} free")]
        most = max((rest for _, rest in free), default=(0.0, 0.0))
        return [
            warned(
                "Room",
                f"no node has {need} free now (at most {most[0]:g} CPU, {most[1] / 2**30:.1f}Gi)",
                "A run waits until there is room: add a node, or set memory and cpu in the config",
            )
        ]

    async def image(self) -> list[Finding]:
        """Say whether a node has the sandboxes' image already. Raises Unavailable, Rejected."""
        wanted = self.place.image
        for node in await self.objects.list(_NODES):
            for image in (node.get("status") or {}).get("images") or ():
                if any(_same(wanted, name) for name in image.get("names") or ()):
                    return [good("Image", f"{wanted} was pulled by a node")]
        return [unknown("Image", f"no node has {wanted} yet; the first run pulls it")]


def _same(wanted: str, name: str) -> bool:
    return name in (wanted, f"docker.io/{wanted}", f"docker.io/library/{wanted}")


def _takes(node: dict[str, Any]) -> bool:
    spec = node.get("spec") or {}
    hard = {"NoSchedule", "NoExecute"}
    return not spec.get("unschedulable") and not any(
        taint.get("effect") in hard for taint in spec.get("taints") or ()
    )


def _free(node: dict[str, Any], pods: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Return the cores and bytes of a node that nobody has asked for."""
    room = node["status"]["allocatable"]
    cpu, memory = amount(room["cpu"]), amount(room["memory"])
    for pod in pods:
        here = pod["spec"].get("nodeName") == node["metadata"]["name"]
        if not here or pod["status"].get("phase") in ("Succeeded", "Failed"):
            continue
        sidecars = [
            each
            for each in pod["spec"].get("initContainers") or ()
            if each.get("restartPolicy") == "Always"
        ]
        for container in [*pod["spec"]["containers"], *sidecars]:
            asked = (container.get("resources") or {}).get("requests") or {}
            cpu -= amount(asked.get("cpu", "0"))
            memory -= amount(asked.get("memory", "0"))
    return cpu, memory


def _clock(seen: dict[str, Any]) -> Finding:
    made = datetime.fromisoformat(seen["metadata"]["creationTimestamp"].replace("Z", "+00:00"))
    skew = time.time() - made.timestamp()
    if abs(skew) <= _MOST_SKEW_SECONDS:
        return good("Clock", "this machine's and the cluster's agree")
    way = "ahead of" if skew > 0 else "behind"
    seconds = abs(skew)
    size = f"{seconds:.0f} s" if seconds < _MINUTES_FROM_SECONDS else f"{seconds / 60:.0f} min"
    return warned("Clock", f"this machine's is {size} {way} the cluster's", "Use NTP")
