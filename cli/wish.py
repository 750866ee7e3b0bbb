"""What a person wrote behind `claude-sandbox init`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wish:
    """How the bot is to be installed; what is None is asked for, or stays as it is."""

    overlay: str | None = None
    repo: str | None = None
    config: Path | None = None
    image: str | None = None
    bot_image: str | None = None
    age_key: Path | None = None
    registry: Path | None = None
    dry_run: bool = False
    yes: bool = False
    wait_seconds: int = 300
