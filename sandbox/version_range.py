"""Whether a version is what was asked for. Pure."""

from __future__ import annotations

import re


def within(requirement: str, version: str) -> bool:
    """Say whether a version such as 3.3 is in a range, compared by the parts that both have."""
    for sign, bound in _BOUND.findall(requirement):
        theirs = parts(bound)
        ours = parts(version)[: len(theirs)]
        theirs = theirs[: len(ours)]
        if (sign == "<" and not ours < theirs) or (sign == "<=" and ours > theirs):
            return False
        if sign.startswith(">") and ours < theirs:
            return False
    return True


def names(asked: str, version: str) -> bool:
    """Say whether a version is one that was asked for by its first parts, as 20.11.1 is for 20."""
    wanted = parts(asked)
    return parts(version)[: len(wanted)] == wanted


def is_newer_of_its_kind(asked: str, version: str) -> bool:
    """Say whether a version is the asked one, or a later one that has the same first part, by the parts that both have."""
    wanted, have = parts(asked), parts(version)
    both = min(len(wanted), len(have))
    return have[:1] == wanted[:1] and have[:both] >= wanted[:both]


def parts(version: str) -> list[int]:
    """Return the numbers of a version."""
    return [int(part) for part in version.split(".")]


_BOUND = re.compile(r"(<=|>=|<|>)\s*(\d{1,4}(?:\.\d{1,4}){0,3})")
