from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine
from tests.k8s.fake_cluster import FakeCluster, serve


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
async def shell(cluster: FakeCluster, tmp_path: Path) -> AsyncIterator[CommandLine]:
    """A person's shell over the fake cluster."""
    async with serve(cluster, tmp_path) as kubeconfig:
        yield CommandLine.at(tmp_path, kubeconfig)
