from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine
from tests.cli.setup_scene import Scene, open_scene
from tests.k8s.fake_cluster import FakeCluster, serve


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A person with a kubeconfig and keys, and a cluster in memory on which nothing of ours is."""
    async with open_scene(tmp_path) as found:
        yield found


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
async def shell(cluster: FakeCluster, tmp_path: Path) -> AsyncIterator[CommandLine]:
    """A person's shell over the fake cluster."""
    async with serve(cluster, tmp_path) as kubeconfig:
        yield CommandLine.at(tmp_path, kubeconfig)
