"""What an overlay needs that isn't ours: Kueue, and machines with another container runtime."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from k8s.api import Api, Rejected
from k8s.installation.finding import Finding, bad, good, unknown, warned
from k8s.installation.objects import Kind, Objects, Ref, ref_of
from k8s.installation.overlay import Object
from k8s.installation.plan import SANDBOXES
from k8s.place import KubernetesPlace

_KUEUE = "kueue.x-k8s.io"
_QUEUES = tuple(Kind(f"{_KUEUE}/{version}", "LocalQueue") for version in ("v1beta2", "v1beta1"))
_RUNTIMES = Kind("node.k8s.io/v1", "RuntimeClass")
_NODES = Kind("v1", "Node")
_INSTALL = {
    _KUEUE: "Install Kueue 0.15 or newer: https://kueue.sigs.k8s.io/docs/installation/",
}


async def unknown_kinds(api: Api, plan: Iterable[Object]) -> dict[str, list[str]]:
    """Return what of the plan the cluster doesn't know: kinds by their API version. Raises Unavailable, Rejected."""
    wanted: dict[str, dict[str, None]] = {}
    for one in plan:
        kind = ref_of(one).kind
        if kind.group:
            wanted.setdefault(kind.version, {})[kind.name] = None
    found = {}
    for version, kinds in wanted.items():
        known = await _kinds_of(api, version)
        if lacking := [name for name in kinds if name not in known]:
            found[version] = lacking
    return found


def how_to_have(version: str) -> str:
    """Say what gives a cluster the kinds of an API version."""
    return _INSTALL.get(version.partition("/")[0], f"Find what serves {version}")


async def _kinds_of(api: Api, version: str) -> set[str]:
    try:
        answer = json.loads(await api.get(f"/apis/{version}"))
    except Rejected as rejected:
        if rejected.code != 404:
            raise
        return set()
    return {str(each.get("kind")) for each in answer.get("resources") or ()}


@dataclass(frozen=True, slots=True)
class Needs:
    """Looks whether what the config names beside ourselves would let a Run start."""

    objects: Objects
    place: KubernetesPlace

    async def queue(self) -> list[Finding]:
        """Say whether Kueue lets Runs in by the queue of the config. Raises Unavailable, Rejected."""
        name, title = self.place.kueue, "Queue"
        if name is None:
            return []
        for kind in _QUEUES:
            if (found := await self.objects.read(Ref(kind, SANDBOXES, name))) is not None:
                waiting = await self.objects.list(Kind(kind.version, "Workload"), SANDBOXES)
                return [_queue(title, name, found, waiting)]
        words = f"Kueue has no LocalQueue {name} in {SANDBOXES}: no run would start"
        return [bad(title, words, f"{_INSTALL[_KUEUE]}. Then claude-sandbox init --overlay kueue")]

    async def runtime(self) -> list[Finding]:
        """Say whether machines have the container runtime of the config. Raises Unavailable, Rejected."""
        name, title = self.place.runtime_class, "Runtime"
        if name is None:
            return []
        found = await self.objects.read(Ref(_RUNTIMES, "", name))
        if found is None:
            words = f"there is no RuntimeClass {name}: no run would start"
            return [bad(title, words, "claude-sandbox init --overlay gvisor makes that of gVisor")]
        handler = str(found.get("handler"))
        labels: Mapping[str, str] = (found.get("scheduling") or {}).get("nodeSelector") or {}
        selector = ",".join(f"{label}={value}" for label, value in labels.items())
        nodes = await self.objects.list(_NODES, None, selector)
        if selector and not nodes:
            words = f"no node has {selector}, which the RuntimeClass {name} asks for: no run would start"
            return [bad(title, words, f"Put that label on the nodes that have {handler}")]
        return [_runtime(title, handler, nodes)]


def _queue(
    title: str, name: str, queue: Mapping[str, Any], workloads: Iterable[Mapping[str, Any]]
) -> Finding:
    """Say whether a LocalQueue lets Runs in, and in Kueue's words what those wait for that wait."""
    status = queue.get("status") or {}
    active = [each for each in status.get("conditions") or () if each.get("type") == "Active"]
    if not active:
        words = f"Kueue hasn't said a word about {name}: no run would start"
        return bad(title, words, "Does Kueue run? kubectl -n kueue-system get pods")
    if active[0].get("status") != "True":
        words = f"{name} lets nothing in: {active[0].get('message') or active[0].get('reason')}"
        return bad(title, words, "Look at it: kubectl describe clusterqueues,resourceflavors")
    whys = [why for each in workloads if (why := _why_pending(each))]
    if whys:
        words = f"{len(whys)} wait in {name}: {whys[-1]}"
        return warned(title, words, "Look at it: kubectl describe clusterqueue")
    return good(title, f"Kueue lets runs in by {name}")


def _why_pending(workload: Mapping[str, Any]) -> str:
    """Return why Kueue gives a Run no place yet; "" where it doesn't say."""
    for each in (workload.get("status") or {}).get("conditions") or ():
        if (each.get("type"), each.get("reason")) == ("QuotaReserved", "Pending"):
            return str(each.get("message", ""))
    return ""


def _runtime(title: str, handler: str, nodes: Iterable[Mapping[str, Any]]) -> Finding:
    """Say whether nodes have a handler, as far as they tell (containerd does from 2.0 on)."""
    handlers = [
        {each.get("name") for each in (node.get("status") or {}).get("runtimeHandlers") or ()}
        for node in nodes
    ]
    telling = [each for each in handlers if each]
    having = sum(handler in each for each in telling)
    if not telling:
        words = f"no node tells whether it has {handler}; the first run shows it"
        return unknown(title, words, f"Without {handler} a run waits, and ends after 15 minutes")
    if not having:
        words = f"no node has {handler}: no run would start"
        return bad(title, words, f"Set it up on the nodes, under the name {handler}: {_GVISOR}")
    if having < len(handlers):
        words = f"{having} of {len(handlers)} nodes have {handler}; a run on another doesn't start"
        return warned(
            title, words, "Say in the RuntimeClass which have it: scheduling.nodeSelector"
        )
    return good(title, f"all {having} nodes have {handler}")


_GVISOR = "https://gvisor.dev/docs/user_guide/containerd/quick_start/"
