"""How a container of a run is asked for on the command line of Docker or Podman. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from k8s.containers import SHARED_MEMORY, Container, Containers, Mount

LABEL = "claude-sandbox.run"
"""On everything that a run makes: its name."""
OWNER = "claude-sandbox.owner"
"""Beside it: the machine and the process that removes it in the end."""
NETWORK = "network"
"""The container that holds the network of a run, as the pause container of a Pod does."""
TERMINATION_LOG = "/dev/termination-log"
_LOCKED = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")
RIGHTS = ("CHOWN", "FOWNER", "FSETID", "DAC_OVERRIDE")
PREPARE = (
    'chown 0:"$1" /volumes/* && chmod 2777 /volumes/* && '
    'if [ -n "$2" ]; then cat >"/volumes/$2/age-key.txt" && chown 0:"$1" "/volumes/$2/age-key.txt" && '
    'chmod 440 "/volumes/$2/age-key.txt"; fi'
)
"""As Kubernetes makes an emptyDir with fsGroup, and a file of a Secret with it."""
_REPORT = "/report"
MARK = "seen"
"""Written into the file of the Report from inside: an engine of another machine, or in a virtual one, may not see ours."""
_MARKED = f"{PREPARE} && {{ echo {MARK} >{_REPORT} || true; }}"


@dataclass(frozen=True, slots=True)
class Made:
    """What belongs to one run: its containers, the image that has the program, the file of the Report, who made it."""

    containers: Containers
    image: str
    report: Path
    owner: str
    network: str | None = None

    def name(self, part: str) -> str:
        """Return the name that a part of the run has for the engine."""
        return f"{self.containers.name}-{part}"

    def volume(self, name: str) -> str:
        """Return the name of a volume: one that outlives the run has its own."""
        return name if name in self.containers.kept else self.name(name)

    @property
    def network_name(self) -> str:
        """Return the network that the run is in: its own, or the one that was asked for."""
        return self.network or self.containers.name

    @property
    def labels(self) -> list[str]:
        """Return the labels of all that is made."""
        return ["--label", f"{LABEL}={self.containers.name}", "--label", f"{OWNER}={self.owner}"]


def holder(made: Made) -> list[str]:
    """Return the call that starts the container which holds the network; it ends by itself should nobody remove it."""
    seconds = made.containers.seconds + made.containers.grace_seconds
    return [
        *("run", "--detach", "--name", made.name(NETWORK), *made.labels),
        *("--network", made.network_name, "--read-only", "--user", "1000:1000", *_LOCKED),
        *("--stop-signal", "SIGKILL", "--pull", "never", "--entrypoint", "sleep"),
        *(made.image, str(seconds)),
    ]


def prepare(made: Made, *, with_secret: bool) -> list[str]:
    """Return the call that opens the run's volumes to its group, and may put the age key from its input into the Secret's."""
    containers = made.containers
    names = (*containers.volumes, *containers.kept)
    volumes = [f"{made.volume(name)}:/volumes/{name}:nocopy" for name in names]
    secret = next(iter(containers.secret), "") if with_secret else ""

    return [
        *("run", "--rm", "--interactive", "--name", made.name("volumes"), *made.labels),
        *("--network", "none", "--read-only", "--user", "0:0", *_LOCKED),
        *(each for right in RIGHTS for each in ("--cap-add", right)),
        *(each for volume in volumes for each in ("--volume", volume)),
        *("--volume", f"{made.report}:{_REPORT}:Z"),
        *("--pull", "never", "--entrypoint", "sh", made.image),
        *("-c", _MARKED, "prepare", containers.group, secret),
    ]


def create(made: Made, container: Container, environment: Mapping[str, str]) -> list[str]:
    """Return the call that makes a container. A key's value stands nowhere in it: the engine takes it from its environment."""
    agent = container is made.containers.agent
    found = ["create", "--name", made.name(container.name), *made.labels]
    found += ["--network", f"container:{made.name(NETWORK)}", "--pull", "never", *_LOCKED]
    found += ["--user", container.user]
    found += [each for group in container.groups for each in ("--group-add", group)]
    found += ["--restart", "always"] if container.stays else []
    found += ["--read-only"] if container.read_only else []
    found += _limits(container)
    found += [each for mount in container.mounts for each in ("--volume", _mount(made, mount))]
    found += ["--volume", f"{made.report}:{TERMINATION_LOG}:Z"] if agent else []
    found += _variables(container, environment)
    found += ["--workdir", container.folder] if container.folder else []
    found += ["--entrypoint", container.entrypoint[0]] if container.entrypoint else []
    return [*found, container.image, *container.entrypoint[1:], *container.arguments]


def keys_of(container: Container, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the values of a container's keys, for the environment of the engine's command."""
    return {name: environment[key] for name, key in container.keys.items() if environment.get(key)}


def _variables(container: Container, environment: Mapping[str, str]) -> list[str]:
    keys = keys_of(container, environment)
    plain = {name: value for name, value in container.environment.items() if name not in keys}
    words = [*keys, *(f"{name}={value}" for name, value in plain.items())]
    return [each for word in words for each in ("--env", word)]


def _limits(container: Container) -> list[str]:
    found: list[str] = []
    if container.memory_bytes is not None:
        found += ["--memory", str(container.memory_bytes)]
    if container.cpus is not None:
        found += ["--cpus", f"{container.cpus:g}"]
    for path, size in container.memory.items():
        if path == SHARED_MEMORY:
            found += ["--shm-size", str(size)]
        else:
            found += ["--tmpfs", f"{path}:rw,size={size},mode=1777"]
    return found


def _mount(made: Made, mount: Mount) -> str:
    return f"{made.volume(mount.volume)}:{mount.path}:{'ro,' if mount.read_only else ''}nocopy"
