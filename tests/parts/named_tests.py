"""Tests as a document names them: their sentence as a link to their file, or `path::name`; and whether they exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


def named_tests(text: str) -> list[tuple[str, str]]:
    """Return path and name of each test that is named in a part of a document that stands in docs/."""
    linked = re.findall(r"\[([^]]+)\]\(\.\./(tests/[\w/]+\.py)\)", text)
    found = [(path, f"test_{'_'.join(sentence.split())}") for sentence, path in linked]
    return found + re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", text)


def assert_there(tests: list[tuple[str, str]]) -> None:
    for path, name in tests:
        assert name in _names_in(ROOT / path), f"{path}::{name}"


@cache
def _names_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))
