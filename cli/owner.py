"""Whose checkout this program runs from, where it runs from one, and which version it is."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

from runs.image_name import OWNER, owner_of

ROOT = Path(__file__).resolve().parent.parent
"""The folder above the rooms. Installed as a package, there is no Dockerfile in it."""
BAKED = ".owner"
"""The file that names the owner in an image."""
_SECONDS = 5


def with_owner(environment: Mapping[str, str], root: Path = ROOT) -> dict[str, str]:
    """Return the environment with the owner of the checkout, unless it names one, or the image itself."""
    if environment.get(OWNER) or environment.get("CLAUDE_IMAGE"):
        return dict(environment)
    owner = owner_here(root)
    return {**environment, OWNER: owner} if owner else dict(environment)


def version(root: Path = ROOT) -> str:
    """Return the program's version, which stands in the checkout and in the bot's image."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return str(project["version"])


def owner_here(root: Path = ROOT) -> str | None:
    """Return who owns the image that this is in, or the checkout, by its remote `origin`; None where nobody on GitHub does."""
    baked = root / BAKED
    if baked.is_file():
        return baked.read_text("utf-8").strip() or None
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return owner_of(asked.stdout) if asked.returncode == 0 else None
