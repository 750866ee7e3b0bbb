from __future__ import annotations

from tests.runs.contract import BackendContract


class TestKubernetesBackendOnAFakeCluster(BackendContract):
    pass
