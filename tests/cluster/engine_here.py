"""An engine with the images of the cluster, and a network of its from which nothing but this machine is reached."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.local.way import With

_CLUSTER = str(Path(__file__).with_name("cluster"))
_IMAGES = ("sandbox", "postgres", "redis", "plain")
_LIMIT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class EngineHere:
    """A place for runs. Servers of a test listen at `address`; `network` is what a run joins to reach them."""

    name: With
    variables: Mapping[str, str]
    network: str = ""
    address: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """Return this process's environment, by which the engine's command finds its store or its daemon."""
        return {**os.environ, **self.variables}

    def run(self, *arguments: str) -> str:
        """Call the engine; return what it printed."""
        done = subprocess.run(
            [self.name.value, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT_SECONDS,
        )
        if done.returncode != 0:
            raise AssertionError(f"{self.name.value} {' '.join(arguments)}: {done.stderr}")
        return done.stdout.strip()

    def left(self, run: str) -> list[str]:
        """Return the containers, volumes and networks that are there of a run, by the name of its Job."""
        label = f"label=claude-sandbox.run={run}"
        kinds = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        return [name for kind in kinds for name in self.run(*kind, "-q", "--filter", label).split()]


@contextmanager
def networked(engine: EngineHere, marks: Path) -> Iterator[EngineHere]:
    """Load the images that changed since the `marks`, and make a network, as long as the block lasts."""
    for image in _IMAGES:
        _load(image, marks, engine)
    network = f"test-{secrets.token_hex(4)}"
    holder = f"{network}-holder"
    engine.run("network", "create", "--internal", network)
    try:
        # Podman's bridge, and with it this machine's address on it, is there as long as somebody is on it.
        held = ("--name", holder, "--network", network, "--stop-signal", "SIGKILL")
        engine.run(
            "run", "--detach", *held, "--entrypoint", "sleep", "localhost/plain:test", "86400"
        )
        (found,) = json.loads(engine.run("network", "inspect", network))
        yield EngineHere(engine.name, engine.variables, network, _address(found))
    finally:
        engine.run("rm", "--force", *engine.run("ps", "-aq", "--filter", f"name={holder}").split())
        engine.run("network", "rm", network)
        kept = engine.run("volume", "ls", "-q", "--filter", "name=claude-sandbox-cache")
        if kept:
            engine.run("volume", "rm", "--force", *kept.split())


def _address(network: Mapping[str, object]) -> str:
    """Return this machine's address on a network, as `inspect` of Docker or of Podman has it."""
    found = network["IPAM"]["Config"] if "IPAM" in network else network["subnets"]
    return str(found[0].get("Gateway") or found[0]["gateway"])


def _load(image: str, marks: Path, engine: EngineHere) -> None:
    """Load an image of the cluster's cache, where another one of its name is here."""
    printed = subprocess.run([_CLUSTER, "archive", image], capture_output=True, check=True)
    archive = os.fsdecode(printed.stdout.strip())
    mark = marks / f"{image}.loaded"
    if mark.is_file() and mark.read_text() == archive:
        return
    engine.run("load", "--quiet", "--input", archive)
    engine.run("image", "prune", "--force")  # the one that had the name before
    mark.write_text(archive)
