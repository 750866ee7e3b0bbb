"""What a Backend counts of its own work, for those who watch over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Counted:
    """Counts since the Backend was made, which only grow; what is known to happen stands as 0 before it does.

    `requests` are by how the place answered: "200", "409", or "none" when it didn't. `watch_restarts` are by what was
    followed, and why that began anew: "ended" by the server in its own time, "expired", or "failed".
    """

    requests: Mapping[str, int] = field(default_factory=dict)
    watch_restarts: Mapping[tuple[str, str], int] = field(default_factory=dict)
