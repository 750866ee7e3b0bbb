"""The options of a task as a person wrote them: loaded for the help too, so with nothing behind it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Written:
    """The options as they were written; None where one wasn't."""

    model: str | None = None
    budget: str | None = None
    timeout: str | None = None
    memory: str | None = None
    cpu: str | None = None
    image: str | None = None
    services: str | None = None
    pr: bool | None = None


NOTHING = Written()
