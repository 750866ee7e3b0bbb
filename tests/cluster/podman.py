"""Podman with the images of the cluster: a store of its own, and a network from which nothing but this machine is reached."""

from __future__ import annotations

import json
import os
import resource
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_CLUSTER = str(Path(__file__).with_name("cluster"))
_IMAGES = ("sandbox", "postgres", "redis", "plain", "foreign")
_LIMIT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Podman:
    """A place for runs. Servers of a test listen at `address`; `network` is what a run joins to reach them."""

    variables: Mapping[str, str]
    network: str
    address: str

    @property
    def environment(self) -> dict[str, str]:
        """Return this process's environment, by which podman finds its store."""
        return {**os.environ, **self.variables}

    def run(self, *arguments: str) -> str:
        """Call podman; return what it printed."""
        return _podman(self.environment, *arguments)

    def left(self, run: str) -> list[str]:
        """Return the containers, volumes and networks that are there of a run, by the name of its Job."""
        label = f"label=claude-sandbox.run={run}"
        kinds = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        return [name for kind in kinds for name in self.run(*kind, "-q", "--filter", label).split()]


@contextmanager
def opened_podman() -> Iterator[Podman]:
    """Load the images that changed, and make the network, as long as the block lasts."""
    if shutil.which("podman") is None:
        pytest.skip("podman isn't installed here")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "claude-sandbox" / "podman"
    variables = _settings(folder)
    environment = {**os.environ, **variables}
    for image in _IMAGES:
        _load(image, folder, environment)
    network = f"test-{secrets.token_hex(4)}"
    holder = f"{network}-holder"
    _podman(environment, "network", "create", "--internal", network)
    try:
        # The bridge, and with it this machine's address on it, is there as long as somebody is on it.
        held = ("--name", holder, "--network", network, "--entrypoint", "sleep")
        _podman(environment, "run", "--detach", *held, "localhost/plain:test", "86400")
        (found,) = json.loads(_podman(environment, "network", "inspect", network))
        yield Podman(variables, network, found["subnets"][0]["gateway"])
    finally:
        _podman(environment, "rm", "--force", "--ignore", "--time", "0", holder)
        _podman(environment, "network", "rm", "--force", network)
        kept = _podman(environment, "volume", "ls", "-q", "--filter", "name=claude-sandbox-cache")
        _podman(environment, "volume", "rm", "--force", *kept.split() or ["none"])


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


def _load(image: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Load an image of the cluster's cache, where another one of its name is here."""
    printed = subprocess.run([_CLUSTER, "archive", image], capture_output=True, check=True)
    archive = os.fsdecode(printed.stdout.strip())
    mark = folder / f"{image}.loaded"
    if mark.is_file() and mark.read_text() == archive:
        return
    _podman(environment, "load", "--quiet", "--input", archive)
    mark.write_text(archive)


def _podman(environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        ["podman", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LIMIT_SECONDS,
    )
    if done.returncode != 0:
        raise AssertionError(f"podman {' '.join(arguments)}: {done.stderr}")
    return done.stdout.strip()
