"""The contract of all Backends, on a real cluster."""

from __future__ import annotations

from tests.runs.contract import BackendContract


class TestKubernetesBackend(BackendContract):
    pass
