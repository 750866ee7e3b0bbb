"""The bot's rights in the sandboxes' namespace are exactly what the Backend asks of the API server, each with its reason."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from k8s.names import job_name
from k8s.place import Patience
from runs.backend import Limits
from runs.run import Marks
from tests.k8s.fake_cluster import FakeCluster
from tests.k8s.fake_place import FakeClusterPlace
from tests.runs.contract import ended, reached, start

RIGHTS = Path(__file__).parents[2] / "manifests" / "base" / "sandboxes" / "rights.yaml"
VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete", "PUT": "update"}
Right = tuple[str, str, str]
"""API group, resource, verb."""


def needed(method: str, path_qs: str) -> Right | None:
    """Return the right that a request needs; None for what everybody may ask, such as /version."""
    parts = urlsplit(path_qs)
    found = re.fullmatch(
        r"/api(?:s/(?P<group>[^/]+))?/v1/namespaces/[^/]+/(?P<kind>\w+)(?:/(?P<name>[^/]+)(?:/(?P<sub>\w+))?)?",
        parts.path,
    )
    if found is None:
        assert parts.path == "/version"
        return None
    resource = found["kind"] + (f"/{found['sub']}" if found["sub"] else "")
    if method != "GET":
        return found["group"] or "", resource, VERBS[method]
    reading = "get" if found["name"] else "watch" if "watch=true" in parts.query else "list"
    return found["group"] or "", resource, reading


def granted() -> set[Right]:
    role = next(yaml.safe_load_all(RIGHTS.read_text(encoding="utf-8")))
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


async def everything(cluster: FakeCluster, place: FakeClusterPlace) -> None:
    """Do with a Backend all that a bot does."""
    backend = place.make(Limits(runs=3), patience=Patience(no_pod=0.0, quota=0.0))
    run = await ended(backend, await start(backend, place.task("quick")))
    await backend.mark(run, Marks(card_id=1))
    await backend.read_log(run.id)
    await backend.acknowledge(await backend.get(run.id), 1.0)
    await backend.clean(run.id)
    slow = await start(backend, place.task("slow"), 2)
    await reached(backend, slow, lambda seen: seen.report is not None)
    await backend.cancel(slow.id, "Ada")
    await ended(backend, slow)
    cluster.controlled = False  # nothing makes a Pod: its events say why
    stuck = await start(backend, place.task("quick"), 3)
    cluster.job_events.append({"reason": "FailedCreate", "message": "exceeded quota"})
    await ended(backend, stuck)
    await backend.sweep()
    await place.make().list_runs()
    assert job_name(stuck.id) in cluster.objects["jobs"]


async def test_the_bot_may_do_what_it_does_and_nothing_else(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    await everything(cluster, place)
    asked = {needed(method, path) for method, path in cluster.requests} - {None}
    assert asked == granted()


def test_each_verb_has_its_reason_beside_it() -> None:
    lines = RIGHTS.read_text(encoding="utf-8").splitlines()
    verbs = [line for line in lines if re.match(r" {6}- ", line)]
    assert len(verbs) == len(granted())
    assert all(re.fullmatch(r" {6}- [a-z]+ +# \S.{10,}", line) for line in verbs)


def test_the_bot_reads_no_secret_and_goes_into_no_pod() -> None:
    assert {resource for _, resource, _ in granted()} == {"jobs", "pods", "pods/log", "events"}
    assert "*" not in RIGHTS.read_text(encoding="utf-8")
