"""The Pod of a Job as containers for an engine without Kubernetes: the same images, variables, limits and order. Pure.

So the Job's template is the one description of a sandbox, also of an operator's own: what Docker or Podman start is read
off it. docs/decisions/019-the-pod-without-a-cluster.md has why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from k8s.quantity import amount
from runs.backend import Refused

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a place in a container


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume of the run, where a container has it."""

    volume: str
    path: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """What says that a container is ready, and for how many seconds that is waited for."""

    command: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a run.

    `entrypoint` () means the image's own. `keys` are variables whose values come from this machine's environment, each with
    the name that it has there; one that isn't there is left out. `memory` has the folders that lie in memory, with their sizes in
    bytes. `stays` is what a native sidecar does: it goes on beside the agent, and is started again when it ends.
    """

    name: str
    image: str
    entrypoint: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    user: str = "1000:1000"
    groups: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    memory: Mapping[str, int] = field(default_factory=dict)
    folder: str | None = None
    read_only: bool = False
    memory_bytes: int | None = None
    cpus: float | None = None
    probe: Probe | None = None
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Containers:
    """A run's containers: the agent's, and what is beside it, in the order of their starts.

    They share one network, in which each reaches the others at 127.0.0.1. `volumes` are the run's own, those of them in
    `secret` hold a Secret, the others are empty at first. `kept` are volumes that outlive the run.
    """

    name: str
    agent: Container
    beside: tuple[Container, ...]
    volumes: tuple[str, ...]
    kept: tuple[str, ...]
    secret: tuple[str, ...]
    group: str
    grace_seconds: int
    seconds: int

    @property
    def all(self) -> tuple[Container, ...]:
        """Return all containers, the agent's last."""
        return (*self.beside, self.agent)


def containers_of(job: Mapping[str, Any]) -> Containers:
    """Return what a Job's Pod is made of. Raises Refused for a template whose Pod can't be without a cluster."""
    try:
        return _containers(job)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused(
            f"The Job's template asks for what only a cluster has: {type(error).__name__} {error}."
        ) from error


def _containers(job: Mapping[str, Any]) -> Containers:
    pod = job["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod.get("volumes") or ()}
    user = pod.get("securityContext") or {}
    made = [_container(each, user, volumes) for each in pod.get("initContainers") or ()]
    (agent,) = (_container(each, user, volumes) for each in pod["containers"])
    mounted = dict.fromkeys(mount.volume for each in (*made, agent) for mount in each.mounts)
    return Containers(
        name=job["metadata"]["name"],
        agent=agent,
        beside=tuple(made),
        volumes=tuple(name for name in mounted if name in volumes),
        kept=tuple(name for name in mounted if name not in volumes),
        secret=tuple(name for name in mounted if "secret" in volumes.get(name, ())),
        group=str(user.get("fsGroup", 0)),
        grace_seconds=int(pod["terminationGracePeriodSeconds"]),
        seconds=int(pod["activeDeadlineSeconds"]),
    )


def _container(
    container: Mapping[str, Any],
    of_pod: Mapping[str, Any],
    volumes: Mapping[str, Mapping[str, Any]],
) -> Container:
    context = {**of_pod, **(container.get("securityContext") or {})}
    environment, keys = _variables(container.get("env") or ())
    limits = (container.get("resources") or {}).get("limits") or {}
    mounts, memory = _mounts(container.get("volumeMounts") or (), volumes)
    return Container(
        name=container["name"],
        image=container["image"],
        entrypoint=_words(container.get("command"), environment),
        arguments=_words(container.get("args"), environment),
        environment=environment,
        keys=keys,
        user=f"{context['runAsUser']}:{context['runAsGroup']}",
        groups=(str(of_pod["fsGroup"]),) if "fsGroup" in of_pod else (),
        mounts=mounts,
        memory=memory,
        folder=container.get("workingDir"),
        read_only=bool(context.get("readOnlyRootFilesystem")),
        memory_bytes=_bytes(limits["memory"]) if "memory" in limits else None,
        cpus=amount(str(limits["cpu"])) if "cpu" in limits else None,
        probe=_probe(container.get("startupProbe")),
        stays=container.get("restartPolicy") == "Always",
    )


def _variables(entries: Sequence[Mapping[str, Any]]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the plain variables, and those that come from a Secret; of two of one name the later counts, if it is there."""
    plain: dict[str, str] = {}
    keys: dict[str, str] = {}
    for entry in entries:
        name = entry["name"]
        if "valueFrom" in entry:
            keys[name] = entry["valueFrom"]["secretKeyRef"]["key"]
        else:
            keys.pop(name, None)
            plain[name] = expanded(entry.get("value") or "", plain)
    return plain, keys


def _words(words: Sequence[str] | None, variables: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(expanded(word, variables) for word in words or ())


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Do what Kubernetes does to a value: $$ is a $, $(NAME) a variable, and what isn't one stays."""
    return _REFERENCE.sub(
        lambda found: "$" if found[0] == "$$" else variables.get(found[1], found[0]), text
    )


def _mounts(
    mounts: Sequence[Mapping[str, Any]], volumes: Mapping[str, Mapping[str, Any]]
) -> tuple[tuple[Mount, ...], dict[str, int]]:
    found: list[Mount] = []
    memory: dict[str, int] = {}
    for mount in mounts:
        volume = volumes[mount["name"]]
        empty = volume.get("emptyDir")
        if empty is not None and empty.get("medium") == "Memory":
            memory[mount["mountPath"]] = _bytes(empty["sizeLimit"])
        else:
            name = _volume_name(volume, mount)
            found.append(Mount(name, mount["mountPath"], read_only=bool(mount.get("readOnly"))))
    return tuple(found), memory


def _volume_name(volume: Mapping[str, Any], mount: Mapping[str, Any]) -> str:
    """Return the name of a volume; each folder of a claim is one of its own, since not every engine mounts a part."""
    if "persistentVolumeClaim" in volume:
        claim: str = volume["persistentVolumeClaim"]["claimName"]
        return f"{claim}-{mount['subPath']}" if "subPath" in mount else claim
    if not volume.keys() & {"emptyDir", "secret"}:
        kinds = ", ".join(sorted(volume.keys() - {"name"}))
        raise ValueError(f"the volume {mount['name']} ({kinds})")
    name: str = volume["name"]
    return name


def _probe(probe: Mapping[str, Any] | None) -> Probe | None:
    if probe is None:
        return None
    seconds = probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
    return Probe(tuple(probe["exec"]["command"]), max(seconds, probe.get("timeoutSeconds", 1)))


def _bytes(quantity: object) -> int:
    return int(amount(str(quantity)))


_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")
