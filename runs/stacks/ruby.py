"""Gemfile, gemspecs and config/database.yml, read as texts: nothing of them is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runs.stacks.lines import numbered, range_in, version_in, without_blocks
from runs.stacks.stack import EMBEDDED, File, Finding, Source, Toolchain
from runs.stacks.table import Table


def read_gemfile(file: File, table: Table) -> Iterator[Finding | Toolchain]:
    """Yield the clients that a Gemfile installs without anybody's choice, and the Ruby that it names."""
    yield Toolchain("ruby", None, file.path, 1, "a Gemfile", manifest=True)
    blocks: list[_Block] = []
    for number, line in numbered(without_blocks(file.text, "\n=begin", "\n=end")):
        statement = line.strip()
        if (match := _GEM.match(statement)) and not any(block.left_out for block in blocks):
            rest = statement[match.end() :]
            if not _CONDITION.search(rest) and not _foreign_platform(rest):
                groups = _groups(rest) or [name for block in blocks for name in block.groups]
                yield from _gem(file, table, number, match["name"], groups)
        elif (match := _RUBY.match(statement)) and (version := version_in(match["version"])):
            asked = match["version"]
            yield Toolchain("ruby", version, file.path, number, statement, range_in(asked))
        _nest(blocks, statement)


def read_gemspec(file: File, table: Table) -> Iterator[Finding | Toolchain]:
    """Yield the clients that a gem depends on; what only its developers need counts less."""
    yield Toolchain("ruby", None, file.path, 1, "a gemspec", manifest=True)
    for number, line in numbered(file.text):
        match = _DEPENDENCY.search(line)
        if match is None or _CONDITION.search(line[match.end() :]):
            continue
        source = Source.TEST_CLIENT if match["development"] else Source.CLIENT
        yield from _client(file, table, number, match["name"], source)


def read_database_yml(file: File, table: Table) -> Iterator[Finding]:
    """Yield the adapters of development and test.

    The file is a template (ERB), so it is read by its indentation, with the defaults that it writes into its code.
    """
    sections = _sections(file.text)
    chosen = [name for name in sections if name in ("development", "test")]
    for name in chosen or list(sections):
        for number, adapter in _adapters(sections, name, 0):
            if adapter.startswith("sqlite"):
                yield Finding(EMBEDDED, Source.SETTING, file.path, number, f"adapter: {adapter}")
            elif (sign := table.word(adapter)) is not None:
                yield Finding(
                    sign.service,
                    Source.SETTING,
                    file.path,
                    number,
                    f"{name}: adapter: {adapter}",
                    flavour=sign.flavour,
                )


@dataclass(frozen=True, slots=True)
class _Block:
    """An open `do` or `if` of a Gemfile: its groups, and whether what stands in it is left out."""

    groups: tuple[str, ...] = ()
    left_out: bool = False


_GEM = re.compile(r"""gem[\s(]+["'](?P<name>[\w./-]+)["']""")
_RUBY = re.compile(r"""ruby[\s(]+(?P<version>["'][^"']+["'](?:\s*,\s*["'][^"']+["'])*)""")
_DEPENDENCY = re.compile(
    r"""\.add_(?:(?P<development>development_)|runtime_)?dependency[\s(]+(?:%q[<(\[{])?["']?(?P<name>[\w./-]+)"""
)
_CONDITION = re.compile(r"\b(?:if|unless)\b(?!\s*:)|\binstall_if\b")
_OPENS = re.compile(r"\bdo\b(?:\s*\|[^|]*\|)?\s*$|^(?:if|unless|case|begin|def|while)\b")
_GROUP = re.compile(r"group[\s(]+(?P<names>.*?)\)?\s+do\b")
_SYMBOL = re.compile(r""":?["']?([A-Za-z_]\w*)["']?""")
_INLINE = re.compile(
    r"""(?::groups?\s*=>|\bgroups?:)\s*(?P<names>\[[^\]]*\]|%[iw]\[[^\]]*\]|[:"'\w]+)"""
)
_PLATFORM = re.compile(
    r"""(?::platforms?\s*=>|\bplatforms?[:\s(])\s*(?P<names>\[[^\]]*\]|%i\[[^\]]*\]|[:"'\w]+)"""
)
_OURS = re.compile(r"\b(?:ruby|mri|linux)(?:_\d+)?\b")
_USUAL_GROUPS = {
    "default",
    "development",
    "test",
    "assets",
    "web",
    "worker",
    "dev",
    "runtime",
    "app",
}
_TOOLS_GROUPS = {"development", "test", "dev"}


def _gem(file: File, table: Table, number: int, name: str, groups: list[str]) -> Iterator[Finding]:
    if groups and not set(groups) & _USUAL_GROUPS:
        return
    tools = bool(groups) and set(groups) <= _TOOLS_GROUPS
    yield from _client(file, table, number, name, Source.TEST_CLIENT if tools else Source.CLIENT)


def _client(file: File, table: Table, number: int, name: str, source: Source) -> Iterator[Finding]:
    if name in ("sqlite3", "activerecord-enhancedsqlite3-adapter"):
        yield Finding(EMBEDDED, source, file.path, number, f"gem {name}")
    elif (sign := table.client("ruby", name)) is not None:
        what = f"gem {name}"
        yield Finding(sign.service, source, file.path, number, what, flavour=sign.flavour)


def _groups(rest: str) -> list[str]:
    match = _INLINE.search(rest)
    return (
        []
        if match is None
        else _SYMBOL.findall(match["names"].removeprefix("%i").removeprefix("%w"))
    )


def _foreign_platform(rest: str) -> bool:
    match = _PLATFORM.search(rest)
    return match is not None and not _OURS.search(match["names"])


def _nest(blocks: list[_Block], statement: str) -> None:
    if re.match(r"end\b", statement):
        if blocks:
            blocks.pop()
    elif _OPENS.search(statement) and not re.search(r"\bend\s*$", statement):
        if match := _GROUP.match(statement):
            optional = re.search(r"optional(?::|\s*=>)\s*true", match["names"]) is not None
            names = re.sub(r"optional(?::|\s*=>)\s*\w+", "", match["names"])
            blocks.append(_Block(tuple(_SYMBOL.findall(names)), optional))
        elif statement.startswith("platform"):
            blocks.append(_Block((), _foreign_platform(statement)))
        elif re.match(r"(?:source|git|path|github)\b", statement):
            blocks.append(_Block())
        else:
            blocks.append(_Block((), left_out=True))


_Line = tuple[int, str]


def _sections(text: str) -> dict[str, list[_Line]]:
    sections: dict[str, list[_Line]] = {}
    lines: list[_Line] = []
    for number, line in numbered(text):
        if match := re.match(r"([A-Za-z_]\w*):(?:\s*&\w+)?\s*$", line):
            lines = sections[match[1]] = []
            if anchor := re.search(r"&(\w+)", line):
                sections.setdefault(anchor[1], lines)
        elif line[0] in " \t":
            lines.append((number, line.strip()))
    return sections


def _adapters(sections: dict[str, list[_Line]], name: str, depth: int) -> Iterator[_Line]:
    """Yield the adapters of a section; of those that it takes over only where it has none of its own."""
    lines = sections.get(name, [])
    own = [(number, found) for number, line in lines if (found := _adapter(line))]
    yield from own
    if own or depth > _DEEPEST:
        return
    for _, line in lines:
        if match := re.match(r"<<:\s*\*(\w+)", line):
            yield from _adapters(sections, match[1], depth + 1)


_DEEPEST = 5
_ADAPTER = re.compile(r"(?:adapter|url):\s*(?P<value>.+)")
_NAMES = re.compile(r"(sqlite3|sqlite|postgresql|postgres|postgis|mysql2|mysql|trilogy|mariadb)")


def _adapter(line: str) -> str | None:
    """Return the adapter of a line; of code the last one that it names, which is its default."""
    match = _ADAPTER.match(line)
    found = _NAMES.findall(match["value"]) if match else []
    return found[-1] if found else None
