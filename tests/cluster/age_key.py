"""The Secret with the operator's age key."""

from __future__ import annotations

from pathlib import Path


def age_key(file: Path) -> dict[str, object]:
    """Return the Secret that holds the key of a file."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "age-key"},
        "stringData": {"age-key.txt": file.read_text(encoding="utf-8")},
    }
