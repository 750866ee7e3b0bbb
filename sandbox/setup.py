"""The repository's setup: what its people say has to run before anybody works on it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

HOOK = ".claude-sandbox/setup"
SECONDS = 600.0
"""The longest that a setup may take, whatever the run's time is."""
_DATABASES = ("postgres", "postgresql", "mysql", "mysql2", "trilogy", "mariadb")


@dataclass(frozen=True, slots=True)
class Setup:
    """A command, and what people call it. `asked` says that the repo itself wants it; else it is our guess."""

    arguments: tuple[str, ...]
    name: str
    asked: bool = True


def find_setup(clone: Path, asked: str | None, environment: Mapping[str, str]) -> Setup | None:
    """Return the setup of a clone; `asked` is the command that the repo's own configuration names.

    Rails prepares its database by default, where there is one.
    """
    if asked is not None:
        return Setup(("sh", "-e", "-c", asked), "setup")
    hook = clone / HOOK
    try:
        status = hook.stat()
    except OSError:
        status = None
    if status is not None and stat.S_ISREG(status.st_mode):
        direct = os.access(hook, os.X_OK)
        return Setup((str(hook),) if direct else ("sh", str(hook)), HOOK)
    if _is_rails(clone) and _has_database(environment):
        return Setup(("bin/rails", "db:prepare"), "bin/rails db:prepare", asked=False)
    return None


def _is_rails(clone: Path) -> bool:
    return os.access(clone / "bin" / "rails", os.X_OK) and (clone / "config.ru").is_file()


def _has_database(environment: Mapping[str, str]) -> bool:
    try:
        scheme = urlsplit(environment.get("DATABASE_URL", "")).scheme
    except ValueError:
        return False
    return scheme in _DATABASES
