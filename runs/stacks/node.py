"""package.json, and Prisma's schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from runs.stacks.lines import line_with, numbered, range_in, version_in
from runs.stacks.stack import EMBEDDED, File, Finding, Source, Toolchain
from runs.stacks.table import Table
from runs.stacks.values import mapping, read_json

_SECTIONS = {"dependencies": Source.CLIENT, "devDependencies": Source.TEST_CLIENT}
"""Optional and peer dependencies are for others to choose."""

_SQLITE = {
    "sqlite3",
    "better-sqlite3",
    "sqlite",
    "@libsql/client",
    "sql.js",
    "@types/better-sqlite3",
}


def read_package_json(file: File, table: Table) -> Iterator[Finding | Toolchain]:
    """Yield the clients that a package depends on, and the Node that it names."""
    package = read_json(file.text)
    yield Toolchain("node", None, file.path, 1, "a package.json", manifest=True)
    optional = _optional(package)
    for section, source in _SECTIONS.items():
        for name in mapping(package.get(section)):
            if name in optional:
                continue
            line = line_with(file.text, f'"{name}"')
            if name in _SQLITE:
                yield Finding(EMBEDDED, source, file.path, line, name)
            elif (sign := table.client("node", name)) is not None:
                yield Finding(sign.service, source, file.path, line, name, flavour=sign.flavour)
    for section, key in (("volta", "node"), ("engines", "node")):
        asked = mapping(package.get(section)).get(key)
        if isinstance(asked, str) and (version := version_in(asked)):
            line = line_with(file.text, f'"{section}"')
            what = f"{section}: node {asked}"
            yield Toolchain("node", version, file.path, line, what, range_in(asked))


def read_prisma(file: File, table: Table) -> Iterator[Finding]:
    """Yield the provider of a Prisma schema's datasource."""
    inside = False
    for number, line in numbered(file.text, "//"):
        if re.match(r"\s*datasource\s+\w+\s*{", line):
            inside = True
        match = re.search(r'\bprovider\s*=\s*"(\w+)"', line) if inside else None
        if match and match[1] == "sqlite":
            yield Finding(EMBEDDED, Source.SETTING, file.path, number, line.strip())
        elif match and (sign := table.word(match[1])) is not None:
            yield Finding(sign.service, Source.SETTING, file.path, number, line.strip())
        inside = inside and "}" not in line


def read_drizzle(file: File, table: Table) -> Iterator[Finding]:
    """Yield the dialect of a drizzle.config."""
    for number, line in numbered(file.text, "//"):
        match = re.search(r"""\b(?:dialect|driver)\s*:\s*["']([\w-]+)["']""", line)
        word = match[1].split("-")[0] if match else ""
        if word in ("sqlite", "turso", "better", "libsql"):
            yield Finding(EMBEDDED, Source.SETTING, file.path, number, line.strip())
        elif (sign := table.word(word)) is not None:
            yield Finding(sign.service, Source.SETTING, file.path, number, line.strip())


def _optional(package: dict[str, Any]) -> set[str]:
    """Return the names that a package leaves to its users, even where its own tests have them, too."""
    meta = mapping(package.get("peerDependenciesMeta"))
    optional = {name for name, about in meta.items() if mapping(about).get("optional") is True}
    return {*optional, *mapping(package.get("optionalDependencies"))}
