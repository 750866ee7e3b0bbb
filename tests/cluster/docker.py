"""A Docker engine of the tests' own: it lives as long as they do, changes no rule of this machine's firewall, and keeps its images."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.local.way import With
from tests.cluster.engine_here import EngineHere, networked

_START_SECONDS = 120.0
_END_SECONDS = 120.0
_CLOSED = ("--bridge=none", "--iptables=false", "--ip-masq=false", "--ip-forward=false")


@contextmanager
def opened_docker() -> Iterator[EngineHere]:
    """Start the daemon, and have its images and a network, as long as the block lasts."""
    if shutil.which("dockerd") is None or shutil.which("docker") is None:
        pytest.skip("the Docker engine isn't installed here")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = home / "claude-sandbox" / "docker"
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dockerd-") as folder:
        socket = f"unix://{folder}/docker.sock"
        variables = {"DOCKER_HOST": socket, "DOCKER_CONFIG": folder, "DOCKER_CONTEXT": "default"}
        engine = EngineHere(With.DOCKER, variables)
        with (
            _daemon(engine, Path(folder), kept / "images", kept / "dockerd.log"),
            networked(engine, kept) as found,
        ):
            yield found


@contextmanager
def _daemon(engine: EngineHere, folder: Path, images: Path, log: Path) -> Iterator[None]:
    """Run dockerd; it ends with this process, whatever becomes of that."""
    command = [
        *("setpriv", "--pdeathsig", "TERM", "dockerd", *_CLOSED),
        *("--host", engine.variables["DOCKER_HOST"], "--data-root", str(images)),
        *("--exec-root", str(folder / "exec"), "--pidfile", str(folder / "pid")),
        *("--config-file", str(folder / "none.json")),
    ]
    (folder / "none.json").write_text("{}")
    with log.open("wb") as lines:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=lines, stderr=lines, start_new_session=True
        )
    try:
        _wait_for(engine, process, log)
        yield
    finally:
        process.terminate()
        process.wait(_END_SECONDS)


def _wait_for(engine: EngineHere, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while subprocess.run(
        ["docker", "version"], env=engine.environment, capture_output=True, check=False
    ).returncode:
        said = log.read_text(errors="replace").strip().splitlines() or ["nothing"]
        if process.poll() is not None:
            pytest.skip(f"dockerd can't run here: {said[-1]}")
        assert time.monotonic() < deadline, f"dockerd doesn't answer: {said[-1]}"
        time.sleep(0.2)
