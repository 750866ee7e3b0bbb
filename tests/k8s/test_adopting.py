"""Who has made an object, as the cluster's field managers say: only what came from an overlay is taken over."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.installation.adopting import PART_OF, is_adoptable
from k8s.installation.objects import LABEL, MANAGER, OWN

NAME = "kubernetes.io/metadata.name"
KUBECTL = "kubectl-client-side-apply"


def one(*setters: tuple[str, str], own: bool = False) -> dict[str, Any]:
    fields = [
        {"manager": manager, "fieldsV1": {"f:metadata": {"f:labels": {f"f:{label}": {}}}}}
        for manager, label in setters
    ]
    labels = {PART_OF: "claude-sandbox", **({LABEL: OWN} if own else {})}
    return {"kind": "Namespace", "metadata": {"labels": labels, "managedFields": fields}}


@pytest.mark.parametrize(
    ("found", "adopts"),
    [
        (one((KUBECTL, PART_OF), (KUBECTL, NAME)), True),
        (one((KUBECTL, PART_OF)), True),
        (one(("kubectl", PART_OF)), True),  # server-side: the cluster's own label is nobody's
        (one((KUBECTL, PART_OF), ("kubectl-create", NAME)), False),  # was there before
        (one((MANAGER, PART_OF), ("kubectl-create", NAME)), False),  # `init` has put it there
        (one((MANAGER, PART_OF)), False),
        (one((KUBECTL, PART_OF), own=True), False),  # `init` has made it, kubectl applied it later
        (one(), False),
        ({"kind": "Secret", "metadata": {}}, False),
    ],
)
def test_what_an_overlay_has_made_is_taken_over_and_nothing_that_was_there_before(
    found: dict[str, Any], adopts: bool
) -> None:
    assert is_adoptable(found) is adopts
