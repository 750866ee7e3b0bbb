"""The bucket of dependencies at a Run's start: addresses are signed for its repository, and for whom a broker keeps them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from k8s.names import job_name
from runs.backend import Limits
from sandbox.dependencies.slots import VARIABLE, Slot, decode
from tests.k8s.fake_cluster import FakeCluster
from tests.k8s.fake_place import FakeClusterPlace
from tests.runs.contract import start


class Signer:
    """Signs, and remembers what for."""

    def __init__(self, *slots: Slot) -> None:
        self.slots = slots
        self.asked: list[tuple[str, float]] = []

    async def sign(self, repo_url: str, seconds: float) -> tuple[Slot, ...]:
        self.asked.append((repo_url, seconds))
        return self.slots


SLOT = Slot("https://s3.example/0?Signature=r", "https://s3.example/0?Signature=w")


def containers(cluster: FakeCluster, run_id: str) -> dict[str, dict[str, Any]]:
    """Return the plain variables of a Run's containers by their names."""
    spec = cluster.objects["jobs"][job_name(run_id)]["spec"]["template"]["spec"]
    return {
        each["name"]: {one["name"]: one.get("value") for one in each.get("env", ())}
        for each in (*spec.get("initContainers", ()), *spec["containers"])
    }


@pytest.mark.parametrize("limits", [None, Limits(runs=1, queue_seconds=60)])
async def test_a_run_is_started_with_the_addresses_of_its_repository(
    place: FakeClusterPlace, cluster: FakeCluster, limits: Limits | None
) -> None:
    signer = Signer(SLOT)
    task = replace(place.task("quick"), timeout_seconds=600)
    run = await start(place.make(limits, cache_signer=signer), task)
    found = containers(cluster, run.id)
    assert decode(found["broker"][VARIABLE]) == (SLOT,)
    assert found["claude"]["SANDBOX_CACHE"] == "broker"
    assert signer.asked == [(task.repo_url, 600 + 900 + 1800 + (60 if limits else 0))]


async def test_nothing_is_signed_where_no_broker_would_keep_it(
    place: FakeClusterPlace, cluster: FakeCluster
) -> None:
    signer = Signer(SLOT)
    backend = place.make(cache_signer=signer, entrypoints=("image:*",))
    run = await start(backend, place.task("quick"))
    assert signer.asked == []
    assert "Signature" not in json.dumps(containers(cluster, run.id))


async def test_a_run_starts_without_its_cache_where_nothing_can_be_signed(
    place: FakeClusterPlace, cluster: FakeCluster
) -> None:
    run = await start(place.make(cache_signer=Signer()), place.task("quick"))
    found = containers(cluster, run.id)
    assert VARIABLE not in found["broker"]
    assert found["claude"]["SANDBOX_CACHE"] == ""
