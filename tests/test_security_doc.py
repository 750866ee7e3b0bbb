"""Each control that docs/security.md promises is shown by tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("| \n").split(" | ")]
    for line in TEXT.splitlines()
    if "::test_" in line
]


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:50])
def test_every_test_that_shows_a_control_exists(row: list[str]) -> None:
    assert len(row) == 3, "control, test, counter-proof"
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", " ".join(row))
    assert re.search(r"`tests/[\w/]+\.py::test_\w+`", row[1]), "a control needs its test"
    for path, name in named:
        assert name in names_in(ROOT / path), f"{path}::{name}"


def test_every_risk_of_owasp_is_answered() -> None:
    for kind in ("LLM", "ASI"):
        found = re.findall(rf"^\| {kind}(\d\d) .+ \| .+ \|$", TEXT, re.M)
        assert found == [f"{number:02}" for number in range(1, 11)]
