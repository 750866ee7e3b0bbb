"""From the files of a repository to its Stack. Pure: whatever stands in them, nothing is run and nothing is raised."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace

from runs.stacks import telling
from runs.stacks.compose import read_compose
from runs.stacks.judge import judge
from runs.stacks.languages import main_language
from runs.stacks.lines import numbered
from runs.stacks.stack import OWN_FILE, File, Finding, Stack, Toolchain
from runs.stacks.table import Table, services_table

log = logging.getLogger(__name__)


def detect(files: Iterable[File]) -> Stack:
    """Return what a repository needs, by its telling files."""
    found = list(files)
    findings: list[Finding] = []
    toolchains: list[Toolchain] = []
    for sign in _signs(found, services_table()):
        if isinstance(sign, Finding):
            findings.append(sign)
        else:
            toolchains.append(sign)
    stack = main_language(toolchains)
    services, reasons = judge(
        findings, {_folder(each.file) for each in toolchains if each.manifest}
    )
    return replace(stack, services=services, reasons=(*stack.reasons, *reasons))


def _signs(files: list[File], table: Table) -> Iterator[Finding | Toolchain]:
    compositions = {file.path: file for file in files if telling.is_compose(file.path)}
    values = _example_values(files)
    for file in files:
        read = telling.reader_of(file.path)
        try:
            if file.path == OWN_FILE:
                continue
            if file.path in compositions:
                if telling.comes_up(file.path):
                    yield from read_compose(file, table, compositions, values)
            elif read is not None:
                yield from read(file, table)
        except (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError):
            # A file of a form that nobody foresaw tells nothing; the others still do.
            log.exception("%s could not be read for the stack", file.name)


def _example_values(files: list[File]) -> dict[str, str]:
    """Return the variables that compose reads from the file .env, by the example that the repository has of it."""
    values: dict[str, str] = {}
    for file in files:
        if "/" in file.path or not file.name.startswith(".env"):
            continue
        for _, line in numbered(file.text):
            key, equals, value = line.strip().removeprefix("export ").partition("=")
            if equals:
                values.setdefault(key.strip(), value.strip().strip("\"'"))
    return values


def _folder(path: str) -> str:
    return path.rpartition("/")[0]
