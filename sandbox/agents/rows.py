"""Reading foreign JSON rows tolerantly: whatever stands there, these return a value of the kind asked for."""

from __future__ import annotations

import json
from typing import Any


def parse(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object that a line holds, None if it holds anything else."""
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        found = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def text(row: dict[str, Any], name: str) -> str:
    """Return the text of this name, or an empty one; lone surrogates become question marks."""
    found = row.get(name)
    return found.encode("utf-8", "replace").decode("utf-8") if isinstance(found, str) else ""


def mapping(row: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the object of this name, or an empty one."""
    found = row.get(name)
    return found if isinstance(found, dict) else {}


def mappings(row: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the objects in the list of this name; other members are left out."""
    found = row.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def whole(row: dict[str, Any], name: str) -> int | None:
    """Return the number of this name if it counts something: an integer from 0 to 2**53."""
    found = row.get(name)
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= 2**53:
        return None
    return found


def amount(row: dict[str, Any], name: str) -> float | None:
    """Return the number of this name if it is an amount: finite, from 0 to a thousand million."""
    found = row.get(name)
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 <= found <= 1e9:
        return None
    return float(found)
