"""The table of services, manifests/services.yaml: how each is recognised, and how it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).resolve().parents[2] / "manifests" / "services.yaml"


@dataclass(frozen=True, slots=True)
class Sign:
    """What a name stands for: a service, and which flavour of it (None: the usual one)."""

    service: str
    flavour: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One service. `images` are by flavour, the usual one first; `run`, `variables` and `forms` are for
    the Job."""

    name: str
    title: str
    sql: bool
    images: Mapping[str, str]
    versions: Mapping[str, Sequence[str]]
    run: Mapping[str, Any]
    variables: Mapping[str, str]
    forms: Mapping[str, Mapping[str, str]]

    @property
    def usual(self) -> str:
        """Return the usual flavour."""
        return next(iter(self.images))

    @property
    def all_variables(self) -> frozenset[str]:
        """Return the names of the variables by which some agent reaches it, whatever its language."""
        return frozenset(self.variables).union(*self.forms.values())

    def tag(self, flavour: str, version: str) -> str | None:
        """Return the tag that has a version: 15 for 15.4; None when there is none."""
        parts = version.split(".")
        fitting = [
            tag
            for tag in self.versions.get(flavour, ())
            if tag.split(".") == parts[: len(tag.split("."))]
        ]
        return max(fitting, key=len, default=None)


@dataclass(frozen=True, slots=True)
class Table:
    """All services by name, and what their signs stand for."""

    services: Mapping[str, Service]
    clients: Mapping[str, Mapping[str, Sign]] = field(repr=False)
    images: Mapping[str, Sign] = field(repr=False)
    schemes: Mapping[str, Sign] = field(repr=False)
    words: Mapping[str, Sign] = field(repr=False)

    @property
    def flavours(self) -> dict[str, Service]:
        """Return the services by every name that an operator or a repository may write: mysql, mariadb."""
        named = {flavour: found for found in self.services.values() for flavour in found.images}
        return {**named, **self.services}

    def client(self, ecosystem: str, name: str) -> Sign | None:
        """Say which service a client library is for."""
        return self.clients[ecosystem].get(name)

    def image(self, reference: str) -> tuple[Sign, str | None] | None:
        """Say which service an image is of, and its version: `postgis/postgis:15-3.4` is postgres 15."""
        path, _, tag = _split_image(reference)
        parts = path.lower().split("/")
        sign = self.images.get("/".join(parts[-2:])) or self.images.get(parts[-1])
        return None if sign is None else (sign, version_of(tag))

    def url(self, text: str) -> Sign | None:
        """Say which service a URL leads to, by its scheme."""
        match = _SCHEME.match(text.strip())
        return None if match is None else self.schemes.get(match["scheme"].lower())

    def word(self, text: str) -> Sign | None:
        """Say which service the name of an adapter or a driver is for."""
        return self.words.get(text.strip().lower())


@lru_cache(maxsize=1)
def services_table() -> Table:
    """Return the table, read once."""
    with PATH.open("rb") as file:
        rows = yaml.load(file, Loader=_LOADER)  # noqa: S506 - a safe loader
    return _table(rows)


def version_of(tag: str) -> str | None:
    """Return the version in an image's tag: 15 of `15-alpine` and of `2.14-pg15`, none of `latest`."""
    if extended := re.search(r"\bpg(\d{1,2})\b", tag):
        return extended[1]
    match = re.match(r"v?(\d+(?:\.\d+){0,2})(?![\d-]*T)", tag)
    return match[1] if match and len(match[1]) <= _LONGEST_VERSION else None


_LONGEST_VERSION = 12
_SCHEME = re.compile(r"(?P<scheme>(?:jdbc:)?[A-Za-z][A-Za-z0-9+.-]*)(?:\+srv)?:(?://|[^/]*@|\$\{)")
_ECOSYSTEMS = ("ruby", "node", "python", "go", "rust", "jvm", "php", "elixir")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _table(rows: Mapping[str, Any]) -> Table:
    services: dict[str, Service] = {}
    clients: dict[str, dict[str, Sign]] = {ecosystem: {} for ecosystem in _ECOSYSTEMS}
    images: dict[str, Sign] = {}
    schemes: dict[str, Sign] = {}
    words: dict[str, Sign] = {}
    for name, row in rows.items():
        service = services[name] = Service(
            name,
            row["title"],
            bool(row.get("sql")),
            row["images"],
            row["versions"],
            row["run"],
            row["variables"],
            row.get("forms", {}),
        )
        signs = row["signs"]
        kinds = ((signs["images"], images), (signs["schemes"], schemes), (signs["words"], words))
        for found, index in (*kinds, *((signs[name], clients[name]) for name in _ECOSYSTEMS)):
            index.update({sign: Sign(name, _flavour(sign, service)) for sign in found})
    return Table(services, clients, images, schemes, words)


def _flavour(sign: str, service: Service) -> str | None:
    """Return the flavour that a sign names itself, such as mariadb of `mariadb-galera`."""
    others = list(service.images)[1:]
    return next((flavour for flavour in others if flavour in sign.lower()), None)


def _split_image(reference: str) -> tuple[str, str, str]:
    path, _, _digest = reference.strip().partition("@")
    head, slash, last = path.rpartition("/")
    name, colon, tag = last.partition(":")
    return head + slash + name, colon, tag
