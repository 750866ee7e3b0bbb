"""TOML and JSON of strangers: what can't be read is empty, and lines are found again by their keys."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any


def read_toml(text: str) -> dict[str, Any]:
    """Return a TOML text's values; none when it isn't TOML."""
    try:
        return tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def read_json(text: str) -> dict[str, Any]:
    """Return a JSON text's values; none when it isn't an object."""
    try:
        return mapping(json.loads(text.removeprefix("\ufeff")))
    except (ValueError, RecursionError):
        return {}


def mapping(value: object) -> dict[str, Any]:
    """Return a mapping as it is, and nothing of anything else."""
    return value if isinstance(value, dict) else {}


def texts(value: object) -> list[str]:
    """Return the texts of a list, and nothing of anything else."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def line_of_key(text: str, name: str) -> int:
    """Return the line in which a key of TOML stands; 1 where it isn't found."""
    key = re.escape(name)
    match = re.search(rf"""^\s*["']?{key}["']?\s*[=.]|\.["']?{key}["']?\]""", text, re.MULTILINE)
    return 1 if match is None else text.count("\n", 0, match.start()) + 1
