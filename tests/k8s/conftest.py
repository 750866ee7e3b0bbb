from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.k8s.fake_cluster import FakeCluster, serve
from tests.k8s.fake_place import FakeClusterPlace

pytest.register_assert_rewrite("tests.runs.contract")


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
async def place(cluster: FakeCluster, tmp_path: Path) -> AsyncIterator[FakeClusterPlace]:
    async with serve(cluster, tmp_path) as kubeconfig:
        found = FakeClusterPlace(kubeconfig)
        yield found
        await found.close()
