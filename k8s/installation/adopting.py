"""Whether an object was made from the shipped overlays by somebody else, `kubectl apply -k` for example. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from k8s.installation.objects import MANAGER, is_own
from k8s.installation.overlay import Object

PART_OF = "app.kubernetes.io/part-of"
PART = "claude-sandbox"
"""On every object of the shipped overlays, whoever applies them."""
_NAME = "kubernetes.io/metadata.name"
"""What the cluster puts on a Namespace as it is made: it belongs to who made it."""


def is_adoptable(one: Object) -> bool:
    """Say whether it came from an overlay by another hand than `init`'s: then `init` may take it over.

    Not so a Namespace that was there before and only got the overlay's labels: what else is in it is nobody's to delete.
    """
    if is_own(one):
        return False
    appliers = set(_setters(one, PART_OF)) - {MANAGER}
    made_by = set(_setters(one, _NAME))
    return bool(appliers) and made_by <= appliers


def _setters(one: Object, label: str) -> Iterator[str]:
    """Return who has set a label, as the cluster's field managers say."""
    for each in one["metadata"].get("managedFields") or ():
        metadata: Mapping[str, Any] = (each.get("fieldsV1") or {}).get("f:metadata") or {}
        if f"f:{label}" in (metadata.get("f:labels") or {}):
            yield str(each.get("manager", ""))
