"""mix.exs, read as text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runs.stacks.lines import line_of, version_in, without_comment
from runs.stacks.stack import EMBEDDED, File, Finding, Source, Toolchain
from runs.stacks.table import Table

_DEPENDENCY = re.compile(r"\{\s*:(?P<name>\w+)\s*,(?P<rest>[^{}]*)\}")
_OPTIONAL = re.compile(r"\boptional:\s*true")
_ONLY = re.compile(r"\bonly:\s*(?P<names>\[[^\]]*\]|:\w+)")


def read_mix(file: File, table: Table) -> Iterator[Finding | Toolchain]:
    """Yield the clients that a project depends on without anybody's choice, and the Elixir that it names."""
    yield Toolchain("elixir", None, file.path, 1, "a mix.exs", manifest=True)
    text = "\n".join(without_comment(line) for line in file.text.splitlines())
    if match := re.search(r"""\belixir:\s*["']([^"']+)["']""", text):
        line = line_of(text, match.start())
        yield Toolchain("elixir", version_in(match[1]), file.path, line, match[0])
    for match in _DEPENDENCY.finditer(text):
        only = _ONLY.search(match["rest"])
        if _OPTIONAL.search(match["rest"]) or (only and only["names"] in (":prod", ":docs")):
            continue
        source = Source.TEST_CLIENT if only and "prod" not in only["names"] else Source.CLIENT
        line = line_of(text, match.start())
        if match["name"] in ("ecto_sqlite3", "exqlite", "ecto_sqlite3_extras"):
            yield Finding(EMBEDDED, source, file.path, line, match["name"])
        elif (sign := table.client("elixir", match["name"])) is not None:
            what = f":{match['name']}"
            yield Finding(sign.service, source, file.path, line, what, flavour=sign.flavour)
