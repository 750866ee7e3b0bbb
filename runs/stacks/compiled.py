"""go.mod and Cargo.toml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runs.stacks.lines import line_with, version_in, without_comment
from runs.stacks.stack import EMBEDDED, File, Finding, Source, Toolchain
from runs.stacks.table import Table
from runs.stacks.values import line_of_key, mapping, read_toml, texts

_SQLITE_MODULES = {
    "github.com/mattn/go-sqlite3",
    "modernc.org/sqlite",
    "github.com/glebarez/sqlite",
    "github.com/glebarez/go-sqlite",
    "gorm.io/driver/sqlite",
    "github.com/ncruces/go-sqlite3",
    "zombiezen.com/go/sqlite",
}


def read_go_mod(file: File, table: Table) -> Iterator[Finding | Toolchain]:
    """Yield the clients that a module requires itself; `// indirect` ones are somebody else's."""
    yield Toolchain("go", None, file.path, 1, "a go.mod", manifest=True)
    block = ""
    for number, line in enumerate(file.text.splitlines(), 1):
        text = without_comment(line, "//").strip()
        if match := re.match(r"(?:go|toolchain)\s+(?:go)?(\d+\.\d+(?:\.\d+)?)", text):
            yield Toolchain("go", match[1], file.path, number, text)
        elif match := re.match(r"(\w+)\s*\($", text):
            block = match[1]
        elif text == ")":
            block = ""
        elif "// indirect" not in line and (block or text.split(" ")[0]) == "require":
            module = text.removeprefix("require ").strip().split(" ")[0]
            yield from _module(file, table, number, module)


def read_cargo(file: File, table: Table) -> Iterator[Finding | Toolchain]:
    """Yield the clients of a crate or of its workspace; of optional ones those that the default features switch on."""
    cargo = read_toml(file.text)
    package, workspace = mapping(cargo.get("package")), mapping(cargo.get("workspace"))
    if not (package or workspace):
        return
    yield Toolchain("rust", None, file.path, 1, "a Cargo.toml", manifest=True)
    asked = package.get("rust-version") or mapping(workspace.get("package")).get("rust-version")
    if isinstance(asked, str) and (version := version_in(asked)):
        line = line_with(file.text, "rust-version")
        yield Toolchain("rust", version, file.path, line, f"rust-version {asked}")
    switched_on = _default_features(mapping(cargo.get("features")))
    sections = (
        (cargo.get("dependencies"), Source.CLIENT),
        (workspace.get("dependencies"), Source.CLIENT),
        (cargo.get("dev-dependencies"), Source.TEST_CLIENT),
    )
    for section, source in sections:
        for name, about in mapping(section).items():
            options = mapping(about)
            if not options.get("optional") or {name, f"dep:{name}"} & switched_on:
                yield from _of_crate(file, table, _crate(name, options, switched_on), source)


def _module(file: File, table: Table, number: int, module: str) -> Iterator[Finding]:
    name = re.sub(r"/v\d+$", "", module)
    if name in _SQLITE_MODULES:
        yield Finding(EMBEDDED, Source.CLIENT, file.path, number, module)
    elif (sign := table.client("go", name)) is not None:
        yield Finding(sign.service, Source.CLIENT, file.path, number, module, flavour=sign.flavour)


@dataclass(frozen=True, slots=True)
class _Crate:
    """A dependency: `key` is what the file calls it, `features` are those that are switched on in it."""

    key: str
    name: str
    features: frozenset[str]


def _crate(key: str, options: dict[str, Any], switched_on: set[str]) -> _Crate:
    own = {feature for feature in options.get("features") or () if isinstance(feature, str)}
    prefix = f"{key}/"
    passed = {on.removeprefix(prefix) for on in switched_on if on.startswith(prefix)}
    return _Crate(key, str(options.get("package", key)), frozenset(own | passed))


def _of_crate(file: File, table: Table, crate: _Crate, source: Source) -> Iterator[Finding]:
    name, features = crate.name, crate.features
    line = line_of_key(file.text, crate.key)
    if name in ("rusqlite", "libsqlite3-sys", "libsql") or any("sqlite" in on for on in features):
        yield Finding(EMBEDDED, source, file.path, line, f"{name} with SQLite")
    for known in (name, *sorted(f"{name}/{feature}" for feature in features)):
        if (sign := table.client("rust", known)) is not None:
            yield Finding(sign.service, source, file.path, line, known, flavour=sign.flavour)


def _default_features(features: dict[str, Any]) -> set[str]:
    """Return all that the default features switch on, also by way of others."""
    found: set[str] = set()
    waiting = ["default"]
    while waiting:
        for feature in texts(features.get(waiting.pop())):
            name = feature.replace("?/", "/")
            if name not in found:
                found |= {name, name.split("/")[0]}
                waiting.append(name)
    return found
