"""What a person wrote behind `claude-sandbox logs`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogWish:
    """A Run or none, whether to follow, how many last lines, of which container."""

    run: str | None = None
    follows: bool = False
    tail: int | None = None
    container: str | None = None

    @property
    def service(self) -> str | None:
        """Return the service beside the agent; None for the agent itself."""
        if self.container in (None, "claude"):
            return None
        return str(self.container).removesuffix("-sidecar")
