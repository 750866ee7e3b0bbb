"""Golden files: what people are told, kept as text that a person reads when it changes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from bot.markup import Markup

FOLDER = Path(__file__).parent / "golden"


def check_golden(name: str, told: Mapping[str, Markup]) -> None:
    """Compare messages with golden/<name>.txt, each under its title; UPDATE_GOLDEN=1 writes the file instead."""
    path = FOLDER / f"{name}.txt"
    text = "\n".join(f"##### {title}\n{markup.html()}\n" for title, markup in told.items())
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    assert text == kept, (
        f"{path.name} differs; read it, then: UPDATE_GOLDEN=1 .venv/bin/pytest tests/bot"
    )
