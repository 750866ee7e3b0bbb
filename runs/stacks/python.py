"""Python: requirements, pyproject.toml, setup.py and setup.cfg, Pipfile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from runs.stacks.lines import line_with, numbered, range_in, version_in
from runs.stacks.stack import EMBEDDED, File, Finding, Source, Toolchain
from runs.stacks.table import Table
from runs.stacks.values import line_of_key, mapping, read_toml, texts

_TOOLS = re.compile(r"dev|test|lint|local|ci\b|tox")
_CHOICE = re.compile(
    r"optional|extra|doc|bench|prod|contrib|example|mysql|postgres|pgsql|redis|mongo"
)
_REQUIREMENT = re.compile(
    r"\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[(?P<extras>[^\]]*)\])?(?P<rest>.*)"
)


def read_requirements(file: File, table: Table) -> Iterator[Finding | Toolchain]:
    """Yield the clients of a requirements file; one that is for a choice, or for production only, is left out."""
    yield Toolchain("python", None, file.path, 1, "a requirements file", manifest=True)
    name = file.path.lower()
    if _CHOICE.search(name.replace("requirements/", "").rpartition("/")[2]) and not _TOOLS.search(
        name
    ):
        return
    source = Source.TEST_CLIENT if _TOOLS.search(name.rpartition("/")[2]) else Source.CLIENT
    for number, line in numbered(file.text):
        yield from _requirement(file, table, number, line, source)


def read_pyproject(file: File, table: Table) -> Iterator[Finding | Toolchain]:
    """Yield the clients that a pyproject.toml installs without extras, and the Python that it names."""
    found = read_toml(file.text)
    project = mapping(found.get("project"))
    poetry = mapping(mapping(found.get("tool")).get("poetry"))
    if not (project or poetry or mapping(found.get("build-system"))):
        return
    yield Toolchain("python", None, file.path, 1, "a pyproject.toml", manifest=True)
    for text in texts(project.get("dependencies")):
        yield from _requirement(file, table, line_with(file.text, text), text, Source.CLIENT)
    groups = mapping(found.get("dependency-groups"))
    for text in [
        text for name, group in groups.items() if _TOOLS.search(name) for text in texts(group)
    ]:
        yield from _requirement(file, table, line_with(file.text, text), text, Source.TEST_CLIENT)
    yield from _poetry(file, table, poetry)
    asked = project.get("requires-python") or mapping(poetry.get("dependencies")).get("python")
    if isinstance(asked, str) and (version := version_in(asked)):
        line = line_with(file.text, asked)
        what = f"Python {asked}"
        yield Toolchain("python", version, file.path, line, what, range_in(asked))


def read_setup(file: File, table: Table) -> Iterator[Finding | Toolchain]:
    """Yield the clients of install_requires, which is read as text."""
    yield Toolchain("python", None, file.path, 1, f"a {file.name}", manifest=True)
    match = re.search(
        r"install_requires\s*=\s*(?:\[((?:[^\[\]]|\[[^\[\]]*\])*)\]|((?:\n[ \t]+\S.*)+))", file.text
    )
    if match is None:
        return
    first = file.text.count("\n", 0, match.start(1) if match[1] is not None else match.start(2))
    for number, line in numbered(match[1] or match[2] or ""):
        for part in line.split('",') if '"' in line else line.split("',"):
            text = part.strip(" \t\"',")
            yield from _requirement(file, table, first + number, text, Source.CLIENT)


def read_pipfile(file: File, table: Table) -> Iterator[Finding | Toolchain]:
    """Yield the clients of a Pipfile, and the Python that it names."""
    found = read_toml(file.text)
    yield Toolchain("python", None, file.path, 1, "a Pipfile", manifest=True)
    for section, source in (("packages", Source.CLIENT), ("dev-packages", Source.TEST_CLIENT)):
        for name, about in mapping(found.get(section)).items():
            yield from _named(file, table, name, about, source)
    asked = mapping(found.get("requires")).get("python_version")
    if isinstance(asked, str) and (version := version_in(asked)):
        yield Toolchain(
            "python", version, file.path, line_with(file.text, "python_version"), f"Python {asked}"
        )


def _poetry(file: File, table: Table, poetry: dict[str, Any]) -> Iterator[Finding]:
    for name, about in mapping(poetry.get("dependencies")).items():
        yield from _named(file, table, name, about, Source.CLIENT)
    groups = {
        name: group
        for name, group in mapping(poetry.get("group")).items()
        if _TOOLS.search(name) and not mapping(group).get("optional")
    }
    for group in [*groups.values(), {"dependencies": poetry.get("dev-dependencies")}]:
        for name, about in mapping(mapping(group).get("dependencies")).items():
            yield from _named(file, table, name, about, Source.TEST_CLIENT)


def _named(file: File, table: Table, name: str, about: object, source: Source) -> Iterator[Finding]:
    """Read a dependency written as a key, as Poetry and Pipenv do."""
    options = mapping(about)
    if options.get("optional") or "extra ==" in str(options.get("markers", "")):
        return
    extras = ",".join(str(extra) for extra in texts(options.get("extras")))
    line = line_of_key(file.text, name)
    yield from _requirement(file, table, line, f"{name}[{extras}]", source)


def _requirement(
    file: File, table: Table, line: int, text: str, source: Source
) -> Iterator[Finding]:
    match = _REQUIREMENT.match(text)
    if match is None or re.search(r";.*\bextra\s*==", match["rest"]):
        return
    name = re.sub(r"[-_.]+", "-", match["name"]).lower()
    extras = [extra.strip().lower() for extra in (match["extras"] or "").split(",")]
    if name in ("aiosqlite", "pysqlite3", "pysqlite3-binary"):
        yield Finding(EMBEDDED, source, file.path, line, name)
    for known in (name, *(f"{name}[{extra}]" for extra in extras if extra)):
        if (sign := table.client("python", known)) is not None:
            yield Finding(sign.service, source, file.path, line, known, flavour=sign.flavour)
