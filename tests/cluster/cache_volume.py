"""A volume for dependencies, as an operator provides it, and its claim."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.kubectl import Kubectl

CLAIM = "claude-sandbox-cache"


@dataclass(frozen=True, slots=True)
class CacheVolume:
    """The claim's name, and where this machine sees what is on the volume; None on another cluster."""

    claim: str
    folder: Path | None

    def entries(self) -> dict[str, list[str]]:
        """Return the names of the entries by the folder that they are in."""
        assert self.folder is not None
        return {
            part.name: sorted(each.name for each in part.iterdir())
            for part in self.folder.iterdir()
        }


@contextmanager
def cache_volume(cluster: Kubectl, namespace: str, folder: Path) -> Iterator[CacheVolume]:
    """Make a claim in a namespace; on our own cluster its volume is a folder of this machine, where the node is."""
    claim: dict[str, object] = {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    ours = "TEST_IMAGE_PREFIX" not in os.environ
    name = f"cache-{namespace}"
    if ours:
        # As a volume with an fsGroup is: open to the group of the Pods.
        folder.mkdir()
        os.chown(folder, 0, 1000)
        folder.chmod(0o2775)
        cluster.create(_volume(name, folder))
        claim |= {"storageClassName": "", "volumeName": name}
    cluster.within(namespace).create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": CLAIM},
            "spec": claim,
        }
    )
    try:
        yield CacheVolume(CLAIM, folder if ours else None)
    finally:
        if ours:
            cluster.run("delete", "persistentvolume", name, "--wait=false")


def _volume(name: str, folder: Path) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": str(folder), "type": "Directory"},
        },
    }
