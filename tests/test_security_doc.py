"""Each control that docs/security.md promises is shown by tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.parts.named_tests import assert_there, named_tests

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("| \n").split(" | ")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and named_tests(line)
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:50])
def test_every_test_that_shows_a_control_exists(row: list[str]) -> None:
    assert len(row) == 3, "control, test, counter-proof"
    assert named_tests(row[1]), "a control needs its test"
    assert_there(named_tests(" ".join(row)))


def test_every_risk_of_owasp_is_answered() -> None:
    for kind in ("LLM", "ASI"):
        found = re.findall(rf"^\| {kind}(\d\d) .+ \| .+ \|$", TEXT, re.M)
        assert found == [f"{number:02}" for number in range(1, 11)]
