"""A Kubernetes place on the real cluster: the real sandbox image with its scripted agent, over a small repository."""

from __future__ import annotations

import asyncio
from pathlib import Path

from k8s.backend import KubernetesBackend
from k8s.place import TEMPLATE, KubernetesPlace, Resources
from runs.backend import Limits
from sandbox.task import Task
from tests.cluster.images_of_tests import Images

SMALL = Resources("64Mi", "1Gi", "50m", "2000m")
WORDS = {"quick": "do it", "failing": "fail", "nothing": "nothing", "slow": "wait 300"}


class ClusterPlace:
    """Backends over one namespace of the cluster."""

    def __init__(
        self, kubeconfig: Path, namespace: str, images: Images, repo_url: str, folder: Path
    ) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        self.images = images
        self.repo_url = repo_url
        self.folder = folder
        self._made: list[KubernetesBackend] = []

    def settings(self, limits: Limits | None = None, **others: object) -> KubernetesPlace:
        values: dict[str, object] = {
            "kubeconfig": self.kubeconfig,
            "agent": "scripted",
            "resources": SMALL,
            "grace_seconds": 20,
            "image": self.images.sandbox,
            "service_images": {"postgres": self.images.postgres, "redis": self.images.redis},
            **others,
        }
        return KubernetesPlace(self.namespace, limits=limits or Limits(), **values)  # type: ignore[arg-type] # a test's own values

    def make(self, limits: Limits | None = None, **others: object) -> KubernetesBackend:
        backend = KubernetesBackend(self.settings(limits, **others))
        self._made.append(backend)
        return backend

    def task(self, kind: str) -> Task:
        return Task(self.repo_url, WORDS.get(kind, kind))

    async def close(self) -> None:
        await asyncio.gather(*(backend.close() for backend in self._made))


def template(place: ClusterPlace, *changes: tuple[str, str]) -> dict[str, object]:
    """Return the setting of a template of the operator's own."""
    text = TEMPLATE.read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = place.folder / "job.yaml.j2"
    path.write_text(text, encoding="utf-8")
    return {"template": path}
