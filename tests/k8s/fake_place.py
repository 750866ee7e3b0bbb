"""A Kubernetes place over the fake cluster."""

from __future__ import annotations

from pathlib import Path

from k8s.backend import KubernetesBackend
from k8s.place import KubernetesPlace
from runs.backend import Limits
from sandbox.task import Task
from tests.k8s.fake_cluster import NAMESPACE

WORDS = {"quick": "do it", "failing": "fail", "nothing": "nothing", "slow": "wait 300"}


class FakeClusterPlace:
    """Backends over one fake cluster."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self._made: list[KubernetesBackend] = []

    def make(self, limits: Limits | None = None, **others: object) -> KubernetesBackend:
        values: dict[str, object] = {"kubeconfig": self._kubeconfig, **others}
        place = KubernetesPlace(NAMESPACE, "image:test", limits=limits or Limits(), **values)  # type: ignore[arg-type] # a test's own values
        backend = KubernetesBackend(place)
        self._made.append(backend)
        return backend

    def task(self, kind: str) -> Task:
        return Task("https://git.example/repo", WORDS.get(kind, kind))

    async def close(self) -> None:
        for backend in self._made:
            await backend.close()
