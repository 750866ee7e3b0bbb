"""docs/stacks.md, made from the tests that passed and the marks that they have: `make stacks`."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.parts.shown import SHOWN
from tests.shown.rows import OF_MANAGERS, OF_SERVICES, Row, managers, services

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "stacks.md"

Cells = Mapping[tuple[str, str], Sequence[str]]

INTRODUCTION = """\
# Stacks

What is known of each package manager and service, and the test that showed it: each cell names one that passed, and how many
more there are. Tests in `tests/cluster` ran on a real Kubernetes. "manifest only": what can't be had where the tests run is
rendered and checked, but wasn't run. This page is made by `make stacks`, and a test says when it is out of date. To have the
tests run and noted anew: `KEEP_SHOWN=1 make test test-cluster`.
"""

MANAGERS = """\
## Languages and their package managers

**Recognised**: by its lockfile, and its language by its manifest. **Version**: of the language, by the repository's files.
**Installed**: by the real tool, from its lockfile. **Cache hit**: a second run has it without its registry
([projects.md](projects.md)).
"""

SERVICES = """\
## Services

**Recognised**: by clients, settings, compose files or CI. **Version**: the one that the repository names. **Service up**: as a
native sidecar that takes connections. **URL works**: a client in the agent's container reaches it by its variable
([repo-file.md](repo-file.md)).
"""


def page(shown: Iterable[str]) -> str:
    """Return the whole page, of lines as `tests/data/shown.txt` has them."""
    cells: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in sorted(set(shown), key=lambda line: ("/cluster/" not in line, line)):
        column, row, test = line.split("\t")
        cells[column, row].append(test)
    return "\n".join(
        [
            INTRODUCTION,
            MANAGERS,
            *_table("manager", OF_MANAGERS, managers(), cells),
            "",
            SERVICES,
            *_table("service", OF_SERVICES, services(), cells),
            "",
        ]
    )


def declared() -> set[str]:
    """Return the lines of all marks that there are, whether their tests passed or not."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-q", "-m", "shows"]
    lines: set[str] = set()
    for folder in (
        "tests",
        "tests/cluster",
    ):  # named at once, the second would be left out as part of the first
        printed = subprocess.run(
            [*command, "--show-marks", folder], cwd=ROOT, capture_output=True, text=True, check=True
        )
        lines |= {line for line in printed.stdout.splitlines() if "\t" in line}
    return lines


def noted() -> list[str]:
    """Return the lines of the tests that passed when they were noted, as far as they still say so."""
    still = declared()
    return [line for line in SHOWN.read_text("utf-8").splitlines() if line in still]


def _table(kind: str, columns: Sequence[str], rows: Sequence[Row], cells: Cells) -> Iterable[str]:
    yield f"| {kind} | {' | '.join(columns)} |"
    yield f"|{'---|' * (len(columns) + 1)}"
    for row in rows:
        yield f"| {row.title} | {' | '.join(_cell(cells, column, row) for column in columns)} |"


def _cell(cells: Cells, column: str, row: Row) -> str:
    tests = [*cells.get((column, row.name), ())]
    if row.language:
        tests += [test for test in cells.get((column, row.language), ()) if test not in tests]
    if not tests:
        return "manifest only"
    path, _, name = tests[0].partition("::")
    function, bracket, case = name.removeprefix("test_").partition("[")
    words = function.replace("_", " ") + (f": {case.removesuffix(']')}" if bracket else "")
    more = f" +{len(tests) - 1}" if len(tests) > 1 else ""
    return f"[{words.replace('|', '/')}](../{path}){more}"


if __name__ == "__main__":
    PAGE.write_text(page(noted()), encoding="utf-8")
