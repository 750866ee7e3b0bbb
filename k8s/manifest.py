"""The Job's manifest: a template of the operator's, into which texts of anybody are put as values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import jinja2
import yaml

from k8s import names
from k8s.annotations import ALL, Asked, initial
from k8s.place import KubernetesPlace
from k8s.services import Service, awaited, services_of, unexpanded, variables_of
from runs.backend import Refused
from runs.run import run_id
from sandbox.agent_files import VARIABLE as AGENT_FILES
from sandbox.broker.settings import PORT, READY
from sandbox.dependencies.cache import folder_name
from sandbox.dependencies.slots import BROKERED, Slot, encode
from sandbox.dependencies.slots import VARIABLE as CACHE_ADDRESSES
from sandbox.gate import GateMode
from sandbox.keys import BROKER, SHARED, names_a_secret
from sandbox.services import LIMIT_VARIABLE as SERVICES_SECONDS
from sandbox.services import VARIABLE as SERVICES
from sandbox.task import Task, to_environment

Manifest = dict[str, Any]

SECRET_KEYS = ("GITHUB_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY")
"""The keys that a sandbox gets; each may be missing."""


PROGRAM_FOLDER = "/claude-sandbox"
"""Where the sandbox program stands in an image that it is brought into."""
BROKER_FOLDER = "/broker"
"""Where the broker keeps its state, in a volume that only it mounts."""


@dataclass(frozen=True, slots=True)
class Brought:
    """The sandbox program on its way into another image: from which one, for which agent, to which folder."""

    image: str
    agent: str
    container: str = names.PROGRAM
    folder: str = PROGRAM_FOLDER


@dataclass(frozen=True, slots=True)
class BrokerBeside:
    """The broker of a Run: its image, which of the Secret's keys it gets, and its plain variables."""

    image: str
    environment: Mapping[str, str]
    keys: tuple[str, ...] = SECRET_KEYS
    container: str = names.BROKER
    folder: str = BROKER_FOLDER

    @property
    def probe(self) -> str:
        """Return the shell line that ends when the broker takes connections."""
        return f"until [ -e {self.folder}/{READY} ]; do sleep 0.05; done"


@dataclass(frozen=True, slots=True)
class Cache:
    """The volume of dependencies: its claim, and the folder of it that this Run's repository has, and no other one."""

    claim: str
    repo_url: str
    folder: ClassVar[str] = "/cache"

    @property
    def part(self) -> str:
        """Return the folder's name on the volume."""
        return folder_name(self.repo_url)


@dataclass(frozen=True, slots=True)
class AgentFiles:
    """The ConfigMap of the operator's files for the agent, and where it is mounted."""

    config_map: str
    folder: ClassVar[str] = "/agent-files"


def manifest(
    asked: Asked, place: KubernetesPlace, *, suspended: bool, slots: tuple[Slot, ...] = ()
) -> Manifest:
    """Return the Job of a Run as a plain dict; `slots` are what a bucket has for its repository's dependencies.

    Raises Refused for a Task that no Pod can be given, and for a template that can't be used.
    """
    values = {
        **_values(asked, place, slots),
        "annotations": initial(asked, admitted=not suspended),
        "suspended": suspended,
    }
    try:
        text = _template(str(place.template)).render(values)
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except (OSError, jinja2.TemplateError, yaml.YAMLError) as error:
        raise Refused(f"The Job's template can't be used: {error}") from error
    _check_broker(found, wanted=place.brokers(asked.task))
    return _checked(found, names.job_name(run_id(asked.key)))


def _values(asked: Asked, place: KubernetesPlace, slots: tuple[Slot, ...]) -> dict[str, object]:
    task, id_of_run = asked.task, run_id(asked.key)
    services = services_of(task, place)
    image = task.image or place.image
    broker = _broker(task, place, id_of_run, slots) if place.brokers(task) else None
    pod_seconds = task.timeout_seconds + place.pod_margin_seconds
    return {
        "name": names.job_name(id_of_run),
        "run": id_of_run,
        "labels": {names.APP_LABEL: names.APP},
        "job_labels": {names.STATUS_LABEL: names.RUNNING, **_kueue(place)},
        "image": image,
        "brought": None if place.runs_entrypoint(image) else Brought(place.image, place.agent),
        "gate": _gate(place),
        "runtime_class": place.runtime_class,
        "image_pull_secrets": [{"name": name} for name in place.image_pull_secrets],
        "broker": broker,
        "environment": _environment(task, place, id_of_run, services) | _cache(place, slots),
        "secret": place.secret,
        "secret_keys": () if broker else SECRET_KEYS,
        "cache": None if place.cache_claim is None else Cache(place.cache_claim, task.repo_url),
        "agent_files": None if place.agent_files is None else AgentFiles(place.agent_files),
        "age_secret": place.age_secret,
        "requests": _resources(task, place.resources.memory_request, place.resources.cpu_request),
        "limits": _resources(task, place.resources.memory_limit, place.resources.cpu_limit),
        "services": {service.name: service for service in services},
        "grace_seconds": place.grace_seconds,
        "pod_seconds": pod_seconds,
        "job_seconds": pod_seconds + place.job_margin_seconds,
        "backstop_seconds": place.backstop_seconds,
    }


def _environment(
    task: Task, place: KubernetesPlace, id_of_run: str, services: list[Service]
) -> dict[str, str]:
    """Return the plain variables. What an existing image expects is set, empty if need be."""
    beside = variables_of(services, task.stack.language if task.stack else None)
    values = {
        **dict.fromkeys(("HAPI_CLI_TOKEN", "DATABASE_URL", "DATABASE_NAME", "REDIS_URL"), ""),
        **_GIT_TRUSTS_WORKSPACE,
        **beside,
        SERVICES: awaited(services),
        SERVICES_SECONDS: f"{place.patience.service:.0f}",
        **dict(task.variables),
        **place.environment,
        **to_environment(task, id_of_run),
        "SANDBOX_AGENT": place.agent,
        "SANDBOX_IMAGE": task.image or place.image,
        AGENT_FILES: "" if place.agent_files is None else AgentFiles.folder,
    }
    if place.brokers(task):
        # No key stands in the agent's container, and so none of their names.
        values |= {BROKER: _BROKER_URL, "ANTHROPIC_BASE_URL": f"{_BROKER_URL}/model"}
    values[SHARED] = _shared({**beside, **dict(task.variables)}, values)
    return _verbatim(values)


def _shared(given: Mapping[str, str], values: Mapping[str, str]) -> str:
    """Return which of some variables look like keys; the agent gets them as long as nothing else took their place."""
    names_ = (name for name in given if names_a_secret(name))
    return " ".join(name for name in names_ if values[name] == given[name])


def _cache(place: KubernetesPlace, slots: tuple[Slot, ...]) -> dict[str, str]:
    """Return where dependencies are kept, for the sandbox: on a volume, or where the broker says."""
    folder = "" if place.cache_claim is None else Cache.folder
    return {"SANDBOX_CACHE": BROKERED if slots else folder}


def _broker(
    task: Task, place: KubernetesPlace, id_of_run: str, slots: tuple[Slot, ...]
) -> BrokerBeside:
    asked = to_environment(task, id_of_run)
    known = {
        name: asked[name] for name in ("REPO_URL", "SANDBOX_RUN", "SANDBOX_PR", "SANDBOX_BUDGET")
    }
    values = {**place.environment, **known, "SANDBOX_BROKER_STATE": BROKER_FOLDER}
    if slots:
        values[CACHE_ADDRESSES] = encode(slots)
    return BrokerBeside(place.image, _verbatim(values))


def _verbatim(values: Mapping[str, str]) -> dict[str, str]:
    """Return variables in the form in which a container gets them as they are. Raises Refused."""
    for name, value in values.items():
        _check(name, value)
    return {name: unexpanded(value) for name, value in values.items()}


def _kueue(place: KubernetesPlace) -> dict[str, str]:
    return {} if place.kueue is None else {names.KUEUE_LABEL: place.kueue}


def _gate(place: KubernetesPlace) -> str:
    """Return the gate's variable: Kubernetes itself puts the API server's address in, and doesn't mind service links."""
    if place.gate is GateMode.OFF:
        return ""
    server = "$(KUBERNETES_SERVICE_HOST):$(KUBERNETES_SERVICE_PORT)"
    return f"{server} {place.gate.value} {place.gate_seconds}"


def _check(name: str, value: str) -> None:
    """Refuse what no process can be given."""
    if "\0" in value:
        raise Refused("The task holds a NUL character.")
    try:
        size = len(f"{name}={value}".encode())
    except UnicodeEncodeError:
        raise Refused("The task holds a character that isn't valid Unicode.") from None
    if size >= _MAX_VARIABLE_BYTES:
        raise Refused(f"The task is too long: {name} may have 128 KiB at most.")


def _resources(task: Task, memory: str, cpu: str) -> dict[str, str]:
    return {"memory": task.memory or memory, "cpu": task.cpu or cpu}


def _check_broker(found: object, *, wanted: bool) -> None:
    """Refuse a Job whose agent would be without keys and without a broker, as older templates make it."""
    try:
        containers = found["spec"]["template"]["spec"].get("initContainers") or ()  # type: ignore[index]  # what it isn't raises
        has_one = any(container["name"] == names.BROKER for container in containers)
    except (TypeError, KeyError, AttributeError):
        has_one = False
    if wanted and not has_one:
        raise Refused("The Job's template has no broker: take it over from manifests/job.yaml.j2.")


def _checked(found: object, name: str) -> Manifest:
    """Refuse a Job that we wouldn't find again."""
    if not isinstance(found, dict) or not isinstance(found.get("metadata"), dict):
        raise Refused("The Job's template doesn't make a Job.")
    metadata = found["metadata"]
    labels = metadata.get("labels")
    if (
        found.get("kind") != "Job"
        or metadata.get("name") != name
        or not isinstance(labels, dict)
        or labels.get(names.APP_LABEL) != names.APP
        or not isinstance(metadata.get("annotations"), dict)
        or set(ALL) - metadata["annotations"].keys()
    ):
        raise Refused("The Job's template has to keep the Job's name, labels and annotations.")
    return found


@lru_cache(maxsize=4)
def _template(path: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read),
        undefined=jinja2.StrictUndefined,
        finalize=_as_yaml,
        autoescape=False,  # noqa: S701 - not HTML: `finalize` makes every value a YAML value
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(path)


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - the loader's own signature is a text
        return file.read()


def _as_yaml(value: object) -> object:
    """Write a value as one YAML value on one line. An undefined name goes back untouched, to be refused."""
    if isinstance(value, jinja2.Undefined):
        return value
    if isinstance(value, Mapping):
        value = dict(value)
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        default_style='"' if isinstance(value, str) else None,
        default_flow_style=True,
        width=_ONE_LINE,
        allow_unicode=False,
        sort_keys=False,
    )
    return text.removesuffix("...\n").rstrip("\n")


_GIT_TRUSTS_WORKSPACE = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "/workspace",
}
"""The volume belongs to root: git refuses to work in it itself, as existing images do; ours has a folder below it."""
_BROKER_URL = f"http://127.0.0.1:{PORT}"
_MAX_VARIABLE_BYTES = 32 * 4096  # MAX_ARG_STRLEN of Linux, its end mark included
_ONE_LINE = 1 << 30
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
