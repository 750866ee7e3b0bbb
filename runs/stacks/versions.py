"""Files that name nothing but the version of a language: .ruby-version, .tool-versions and their like."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runs.stacks.lines import numbered, version_in
from runs.stacks.stack import File, Finding, Source, Toolchain
from runs.stacks.table import Table
from runs.stacks.values import line_of_key, mapping, read_toml

SINGLE = {
    ".ruby-version": "ruby",
    ".nvmrc": "node",
    ".node-version": "node",
    ".python-version": "python",
    "runtime.txt": "python",
    ".go-version": "go",
    "rust-toolchain": "rust",
    ".java-version": "java",
    ".php-version": "php",
    ".elixir-version": "elixir",
    ".exenv-version": "elixir",
}
_TOOLS = {
    "ruby": "ruby",
    "nodejs": "node",
    "node": "node",
    "python": "python",
    "golang": "go",
    "go": "go",
    "rust": "rust",
    "java": "java",
    "php": "php",
    "elixir": "elixir",
}
_CODENAMES = {"argon": "4", "boron": "6", "carbon": "8", "dubnium": "10", "erbium": "12", "fermium": "14",
              "gallium": "16", "hydrogen": "18", "iron": "20", "jod": "22", "krypton": "24"}  # fmt: skip


def read_single(file: File, _table: Table) -> Iterator[Toolchain]:
    """Yield the version in a file that names one language's."""
    for number, line in numbered(file.text):
        text = line.strip()
        if file.name == "runtime.txt" and not text.startswith("python"):
            return
        version = _version(text)
        yield Toolchain(SINGLE[file.name], version, file.path, number, text[:60])
        return


def read_tool_versions(file: File, table: Table) -> Iterator[Toolchain | Finding]:
    """Yield the versions of asdf's file; of a service it is only a hint, for who uses it."""
    for number, line in numbered(file.text):
        tool, *versions = line.split()
        if not versions:
            continue
        if tool in _TOOLS:
            version = _version(versions[0])
            yield Toolchain(_TOOLS[tool], version, file.path, number, line.strip()[:60])
        elif (sign := table.word(tool)) is not None:
            what = line.strip()[:60]
            version = _version(versions[0])
            yield Finding(
                sign.service, Source.SETTING, file.path, number, what, version, sign.flavour
            )


def read_mise(file: File, _table: Table) -> Iterator[Toolchain]:
    """Yield the versions of mise's file."""
    for tool, asked in mapping(read_toml(file.text).get("tools")).items():
        first = asked[0] if isinstance(asked, list) and asked else asked
        text = mapping(first).get("version", first)
        if tool in _TOOLS and isinstance(text, str | int | float):
            line = line_of_key(file.text, tool)
            yield Toolchain(_TOOLS[tool], _version(str(text)), file.path, line, f"{tool} {text}")


def read_rust_toolchain(file: File, _table: Table) -> Iterator[Toolchain]:
    """Yield the channel of a rust-toolchain.toml; "stable" is no version."""
    channel = mapping(read_toml(file.text).get("toolchain")).get("channel")
    if isinstance(channel, str):
        line = line_of_key(file.text, "channel")
        yield Toolchain("rust", version_in(channel), file.path, line, f"channel {channel}")


def read_sdkman(file: File, _table: Table) -> Iterator[Toolchain]:
    """Yield the Java of SDKMAN's file."""
    for number, line in numbered(file.text):
        if match := re.match(r"java\s*=\s*(\d+)", line):
            yield Toolchain("java", match[1], file.path, number, line.strip())


def _version(text: str) -> str | None:
    """Return the version of a text such as 3.3.0, lts/iron, temurin-21.0.2+13, 1.16.0-otp-26."""
    if text.lower().startswith("lts/"):
        return _CODENAMES.get(text[4:].lower())
    if re.match(r"(?:\d{4}-|nightly|stable|beta)", text):
        return None
    match = re.search(r"\d+(?:\.\d+){0,3}", text)
    return match[0] if match else None
