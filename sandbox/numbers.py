"""Numbers of foreign JSON, which may be of any size, or none at all (NaN)."""

from __future__ import annotations

_MOST = 2**53


def can_be_counted_with(value: object) -> bool:
    """Say whether a value, if it is a number, is one that can be added, divided and shown: finite, at most 2**53."""
    return not isinstance(value, (int, float)) or -_MOST <= value <= _MOST
