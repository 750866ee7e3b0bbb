"""Compose files: the containers that a project's developers bring up beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from runs.stacks import yaml_nodes as nodes
from runs.stacks.stack import File, Finding, Source
from runs.stacks.table import Table

_DEEPEST = 5
_KEYS = {"services", "version", "volumes", "networks", "configs", "secrets", "name", "include"}
_VARIABLE = re.compile(
    r"\$\{(?P<name>\w+)(?::?[-=](?P<default>[^}]*))?(?::?\?[^}]*)?\}|\$(?P<bare>\w+)"
)
_OWN_VARIABLES = {
    "POSTGRES_PASSWORD": "postgres",
    "MYSQL_ROOT_PASSWORD": "mysql",
    "POSTGRES_DB": "postgres",
}


def read_compose(
    file: File, table: Table, others: Mapping[str, File], values: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield the services that come up by themselves, not those of a profile.

    `others` are the compose files by path, for `extends`; `values` the variables of the example of an environment.
    """
    scene = _Scene(file, others, values, {})
    for name, (key, service) in scene.services().items():
        if nodes.elements(nodes.child(service, "profiles")):
            continue
        found = scene.image(service, 0)
        about = None if found is None else table.image(found)
        if about is not None:
            sign, version = about
            what = f"{name}: {found}"
            yield Finding(
                sign.service,
                Source.COMPOSE,
                file.path,
                nodes.line(key),
                what,
                version,
                sign.flavour,
            )
        elif found is None and (made := _by_environment(service)) is not None:
            yield Finding(made, Source.COMPOSE, file.path, nodes.line(key), f"{name}: built here")


_Services = dict[str, tuple[yaml.Node, yaml.Node]]


@dataclass(frozen=True, slots=True)
class _Scene:
    """What a service of one file may refer to."""

    file: File
    others: Mapping[str, File]
    values: Mapping[str, str]
    read: dict[str, _Services]

    def services(self) -> _Services:
        """Return the services of the file, which is read once, however often it is referred to."""
        found = self.read.get(self.file.path)
        if found is None:
            found = self.read[self.file.path] = {
                name: (key, value) for name, key, value in _services(nodes.compose(self.file.text))
            }
        return found

    def image(self, service: yaml.Node, depth: int) -> str | None:
        """Return the image of a service, or of the one that it extends; None when it has none."""
        image = nodes.text(nodes.child(service, "image"))
        if image is not None:
            return _VARIABLE.sub(self._value, image)
        extended = nodes.child(service, "extends")
        if extended is None or depth > _DEEPEST:
            return None
        base = nodes.text(extended) or nodes.text(nodes.child(extended, "service"))
        path = nodes.text(nodes.child(extended, "file"))
        file = self.file if path is None else self.others.get(_beside(self.file, path))
        if file is None:
            return None
        scene = _Scene(file, self.others, self.values, self.read)
        _, found = scene.services().get(base or "", (None, None))
        return None if found is None else scene.image(found, depth + 1)

    def _value(self, match: re.Match[str]) -> str:
        name = match["name"] or match["bare"]
        return self.values.get(name) or match["default"] or ""


def _services(root: yaml.Node | None) -> list[tuple[str, yaml.Node, yaml.Node]]:
    """Return the services of a file; in the oldest form they stand at its top."""
    services = nodes.child(root, "services")
    if services is not None:
        return list(nodes.items(services))
    top = list(nodes.items(root))
    if {name for name, _, _ in top} & _KEYS:
        return []
    return [
        (name, key, value)
        for name, key, value in top
        if not name.startswith("x-")
        and (nodes.child(value, "image") or nodes.child(value, "build"))
    ]


def _by_environment(service: yaml.Node) -> str | None:
    """Say which database an image of the project's own is, by the variables that only such an image reads."""
    if nodes.child(service, "depends_on") is not None or nodes.child(service, "build") is None:
        return None
    environment = nodes.child(service, "environment")
    names = [name for name, _, _ in nodes.items(environment)]
    names += [(nodes.text(each) or "").partition("=")[0] for each in nodes.elements(environment)]
    return next((_OWN_VARIABLES[name] for name in names if name in _OWN_VARIABLES), None)


def _beside(file: File, path: str) -> str:
    """Return the path of another file, as it is seen from this one."""
    parts = file.folder.split("/") if file.folder else []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
