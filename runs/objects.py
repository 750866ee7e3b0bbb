"""What the log store is made of: named files, each written whole. One contract suite holds for all (tests/runs/objects_contract.py)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in an object, and its version, which changes with it."""

    data: bytes
    version: str


@dataclass(frozen=True, slots=True)
class Listed:
    """An object of a list: when it was written last, in seconds since 1970.

    `version` stays the same as long as the object does; None where that can't be said. It is none that `write_if` takes.
    """

    name: str
    changed_at: float
    version: str | None


class Objects(Protocol):
    """A place for files without folders. The caller makes the names: letters, digits, dots and dashes.

    Several objects, in several processes, may use one place. Who reads gets the old content or the new, never a part.
    Every method may raise Unavailable.
    """

    async def check(self) -> None:
        """Try whether it can be written and read. Raises Unavailable with what to do."""
        ...

    async def read(self, name: str) -> Found | None:
        """Read one object; None when there is none."""
        ...

    async def read_many(self, names: Iterable[str]) -> Mapping[str, bytes]:
        """Read several small objects; those that aren't there, or can't be read, are left out."""
        ...

    async def read_end(self, name: str, tail_bytes: int | None) -> bytes | None:
        """Read one object, or as much of its end; None when there is none."""
        ...

    async def write(self, name: str, data: bytes) -> None:
        """Write an object, or replace it."""
        ...

    async def write_if(self, name: str, data: bytes, version: str | None) -> bool:
        """Write an object if it still has the version that was read, with None if it isn't there; say whether it did."""
        ...

    async def list_all(self) -> list[Listed]:
        """List all objects."""
        ...

    async def remove(self, name: str) -> None:
        """Remove an object; one that isn't there counts as removed."""
        ...
