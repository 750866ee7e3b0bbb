"""Quantities of Kubernetes as numbers, to compare them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_FACTORS: Mapping[str | None, float] = {None: 1, "m": 0.001, "Mi": 1 << 20, "Gi": 1 << 30}


def amount(quantity: str) -> float:
    """Return bytes, or cores; infinity for what isn't written as `bot.options` writes it."""
    match = re.fullmatch(r"([0-9.]+)(m|Mi|Gi)?", quantity)
    return float("inf") if match is None else float(match[1]) * _FACTORS[match[2]]
