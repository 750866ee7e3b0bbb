"""The services beside an agent, as containers of its Pod: made from the table, manifests/services.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from k8s import names
from k8s.place import KubernetesPlace
from runs.backend import Refused
from runs.stacks.table import Service as Known
from runs.stacks.table import services_table
from sandbox.task import Task


@dataclass(frozen=True, slots=True)
class Volume:
    """An empty volume of a service: its name, where it is mounted, and its limit when it is memory."""

    name: str
    path: str
    memory: str | None


@dataclass(frozen=True, slots=True)
class Service:
    """A service beside the agent, as the Job's template needs it."""

    name: str
    image: str
    container: str
    command: Sequence[str]
    environment: Mapping[str, str]
    probe: Sequence[str]
    volumes: Sequence[Volume]
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    port: int
    group: int | None


def services_of(task: Task, place: KubernetesPlace) -> list[Service]:
    """Return the services that a Task wants, each once. Raises Refused for an unknown one."""
    found: dict[str, Service] = {}
    flavours = services_table().flavours
    for wanted in task.services or ():
        flavour, _, tag = wanted.partition(":")
        known = flavours.get(flavour)
        if known is None:
            names_ = ", ".join(services_table().services)
            raise Refused(f"There is no service {wanted[:60]!r} here. There are: {names_}.")
        found.setdefault(known.name, _service(known, _image(known, flavour, tag, place)))
    return list(found.values())


def variables_of(services: Sequence[Service], language: str | None) -> dict[str, str]:
    """Return how the agent reaches its services; of two databases the first is DATABASE_URL."""
    values: dict[str, str] = {}
    for service in services:
        known = services_table().services[service.name]
        forms = {**known.variables, **known.forms.get(language or "", {})}
        values = {**forms, **values}
    return values


def awaited(services: Sequence[Service]) -> str:
    """Return the names and ports for which the sandbox waits before the agent begins."""
    return " ".join(f"{service.name}:{service.port}" for service in services)


def unexpanded(value: str) -> str:
    """Return a text that Kubernetes leaves as it is.

    It expands $(NAME), takes every $$ for $, and breaks a letter like é after a single $
    (third_party/forked/golang/expansion/expand.go): only doubling each keeps every text.
    """
    return value.replace("$", "$$")


def _image(known: Known, flavour: str, tag: str, place: KubernetesPlace) -> str:
    if flavour == known.name:
        flavour = known.usual
    own = place.service_images.get(flavour) or place.service_images.get(known.name)
    image = own or known.images[flavour]
    if not tag or "@" in image:  # what the operator pinned isn't a repository's to change
        return image
    head, slash, last = image.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}:{tag}"


def _service(known: Known, image: str) -> Service:
    run = known.run
    volumes = [
        Volume(f"{known.name}-{name}", volume["path"], volume.get("memory"))
        for name, volume in run["volumes"].items()
    ]
    return Service(
        name=known.name,
        image=image,
        container=names.sidecar(known.name),
        command=run["command"],
        environment={name: unexpanded(value) for name, value in run["environment"].items()},
        probe=run["probe"],
        volumes=volumes,
        requests=run["requests"],
        limits=run["limits"],
        port=run["port"],
        group=run.get("group"),
    )
