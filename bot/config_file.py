"""The YAML of SANDBOX_CONFIG: its keys, and what each takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import yaml

from bot.address import BadRepo, read_configured, refuse_branch
from bot.config import PATIENCE, Config, Repo, RepoLimits, RepoOptions, Role, RunLimits
from bot.nodes import (
    BadNode,
    Key,
    Read,
    Reader,
    is_empty,
    join,
    read_boolean,
    read_fields,
    read_text,
)
from bot.options import BadValue, read_cpu, read_image, read_memory, read_timeout
from runs.backend import Limits
from runs.s3_place import EXAMPLE as BUCKET_EXAMPLE
from runs.s3_place import S3Place, read_place
from runs.stacks.languages import TITLES
from runs.stacks.table import services_table
from sandbox.gate import GateMode


class ConfigError(Exception):
    """The config can't be used; `mistakes` has one line each: where, what is wrong, and what would be right."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def parse(text: str) -> Config:
    """Read a config; empty text is an empty one. Raises ConfigError with all mistakes at once."""
    values, mistakes = read_fields(text, _KEYS)
    if mistakes:
        left_out = len(mistakes) - _MOST_MISTAKES
        more = (f"and {left_out} more",) if left_out > 0 else ()
        raise ConfigError((*mistakes[:_MOST_MISTAKES], *more))
    return Config(**values)


_MOST_MISTAKES = 50


def _scalar(read: Callable[[str], Any]) -> Read:
    """Make a reader of one value out of a function of its text that raises BadValue or BadRepo."""

    def read_node(_reader: Reader, node: yaml.Node, _place: str) -> Any:
        try:
            return read(read_text(node))
        except BadValue as taken:
            raise BadNode(f"takes {taken}") from taken
        except BadRepo as bad:
            raise BadNode(f"isn't right: {bad.what.rstrip('.')}") from bad

    return read_node


def _list_key(
    field: str,
    read: Callable[[str], Any],
    example: str,
    gather: Callable[[Iterable[Any]], Any] = tuple,
) -> Key:
    """Make the key of a list out of a function of an item's text."""
    item_key = Key("", _scalar(read), example)

    def read_node(reader: Reader, node: yaml.Node, place: str) -> Any:
        if is_empty(node):
            return gather(())
        if not isinstance(node, yaml.SequenceNode):
            raise BadNode("takes a list")
        items = [reader.value(item, place, item_key) for item in node.value]
        return gather(item for item in items if item is not None)

    return Key(field, read_node, example)


def _pattern(pattern: str, taken: str) -> Callable[[str], str]:
    """Make a reader of text that matches a regular expression."""
    compiled = re.compile(pattern)

    def read(text: str) -> str:
        if not compiled.fullmatch(text):
            raise BadValue(taken)
        return text

    return read


def _whole(most: int) -> Callable[[str], int]:
    """Make a reader of whole numbers from 1 to `most`."""

    def read(text: str) -> int:
        number = int(text) if re.fullmatch("[0-9]{1,6}", text) else 0
        if not 1 <= number <= most:
            raise BadValue(f"a whole number from 1 to {most}")
        return number

    return read


def _id(text: str) -> int:
    if not re.fullmatch("-?[1-9][0-9]{0,15}", text):
        raise BadValue("a chat's id as /id tells it")
    return int(text)


def _person(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,15}", text):
        raise BadValue("a person's id as /id tells it; those of groups are negative")
    return int(text)


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise BadValue("viewer, runner or admin") from None


def _gate(text: str) -> GateMode:
    try:
        return GateMode(text)
    except ValueError:
        raise BadValue("warn, fail or off") from None


def read_service(text: str) -> str:
    """Read a service with or without a version, such as redis:7. Raises BadValue."""
    name = _SERVICE(text).partition(":")[0]
    if name not in services_table().flavours:
        raise BadValue(f"some of {', '.join(services_table().flavours)}, with , between; or none")
    return text


def _service_name(text: str) -> str:
    if text not in services_table().flavours:
        raise BadValue(f"one of {', '.join(services_table().flavours)}")
    return text


def _trust(text: str) -> bool:
    if text not in ("base", "branch"):
        raise BadValue("base or branch")
    return text == "branch"


def _silence(text: str) -> int:
    if text.lower() == "off":
        return 0
    try:
        return read_timeout(text)
    except BadValue:
        raise BadValue("a time such as 15m, from 1m to 24h, or off") from None


def _bucket(text: str) -> S3Place:
    place = read_place(text)
    if place is None:
        raise BadValue("the address of a bucket")
    return place


def _branch(text: str) -> str:
    refuse_branch(text)
    return text


def _repos(reader: Reader, node: yaml.Node, place: str) -> dict[str, Repo]:
    repos = {}
    for alias, key_node, value_node in reader.entries(node, place):
        if not re.fullmatch("[A-Za-z0-9_][A-Za-z0-9._-]{0,39}", alias):
            reader.note(key_node, f"{join(place, alias)}: an alias is a word such as demo")
            continue
        repo = _repo(reader, value_node, join(place, alias), alias)
        if repo is not None:
            repos[alias] = repo
    return repos


def _repo(reader: Reader, node: yaml.Node, place: str, alias: str) -> Repo | None:
    if not isinstance(node, yaml.MappingNode):
        address = reader.value(node, place, replace(_URL, example=f"{alias}: {_SAMPLE_URL}"))
        return None if address is None else Repo(alias, address)
    known = len(reader.mistakes)
    values = reader.fields(node, place, {"url": _URL, **_REPO_KEYS})
    address = values.pop("url", None)
    if address is None:
        if len(reader.mistakes) == known:
            reader.note(node, f"{place} has no url. For example {_URL.example}")
        return None
    return Repo(alias, address, RepoOptions(**values))


def _people(reader: Reader, node: yaml.Node, place: str) -> dict[int, Role]:
    return dict(_pairs(reader, node, place, (_PERSON, _ROLE)))


def _service_images(reader: Reader, node: yaml.Node, place: str) -> dict[str, str]:
    return dict(_pairs(reader, node, place, (_SERVICE_NAME, _SERVICE_IMAGE)))


def _pairs(
    reader: Reader, node: yaml.Node, place: str, kinds: tuple[Key, Key]
) -> Iterator[tuple[Any, Any]]:
    """Yield name and value of each line that is right, the name read as the first kind, the value as the second."""
    for name, key_node, value_node in reader.entries(node, place):
        key = reader.value(key_node, f"{place}: a key", kinds[0])
        value = reader.value(value_node, join(place, name), kinds[1])
        if key is not None and value is not None:
            yield key, value


def _limits(reader: Reader, node: yaml.Node, place: str) -> Limits:
    return Limits(**reader.fields(node, place, _LIMIT_KEYS))


def _repo_limits(reader: Reader, node: yaml.Node, place: str) -> RepoLimits:
    keys = {name: _REPO_KEYS[name] for name in ("memory", "cpu")}
    return RepoLimits(**reader.fields(node, place, keys))


def _run_limits(reader: Reader, node: yaml.Node, place: str) -> RunLimits:
    keys = {name: _REPO_KEYS[name] for name in ("memory", "cpu", "timeout")}
    return RunLimits(**reader.fields(node, place, keys))


def _versions(reader: Reader, node: yaml.Node, place: str) -> dict[str, tuple[str, ...]]:
    return reader.fields(node, place, _LANGUAGE_KEYS)


def _patience(reader: Reader, node: yaml.Node, place: str) -> dict[str, float]:
    return dict(reader.fields(node, place, _PATIENCE_KEYS))


def _defaults(reader: Reader, node: yaml.Node, place: str) -> RepoOptions:
    return RepoOptions(**reader.fields(node, place, _REPO_KEYS))


def _cache(reader: Reader, node: yaml.Node, place: str) -> str | S3Place | None:
    found = reader.fields(node, place, {"claim": _CLAIM, "s3": _BUCKET})
    if len(found) == 2:
        raise BadNode("names both a claim and a bucket: one of them is enough")
    return found.get("claim") or found.get("s3")


def _agents(reader: Reader, node: yaml.Node, place: str) -> str | None:
    return reader.fields(node, place, {"configMap": _CONFIG_MAP}).get("configMap")


_SAMPLE_URL = "https://github.com/owner/name"
_SERVICE = _pattern(
    "[a-z][a-z0-9-]{0,30}(?::[A-Za-z0-9._-]{1,60})?", "services such as postgres or redis:7"
)
_IMAGE_PATTERN = _pattern(r"[A-Za-z0-9./:_*?@\[\]-]{1,255}", "images, with * for anything")
_SECRET_NAME = _pattern("[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", "names of Secrets")
_RUNTIME_CLASS = _pattern("[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", "the name of a RuntimeClass")
_CLAIM_EXAMPLE = "claim: claude-sandbox-cache"
_CLAIM = Key(
    "claim",
    _scalar(_pattern("[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", "the name of a volume claim")),
    _CLAIM_EXAMPLE,
)
_BUCKET = Key("s3", _scalar(_bucket), f"s3: {BUCKET_EXAMPLE}-cache")
_CONFIG_MAP_EXAMPLE = "configMap: claude-sandbox-agents"
_CONFIG_MAP = Key(
    "configMap",
    _scalar(_pattern("[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", "the name of a ConfigMap")),
    _CONFIG_MAP_EXAMPLE,
)
_QUEUE = _pattern("[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", "the name of a LocalQueue")
_URL = Key("url", _scalar(read_configured), f"url: {_SAMPLE_URL}")
_PERSON = Key("", _scalar(_person), "12345678: runner")
_ROLE = Key("", _scalar(_role), "12345678: runner")
_SERVICE_NAME = Key("", _scalar(_service_name), "redis: redis:7")
_SERVICE_IMAGE = Key("", _scalar(read_image), "redis: registry.example/redis:7")
_VERSION = _pattern(r"[0-9]{1,4}(?:\.[0-9]{1,4}){0,2}", "versions such as 3.3, in quotes")
_LANGUAGE_KEYS = {name: _list_key(name, _VERSION, f'{name}: ["3.3", "3.4"]') for name in TITLES}
_REPO_KEYS = {
    "branch": Key("branch", _scalar(_branch), "branch: main"),
    "image": Key("image", _scalar(read_image), "image: ghcr.io/owner/name:1.2"),
    "memory": Key("memory", _scalar(read_memory), "memory: 4Gi"),
    "cpu": Key("cpu", _scalar(read_cpu), "cpu: 1500m"),
    "timeout": Key("timeout_seconds", _scalar(read_timeout), "timeout: 45m"),
    "services": _list_key("services", _SERVICE, "services: [postgres, redis]"),
    "pr": Key("pull_request", read_boolean, "pr: true"),
    "protected": Key("protected", read_boolean, "protected: true"),
    "trust": Key("trusts_branch", _scalar(_trust), "trust: base"),
}
_LIMIT_KEYS = {
    "runs": Key("runs", _scalar(_whole(10_000)), "runs: 4"),
    "runs_per_person": Key("runs_per_person", _scalar(_whole(10_000)), "runs_per_person: 2"),
    "queue_minutes": Key(
        "queue_seconds", _scalar(lambda text: 60 * _whole(10_080)(text)), "queue_minutes: 60"
    ),
}
_PATIENCE_KEYS = {name: Key(name, _scalar(read_timeout), f"{name}: 15m") for name in PATIENCE}
_KEYS = {
    "repos": Key("repos", _repos, f"repos: {{demo: {_SAMPLE_URL}}}"),
    "chats": _list_key("chats", _id, "chats: [-1001234567890]", frozenset),
    "people": Key("people", _people, "people: {12345678: runner}"),
    "images": _list_key("images", _IMAGE_PATTERN, 'images: ["ghcr.io/owner/*"]'),
    "entrypoints": _list_key(
        "entrypoints", _IMAGE_PATTERN, 'entrypoints: ["ghcr.io/owner/own-sandbox:*"]'
    ),
    "serviceImages": Key(
        "service_images", _service_images, "serviceImages: {redis: registry.example/redis:7}"
    ),
    "gate": Key("gate", _scalar(_gate), "gate: fail"),
    "silence": Key("silence_seconds", _scalar(_silence), "silence: 15m"),
    "patience": Key("patience", _patience, "patience: {image: 5m, machine: 30m}"),
    "kueue": Key("kueue", _scalar(_QUEUE), "kueue: sandboxes"),
    "cache": Key("cache", _cache, f"cache: {{{_CLAIM_EXAMPLE}}}"),
    "agents": Key("agent_files", _agents, f"agents: {{{_CONFIG_MAP_EXAMPLE}}}"),
    "runtimeClass": Key("runtime_class", _scalar(_RUNTIME_CLASS), "runtimeClass: gvisor"),
    "imagePullSecrets": _list_key(
        "image_pull_secrets", _SECRET_NAME, "imagePullSecrets: [regcred]"
    ),
    "limits": Key("limits", _limits, "limits: {runs: 4, runs_per_person: 2, queue_minutes: 60}"),
    "versions": Key("versions", _versions, 'versions: {ruby: ["3.3", "3.4"]}'),
    "runLimits": Key("run_limits", _run_limits, "runLimits: {memory: 16Gi, cpu: 8, timeout: 4h}"),
    "repoLimits": Key("repo_limits", _repo_limits, "repoLimits: {memory: 8Gi, cpu: 4}"),
    "detect": Key("detects", read_boolean, "detect: false"),
    "defaults": Key("defaults", _defaults, "defaults: {timeout: 45m, memory: 4Gi}"),
}
