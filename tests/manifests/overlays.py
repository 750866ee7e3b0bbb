"""What `kubectl apply -k` would send: the objects of an overlay, rendered by kubectl on this machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "manifests" / "overlays"
NAMES = ("two-namespaces", "one-namespace", "kueue", "gvisor")
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Overlay:
    """The objects of one overlay."""

    objects: Sequence[Object]

    def all(self, kind: str) -> Sequence[Object]:
        """Return the objects of a kind."""
        return [item for item in self.objects if item["kind"] == kind]

    def one(self, kind: str, name: str) -> Object:
        """Return the one object of a kind whose name begins so: generated ones have a hash behind it."""
        (found,) = (item for item in self.all(kind) if item["metadata"]["name"].startswith(name))
        return found

    def containers(self) -> Iterator[Object]:
        """Yield the bot's containers."""
        yield from self.one("Deployment", "claude-sandbox-bot")["spec"]["template"]["spec"][
            "containers"
        ]


def render(folder: Path) -> Overlay:
    """Render an overlay's folder; skip the test where there is no kubectl."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(
        [program, "kustomize", str(folder)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return Overlay(list(yaml.safe_load_all(done.stdout)))
