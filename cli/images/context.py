"""The folder that an image is built from: a copy of the checkout's part in it, with the operator's files beside."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from cli.exits import Failure

AGENT_FILES = "agent-files"
_NEEDED = ("Dockerfile", ".dockerignore", "sandbox")


def find_checkout(*folders: Path) -> Path:
    """Return the first folder that is a checkout of this project. Raises Failure."""
    for folder in folders:
        if all((folder / name).exists() for name in _NEEDED):
            return folder
    raise Failure(
        "There is no checkout of claude-sandbox here.",
        "Clone it and go there: git clone https://github.com/landovsky/claude-sandbox",
    )


def copy_checkout(checkout: Path, target: Path, files: Mapping[str, bytes]) -> None:
    """Fill a folder with what .dockerignore lets through, and the agent's files over those of the checkout."""
    for name in ("Dockerfile", ".dockerignore"):
        shutil.copyfile(checkout / name, target / name)
    text = (checkout / ".dockerignore").read_text("utf-8")
    for name in re.findall(r"^!(\S+)$", text, re.MULTILINE):
        source, place = checkout / name, target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, place, ignore=ignored, symlinks=True)
        elif source.exists():
            shutil.copy2(source, place)
    for name, data in files.items():
        place = target / AGENT_FILES / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        # Whoever may read them here: the agent has another user.
        place.chmod(0o755 if data.startswith(b"#!") else 0o644)
