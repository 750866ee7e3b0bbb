"""What a machine can't run is left out and named, rather than failing there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("name", ["test_image_sizes", "test_local_with_engines"])
def test_on_another_cluster_what_needs_the_tests_own_is_left_out_and_said(name: str) -> None:
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"tests/cluster/{name}.py",
        ],
        cwd=ROOT,
        env={**os.environ, "TEST_IMAGE_PREFIX": "registry.example/", "KUBECONFIG": "/nowhere"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "skipped" in ran.stdout
    assert "passed" not in ran.stdout
    assert "left out: tests with the node" in ran.stdout
    assert f"tests/cluster/{name}.py::" in ran.stdout
