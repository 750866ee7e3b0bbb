"""Objects of any kind on a cluster: read, apply, list, delete. Plain JSON in and out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from k8s.api import Api, Rejected
from k8s.installation.overlay import CLUSTER_SCOPED, Object

MANAGER = "claude-sandbox-init"
"""Who owns the fields that `init` sets (server-side apply)."""
LABEL = "app.kubernetes.io/managed-by"
OWN = "claude-sandbox-init"
"""On what `init` has made, and on nothing that was there before: this is what `uninstall` takes away."""

_PLURALS = {
    "ClusterQueue": "clusterqueues",
    "ConfigMap": "configmaps",
    "Deployment": "deployments",
    "Job": "jobs",
    "LimitRange": "limitranges",
    "LocalQueue": "localqueues",
    "Namespace": "namespaces",
    "NetworkPolicy": "networkpolicies",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "Node": "nodes",
    "Pod": "pods",
    "PodDisruptionBudget": "poddisruptionbudgets",
    "ResourceFlavor": "resourceflavors",
    "ResourceQuota": "resourcequotas",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "RuntimeClass": "runtimeclasses",
    "Secret": "secrets",
    "ServiceAccount": "serviceaccounts",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "Workload": "workloads",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object, such as apps/v1 Deployment."""

    version: str
    name: str

    @property
    def group(self) -> str:
        """Return the API group; "" for the core's."""
        return self.version.rpartition("/")[0]

    @property
    def plural(self) -> str:
        """Return the resource's name in paths and rights."""
        return _PLURALS[self.name]

    @property
    def is_namespaced(self) -> bool:
        """Say whether objects of it are in a namespace."""
        return self.name not in CLUSTER_SCOPED

    def path(self, namespace: str | None = None) -> str:
        """Return the path of all objects, or of those of one namespace."""
        root = f"/apis/{self.version}" if self.group else f"/api/{self.version}"
        within = f"/namespaces/{namespace}" if namespace and self.is_namespaced else ""
        return f"{root}{within}/{self.plural}"


@dataclass(frozen=True, slots=True)
class Ref:
    """One object: its kind, where it is ("" for the whole cluster), and its name."""

    kind: Kind
    namespace: str
    name: str

    @property
    def path(self) -> str:
        """Return the object's path."""
        return f"{self.kind.path(self.namespace)}/{self.name}"

    @property
    def words(self) -> str:
        """Return how people name it."""
        within = f" in {self.namespace}" if self.namespace else ""
        return f"{self.kind.name} {self.name}{within}"


def ref_of(one: Object) -> Ref:
    """Return which object this is."""
    metadata = one["metadata"]
    kind = Kind(one["apiVersion"], one["kind"])
    return Ref(kind, metadata.get("namespace", "") if kind.is_namespaced else "", metadata["name"])


def is_own(one: Object) -> bool:
    """Say whether `init` has made it."""
    return bool((one["metadata"].get("labels") or {}).get(LABEL) == OWN)


class Objects:
    """The objects of a cluster."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def read(self, ref: Ref) -> dict[str, Any] | None:
        """Return an object; None where there is none, or not even its kind. Raises Unavailable, Rejected."""
        try:
            return _decoded(await self.api.get(ref.path))
        except Rejected as rejected:
            if rejected.code == 404:
                return None
            raise

    async def apply(self, one: Object, *, force: bool) -> dict[str, Any]:
        """Make it so; return the object. Raises Unavailable, Rejected (409 without force: others set a field)."""
        query = {"fieldManager": MANAGER, "force": "true" if force else "false"}
        return _decoded(await self.api.apply(ref_of(one).path, one, query))

    async def label(self, ref: Ref, name: str, value: str) -> None:
        """Set one label of an object that has some, whoever owns its other fields. Raises Unavailable, Rejected."""
        path = f"/metadata/labels/{name.replace('/', '~1')}"
        await self.api.patch(ref.path, [{"op": "add", "path": path, "value": value}])

    async def list(
        self, kind: Kind, namespace: str | None = None, selector: str = ""
    ) -> list[dict[str, Any]]:
        """Return the objects that a label selector chooses; none where the cluster doesn't know their kind."""
        query = {"labelSelector": selector} if selector else {}
        try:
            found = _decoded(await self.api.get(kind.path(namespace), query))
        except Rejected as rejected:
            if rejected.code == 404:
                return []
            raise
        return [
            {"apiVersion": kind.version, "kind": kind.name, **item}
            for item in found.get("items") or ()
        ]

    async def delete(self, ref: Ref) -> None:
        """Delete an object once what belongs to it is gone; one that isn't there is as good.

        Raises Unavailable, Rejected.
        """
        body: Mapping[str, object] = {"propagationPolicy": "Foreground"}
        try:
            await self.api.delete(ref.path, body)
        except Rejected as rejected:
            if rejected.code != 404:
                raise


def _decoded(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(data)
    return found
