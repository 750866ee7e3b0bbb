"""A real cluster to measure on, and kubectl, with which what is ours is compared."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.stage import ROOT
from cli.demo_cluster import open_cluster
from cli.demo_stage import DemoError, Ground
from k8s.api import Api

SMALL = {"memory": "256Mi", "cpu": "100m"}


class NoCluster(Exception):
    """There is no cluster to measure on; the text says how to have one."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A namespace of its own with a repository that Pods reach. `kubectl` are the words before its arguments."""

    ground: Ground
    namespace: str
    kubectl: Sequence[str]
    api: Api

    @property
    def jobs_path(self) -> str:
        """Return the address of the namespace's Jobs."""
        return f"/apis/batch/v1/namespaces/{self.namespace}/jobs"

    def repo(self, **options: str) -> dict[str, str]:
        """Return what a config says of the repository, with other options than for a small machine."""
        repo = self.ground.repo
        url = repo if isinstance(repo, str) else repo["url"]
        return {"url": url, **SMALL, **options}

    async def run_kubectl(self, *arguments: str, given: str = "") -> str:
        """Return what kubectl prints. Raises RuntimeError with its errors where it fails."""
        process = await asyncio.create_subprocess_exec(
            *self.kubectl,
            *arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate(given.encode())
        if process.returncode != 0:
            raise RuntimeError(f"kubectl {arguments[0]}: {err.decode().strip()}")
        return out.decode()


@asynccontextmanager
async def open_place(folder: Path) -> AsyncIterator[Cluster]:
    """Make the namespace on the cluster of KUBECONFIG, or else on that of `make cluster`. Raises NoCluster."""
    kubeconfig, kubectl = _found()
    place = folder / "place"
    place.mkdir()
    try:
        async with open_cluster(place, {**os.environ, "KUBECONFIG": str(kubeconfig)}) as ground:
            namespace = ground.variables["SANDBOX_NAMESPACE"]
            words = (kubectl, f"--kubeconfig={kubeconfig}", f"--namespace={namespace}")
            api = Api(kubeconfig)
            try:
                yield Cluster(ground, namespace, words, api)
            finally:
                await api.close()
                await ground.backend.close()
    except DemoError as error:
        raise NoCluster(str(error)) from error


def _found() -> tuple[Path, str]:
    """Return the kubeconfig, and the kubectl program itself: a script around it would take time of its own."""
    given = os.environ.get("KUBECONFIG")
    if given:
        return Path(given), shutil.which("kubectl") or "kubectl"
    script = ROOT / "tests" / "cluster" / "cluster"
    printed = subprocess.run([script, "kubeconfig"], capture_output=True, text=True, check=True)
    kubeconfig = Path(printed.stdout.strip())
    programs = sorted(kubeconfig.parent.parent.glob("programs-*/kubectl"))
    return kubeconfig, str(programs[-1]) if programs else "kubectl"
