"""Kubernetes quantities, such as 1500m or 4Gi, as numbers. Pure.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re

_SCALES = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0}
_SCALES |= {letter: 1000.0 ** (index + 1) for index, letter in enumerate("kMGTPE")}
_SCALES |= {f"{letter}i": 1024.0 ** (index + 1) for index, letter in enumerate("KMGTPE")}
_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([numkMGTPE]?|[KMGTPE]i)")


def amount(quantity: str) -> float:
    """Return a quantity as a number: cores, or bytes. Raises ValueError for anything else."""
    found = _QUANTITY.fullmatch(quantity)
    if found is None:
        raise ValueError(f"not a quantity: {quantity[:40]!r}")
    return float(found[1]) * _SCALES[found[2]]
