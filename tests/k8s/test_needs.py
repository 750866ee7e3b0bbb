"""Whether Kueue's queue and the machines' container runtime would let a Run start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from k8s.installation.finding import Finding, Mark
from k8s.installation.needs import Needs
from k8s.installation.objects import Kind, Objects, Ref
from k8s.place import KubernetesPlace


class FewObjects(Objects):
    """Objects by kind; of a kind, the same for every name."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self._found = found

    async def read(self, ref: Ref) -> dict[str, Any] | None:
        return self._found.get(f"{ref.kind.version} {ref.kind.name}")

    async def list(
        self, kind: Kind, namespace: str | None = None, selector: str = ""
    ) -> list[dict[str, Any]]:
        wanted = set(filter(None, selector.split(",")))
        return [each for each in self._found.get(kind.name, ()) if wanted <= labels_of(each)]


def labels_of(one: Mapping[str, Any]) -> set[str]:
    labels = one.get("metadata", {}).get("labels", {})
    return {f"{name}={value}" for name, value in labels.items()}


def place(**more: str) -> KubernetesPlace:
    return KubernetesPlace("claude-sandbox", "image", **more)  # type: ignore[arg-type]


def told(findings: list[Finding]) -> tuple[Mark, str]:
    (found,) = findings
    return found.mark, found.what


def active(status: str, message: str = "") -> dict[str, Any]:
    condition = {"type": "Active", "status": status, "message": message}
    return {"status": {"conditions": [condition]}}


@pytest.mark.parametrize(
    ("version", "queue", "mark", "words"),
    [
        ("v1beta2", None, Mark.BAD, "Kueue has no LocalQueue team in claude-sandbox"),
        ("v1beta2", {}, Mark.BAD, "Kueue hasn't said a word about team"),
        ("v1beta2", active("False", "it is held"), Mark.BAD, "team lets nothing in: it is held"),
        ("v1beta2", active("True"), Mark.GOOD, "Kueue lets runs in by team"),
        ("v1beta1", active("True"), Mark.GOOD, "Kueue lets runs in by team"),
    ],
)
async def test_a_queue_that_lets_nothing_in_is_told(
    version: str, queue: dict[str, Any] | None, mark: Mark, words: str
) -> None:
    objects = FewObjects({f"kueue.x-k8s.io/{version} LocalQueue": queue})
    found, what = told(await Needs(objects, place(kueue="team")).queue())
    assert found is mark
    assert what.startswith(words)


async def test_what_a_run_waits_for_in_the_queue_is_told_in_kueues_words() -> None:
    words = "couldn't assign flavors to pod set main: resource x unavailable in ClusterQueue"
    pending = {"type": "QuotaReserved", "status": "False", "reason": "Pending", "message": words}
    admitted = {"type": "QuotaReserved", "status": "True", "reason": "QuotaReserved"}
    there = {
        "kueue.x-k8s.io/v1beta2 LocalQueue": active("True"),
        "Workload": [{"status": {"conditions": [each]}} for each in (pending, admitted)] + [{}],
    }
    found, what = told(await Needs(FewObjects(there), place(kueue="team")).queue())
    assert (found, what) == (Mark.WARNED, f"1 wait in team: {words}")


def nodes(*handlers: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"status": {"runtimeHandlers": [{"name": name} for name in each]}} for each in handlers]


@pytest.mark.parametrize(
    ("there", "machines", "mark", "words"),
    [
        (False, nodes(("runsc",)), Mark.BAD, "there is no RuntimeClass gvisor"),
        (True, nodes((), ()), Mark.UNKNOWN, "no node tells whether it has runsc"),
        (True, nodes(("", "runc"), ("runc",)), Mark.BAD, "no node has runsc: no run would start"),
        (True, nodes(("runsc",), ("runc",)), Mark.WARNED, "1 of 2 nodes have runsc"),
        (True, nodes(("runsc",), ()), Mark.WARNED, "1 of 2 nodes have runsc"),
        (True, nodes(("runc", "runsc")), Mark.GOOD, "all 1 nodes have runsc"),
    ],
)
async def test_machines_without_the_runtime_are_told(
    there: bool, machines: list[dict[str, Any]], mark: Mark, words: str
) -> None:
    runtime = {"handler": "runsc"} if there else None
    objects = FewObjects({"node.k8s.io/v1 RuntimeClass": runtime, "Node": machines})
    found, what = told(await Needs(objects, place(runtime_class="gvisor")).runtime())
    assert found is mark
    assert what.startswith(words)


@pytest.mark.parametrize(
    ("labels", "mark", "words"),
    [
        ({"sandbox": "gvisor", "zone": "a"}, Mark.GOOD, "all 1 nodes have runsc"),
        ({"zone": "a"}, Mark.BAD, "no node has sandbox=gvisor, which the RuntimeClass gvisor asks"),
    ],
)
async def test_only_the_machines_count_that_the_runtime_class_selects(
    labels: dict[str, str], mark: Mark, words: str
) -> None:
    selector = {"scheduling": {"nodeSelector": {"sandbox": "gvisor"}}}
    there = {
        "node.k8s.io/v1 RuntimeClass": {"handler": "runsc", **selector},
        "Node": [{"metadata": {"labels": labels}, **nodes(("runsc",))[0]}, *nodes(("runc",))],
    }
    found, what = told(await Needs(FewObjects(there), place(runtime_class="gvisor")).runtime())
    assert found is mark
    assert what.startswith(words)


async def test_a_config_that_names_neither_is_asked_nothing() -> None:
    needs = Needs(FewObjects({}), place())
    assert [*await needs.queue(), *await needs.runtime()] == []
