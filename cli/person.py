"""Who gives the commands."""

from __future__ import annotations

import getpass
from collections.abc import Mapping


def person(environment: Mapping[str, str]) -> str:
    """Return how the person is called who gives the commands."""
    name = environment.get("USER") or environment.get("LOGNAME")
    if not name:
        try:
            name = getpass.getuser()
        except (OSError, KeyError):  # a user without a name, as in a container
            name = "somebody"
    return name[:60]
