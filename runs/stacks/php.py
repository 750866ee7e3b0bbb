"""composer.json."""

from __future__ import annotations

from collections.abc import Iterator

from runs.stacks.lines import line_with, version_in
from runs.stacks.stack import EMBEDDED, File, Finding, Source, Toolchain
from runs.stacks.table import Table
from runs.stacks.values import mapping, read_json


def read_composer(file: File, table: Table) -> Iterator[Finding | Toolchain]:
    """Yield the clients and extensions that a package requires, and its PHP; what it suggests is for others."""
    package = read_json(file.text)
    yield Toolchain("php", None, file.path, 1, "a composer.json", manifest=True)
    platform = mapping(mapping(package.get("config")).get("platform"))
    asked = platform.get("php") or mapping(package.get("require")).get("php")
    if isinstance(asked, str) and (version := version_in(asked)):
        yield Toolchain("php", version, file.path, line_with(file.text, '"php"'), f"PHP {asked}")
    for section, source in (("require", Source.CLIENT), ("require-dev", Source.TEST_CLIENT)):
        for name in mapping(package.get(section)):
            line = line_with(file.text, f'"{name}"')
            if name in ("ext-pdo_sqlite", "ext-sqlite3"):
                yield Finding(EMBEDDED, source, file.path, line, name)
            elif (sign := table.client("php", name.lower())) is not None:
                yield Finding(sign.service, source, file.path, line, name, flavour=sign.flavour)
