"""A run's containers as a compose file: the same that `cli.local.arguments` asks for, for who starts them by hand. Pure."""

from __future__ import annotations

import shlex
from typing import Any

import yaml

from cli.local.arguments import NETWORK, PREPARE, RIGHTS, TERMINATION_LOG, Made
from k8s.containers import SHARED_MEMORY, Container

VOLUMES = "volumes"
"""The service that opens the volumes to the run's group, and ends."""
_ONE_LINE = 1 << 30
_LOCKED: dict[str, Any] = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]}


def compose_file(made: Made) -> str:
    """Return the compose file (https://github.com/compose-spec/compose-spec) of a run; no key's value stands in it."""
    text: str = yaml.safe_dump(_literal(_document(made)), sort_keys=False, width=_ONE_LINE)
    return text


def _document(made: Made) -> dict[str, Any]:
    containers = made.containers
    services = {VOLUMES: _volumes(made), NETWORK: _network(made)}
    ready = {NETWORK: {"condition": "service_started"}}
    stays = True
    waited: dict[str, Any] = dict(ready)
    group: dict[str, Any] = {}
    for container in containers.all:
        if group and (container.stays is not stays or not container.stays):
            waited, group = {**waited, **group}, {}
        stays = container.stays
        services[container.name] = {**_service(made, container), "depends_on": dict(waited)}
        group[container.name] = {"condition": _condition(container)}
    volumes: dict[str, Any] = {name: {} for name in containers.volumes}
    volumes |= {name: {"name": name} for name in containers.kept}
    return {"name": containers.name, "services": services, "volumes": volumes}


def _condition(container: Container) -> str:
    if not container.stays:
        return "service_completed_successfully"
    return "service_started" if container.probe is None else "service_healthy"


def _volumes(made: Made) -> dict[str, Any]:
    containers = made.containers
    names = (*containers.volumes, *containers.kept)
    return {
        "image": made.image,
        "entrypoint": ["sh", "-c", PREPARE, "prepare", containers.group, ""],
        "network_mode": "none",
        "user": "0:0",
        "read_only": True,
        **_LOCKED,
        "cap_add": list(RIGHTS),
        "volumes": [_mount(name, f"/volumes/{name}") for name in names],
    }


def _network(made: Made) -> dict[str, Any]:
    return {
        "image": made.image,
        "entrypoint": ["sleep", str(made.containers.seconds + made.containers.grace_seconds)],
        "user": "1000:1000",
        "read_only": True,
        **_LOCKED,
        "stop_signal": "SIGKILL",
        "depends_on": {VOLUMES: {"condition": "service_completed_successfully"}},
    }


def _service(made: Made, container: Container) -> dict[str, Any]:
    agent = container is made.containers.agent
    mounts = [_mount(each.volume, each.path, read_only=each.read_only) for each in container.mounts]
    if agent:
        mounts.append({"type": "bind", "source": str(made.report), "target": TERMINATION_LOG})
    mounts += [
        {"type": "tmpfs", "target": path, "tmpfs": {"size": size, "mode": 0o1777}}
        for path, size in container.memory.items()
        if path != SHARED_MEMORY
    ]
    found: dict[str, Any] = {
        "image": container.image,
        "entrypoint": list(container.entrypoint),
        "command": list(container.arguments),
        # A key without a value is taken from the environment of who starts it.
        "environment": {**container.environment, **dict.fromkeys(container.keys)},
        "network_mode": f"service:{NETWORK}",
        "user": container.user,
        "group_add": list(container.groups),
        "working_dir": container.folder,
        "read_only": container.read_only,
        **_LOCKED,
        "mem_limit": container.memory_bytes,
        "cpus": container.cpus,
        "shm_size": container.memory.get(SHARED_MEMORY),
        "volumes": mounts,
        "restart": "always" if container.stays else "no",
        "stop_grace_period": f"{made.containers.grace_seconds}s" if agent else None,
        "healthcheck": _health(container),
    }
    return {name: value for name, value in found.items() if value not in (None, [], False)}


def _health(container: Container) -> dict[str, Any] | None:
    if container.probe is None:
        return None
    return {
        # A shell's line: Podman 4.3 takes the words of a "CMD" apart at their spaces.
        "test": ["CMD-SHELL", _line(container.probe.command)],
        "interval": "1s",
        "timeout": "20s",
        "retries": max(int(container.probe.seconds), 1),
    }


def _line(command: tuple[str, ...]) -> str:
    return command[2] if command[:2] == ("sh", "-c") else shlex.join(command)


def _mount(volume: str, path: str, *, read_only: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "volume", "source": volume, "target": path}
    if read_only:
        found["read_only"] = True
    return {**found, "volume": {"nocopy": True}}


def _literal(value: Any) -> Any:
    """Return a value with every $ doubled: compose puts variables in place of single ones."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {name: _literal(each) for name, each in value.items()}
    return [_literal(each) for each in value] if isinstance(value, list) else value
