"""Podman with a store of its own."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.local.way import With
from tests.cluster.engine_here import EngineHere, networked


@contextmanager
def opened_podman() -> Iterator[EngineHere]:
    """Have Podman's images and network, as long as the block lasts."""
    if shutil.which("podman") is None:
        pytest.skip("podman isn't installed here")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "claude-sandbox" / "podman"
    with networked(EngineHere(With.PODMAN, _settings(folder)), folder) as found:
        yield found


def _settings(folder: Path) -> dict[str, str]:
    """Write how podman works without systemd and the right to raise limits; crun refuses cgroups that are half of version 1."""
    folder.mkdir(parents=True, exist_ok=True)
    storage = folder / "storage.conf"
    storage.write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/images"\nrunroot = "{folder}/run"\n'
    )
    files, processes = (
        min(16384, most) if most > 0 else 16384
        for most in (
            resource.getrlimit(resource.RLIMIT_NOFILE)[1],
            resource.getrlimit(resource.RLIMIT_NPROC)[1],
        )
    )
    containers = folder / "containers.conf"
    containers.write_text(
        f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]\n'
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        f'[network]\nnetwork_config_dir = "{folder}/networks"\n'
    )
    return {"CONTAINERS_STORAGE_CONF": str(storage), "CONTAINERS_CONF": str(containers)}
