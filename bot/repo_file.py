"""`.claude-sandbox.yaml`, by which a repo says itself what it needs. It is a stranger's: bounded, and never run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from bot.nodes import BadNode, Key, Reader, is_empty, join, read_fields, read_text
from bot.options import BadValue, read_cpu, read_image, read_memory
from runs.stacks.languages import TITLES
from runs.stacks.table import services_table
from sandbox.reserved import may_be_set


class BadRepoFile(Exception):
    """The file can't be used; `mistakes` has one line each: where, what is wrong, and what would be right."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class RepoFile:
    """What the file says; None and empty mean that it says nothing of it. `services` empty means none at all."""

    services: tuple[str, ...] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    setup: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    image: str | None = None
    memory: str | None = None
    cpu: str | None = None


def parse(text: str) -> RepoFile:
    """Read the file; empty text says nothing. Raises BadRepoFile with all mistakes at once."""
    values, mistakes = read_fields(text, _KEYS)
    if mistakes:
        raise BadRepoFile(mistakes)
    resources = values.pop("resources", {})
    return RepoFile(**values, **resources)


MOST_VARIABLES = 100
LONGEST_NAME = 100
LONGEST_VALUE = 4096
_VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){0,3}")
_SERVICE = re.compile(r"(?P<name>[a-z]+)(?::(?P<tag>[A-Za-z0-9._-]{1,60}))?")


def _services(reader: Reader, node: yaml.Node, place: str) -> tuple[str, ...]:
    """Read a list of services, each once; nothing means none."""
    if is_empty(node):
        return ()
    found: dict[str, str] = {}
    for item in _list(node):
        service = reader.value(item, place, _SERVICE_KEY)
        if service is None:
            continue
        name = services_table().flavours[service.partition(":")[0]].name
        if name in found:
            reader.note(item, f"{place} has {name} twice")
        found[name] = service
    return tuple(found.values())


def _service(_reader: Reader, node: yaml.Node, _place: str) -> str:
    text = read_text(node)
    match = _SERVICE.fullmatch(text)
    if match is None or match["name"] not in services_table().flavours:
        raise BadNode(f"knows {', '.join(services_table().flavours)}")
    return text


def _versions(reader: Reader, node: yaml.Node, place: str) -> dict[str, str]:
    return reader.fields(node, place, _VERSION_KEYS)


def _version(_reader: Reader, node: yaml.Node, _place: str) -> str:
    text = read_text(node)
    if not _VERSION.fullmatch(text):
        raise BadNode("takes a version such as 3.3")
    return text


def _setup(reader: Reader, node: yaml.Node, place: str) -> tuple[str, ...]:
    """Read one command or a list of them; each is a line."""
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    found = [reader.value(each, place, _COMMAND) for each in nodes]
    return tuple(command for command in found if command)


def _command(_reader: Reader, node: yaml.Node, _place: str) -> str:
    text = read_text(node)
    if len(text) > LONGEST_VALUE or "\0" in text:
        raise BadNode("takes commands of one line each")
    return text


def _env(reader: Reader, node: yaml.Node, place: str) -> tuple[tuple[str, str], ...]:
    found = []
    for name, key_node, value_node in reader.entries(node, place):
        if len(name) > LONGEST_NAME or not may_be_set(name, beside_ours=True):
            reader.note(key_node, f"{join(place, name)} can't be set here")
            continue
        value = reader.value(value_node, join(place, name), _VALUE)
        if value is not None:
            found.append((name, value))
    if len(found) > MOST_VARIABLES:
        reader.note(node, f"{place} has more than {MOST_VARIABLES} variables")
    return tuple(found)


def _value(_reader: Reader, node: yaml.Node, _place: str) -> str:
    if is_empty(node):
        return ""
    text = read_text(node)
    if len(text) > LONGEST_VALUE or "\0" in text:
        raise BadNode(f"takes a value of at most {LONGEST_VALUE} characters")
    return text


def _resources(reader: Reader, node: yaml.Node, place: str) -> dict[str, Any]:
    return reader.fields(node, place, _RESOURCE_KEYS)


def _scalar(read: Any) -> Any:
    def read_node(_reader: Reader, node: yaml.Node, _place: str) -> Any:
        try:
            return read(read_text(node))
        except BadValue as taken:
            raise BadNode(f"takes {taken}") from taken

    return read_node


def _list(node: yaml.Node) -> list[yaml.Node]:
    if not isinstance(node, yaml.SequenceNode):
        raise BadNode("takes a list")
    return list(node.value)


_SERVICE_KEY = Key("", _service, "services: [postgres, redis:7]")
_COMMAND = Key("", _command, "setup: bin/setup")
_VALUE = Key("", _value, "env: {RAILS_ENV: test}")
_VERSION_KEYS = {name: Key(name, _version, f'{name}: "3.3"') for name in TITLES}
_RESOURCE_KEYS = {
    "memory": Key("memory", _scalar(read_memory), "memory: 4Gi"),
    "cpu": Key("cpu", _scalar(read_cpu), "cpu: 1500m"),
}
_KEYS = {
    "services": Key("services", _services, "services: [postgres, redis:7]"),
    "versions": Key("versions", _versions, 'versions: {ruby: "3.3"}'),
    "setup": Key("setup", _setup, "setup: bin/setup"),
    "env": Key("env", _env, "env: {RAILS_ENV: test}"),
    "image": Key("image", _scalar(read_image), "image: ghcr.io/owner/name:1.2"),
    "resources": Key("resources", _resources, "resources: {memory: 4Gi, cpu: 2}"),
}
