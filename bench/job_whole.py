"""`/run` said -> its agent begins -> people are told: where the time goes, beside a bare Job that only clones.

The bare Job is `kubectl create` and `kubectl wait`, of the same image, on the same repository. Steps inside of the Pod are
taken from its logs, by the time that the container runtime gives each line: node and bench have to share a clock.
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.cluster import Cluster, open_place
from bench.figure import Figure, at_most, spread
from bench.stage import Desk, Stage, open_stage, wait_until
from k8s import names

ROUNDS = 4
LIMIT = 2.0
_WAIT_SECONDS = 120
_SIZE = {"memory": "512Mi", "cpu": "1"}
_POLICIES = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"
Moments = dict[str, float]
"""When each step was first seen, in seconds since 1970."""

_STEPS = (
    ("said", "created", "said → Job created"),
    ("created", "scheduled", "→ Pod scheduled"),
    ("scheduled", "broker listens", "→ broker listens"),
    ("broker listens", "environment", "→ sandbox program's first line"),
    ("environment", "clone", "→ clone begun"),
    ("clone", "gate", "→ cloned, while the gate is waited for"),
    ("gate", "agent", "→ through the gate, agent begun"),
    ("agent", "deliver", "→ agent ended (it has next to nothing to do)"),
    ("deliver", "done", "→ delivered, Report written"),
    ("done", "terminated", "→ its end seen in a watch"),
    ("terminated", "told", "→ told"),
)
_BESIDE = (
    ("said", "card", "said → card"),
    ("said", "agent", "said → agent begun"),
    ("done", "told", "Report written → told"),
    ("done", "complete", "Report written → Job complete"),
    ("said", "told", "said → told"),
)


async def measure(folder: Path) -> list[Figure]:
    """Run the two in turn; compare the medians. The first of each only warms up."""
    async with (
        open_place(folder) as cluster,
        open_stage(folder / "bot", cluster.repo(**_SIZE), cluster.ground.variables) as stage,
        _watched(cluster) as seen,
    ):
        await cluster.api.create(_POLICIES.format(cluster.namespace), _policy(cluster))
        taken, bare = [], []
        for number in range(ROUNDS + 1):
            bare.append(await _bare(cluster, folder, number))
            taken.append(await _run(cluster, stage, stage.desks[number], seen))
    return _figures(taken[1:], bare[1:])


def _policy(cluster: Cluster) -> dict[str, Any]:
    """Return what keeps Pods from all but the git server: without it the gate would be waited for in vain."""
    address = urlsplit(cluster.repo()["url"]).hostname
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "sandboxes"},
        "spec": {
            "podSelector": {},
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"ipBlock": {"cidr": f"{address}/32"}}]}],
        },
    }


def _figures(taken: Sequence[Moments], bare: Sequence[float]) -> list[Figure]:
    whole = statistics.median(each["told"] - each["said"] for each in taken)
    return [
        *(_step(f"whole: {what}", first, last, taken) for first, last, what in _BESIDE),
        *(_step(f"  {what}", first, last, taken) for first, last, what in _STEPS),
        Figure("a bare Job that clones, kubectl create and wait", spread(bare, "s")),
        at_most("  ratio of said → told to it", whole / statistics.median(bare), LIMIT, ""),
    ]


def _step(what: str, first: str, last: str, taken: Iterable[Moments]) -> Figure:
    return Figure(what, spread([each[last] - each[first] for each in taken], "s"))


async def _run(cluster: Cluster, stage: Stage, desk: Desk, seen: Mapping[str, Moments]) -> Moments:
    """Say `/run`, wait until its end is told and its Job complete; return when everything came about."""
    known = set(seen)
    said_at = time.time()
    stage.say(desk, "/run repo add a note")
    await stage.told(desk, 1)
    card_at = time.time()
    await stage.told(desk, 2)
    told_at = time.time()
    (name,) = set(seen) - known
    await wait_until(lambda: "complete" in seen[name])
    logs = [
        await cluster.run_kubectl("logs", f"job/{name}", f"--container={container}", "--timestamps")
        for container in (names.CONTAINER, names.BROKER)
    ]
    found = seen[name] | {"said": said_at, "card": card_at, "told": told_at} | _printed(logs)
    if missing := {step for first, last, _ in _STEPS for step in (first, last)} - found.keys():
        raise RuntimeError(f"it isn't seen when this was: {', '.join(sorted(missing))}")
    return found


def _printed(logs: Iterable[str]) -> Moments:
    """Return when the phases of the log began, and when the broker listened."""
    found: Moments = {}
    for line in "\n".join(logs).splitlines():
        at, _, text = line.partition(" ")
        phase = re.match(r"▶ (\w+)", text)
        what = phase[1] if phase else "broker listens" if text.endswith(": listening") else None
        if what is not None:
            found.setdefault(what, datetime.fromisoformat(at).timestamp())
    return found


async def _bare(cluster: Cluster, folder: Path, number: int) -> float:
    """Make a Job that clones and nothing else; return the seconds until `kubectl wait` has seen its end."""
    name = f"bare-{number}"
    path = folder / f"{name}.json"
    path.write_text(json.dumps(_bare_job(cluster, name)), encoding="utf-8")
    begun_at = time.monotonic()
    await cluster.run_kubectl("create", f"--filename={path}")
    until = ("--for=condition=complete", f"--timeout={_WAIT_SECONDS}s")
    await cluster.run_kubectl("wait", f"job/{name}", *until)
    return time.monotonic() - begun_at


def _bare_job(cluster: Cluster, name: str) -> dict[str, Any]:
    token = cluster.ground.variables["GITHUB_TOKEN"]
    url = cluster.repo()["url"].replace("://", f"://x-access-token:{token}@", 1)
    container = {
        "name": "clone",
        "image": cluster.ground.variables["CLAUDE_IMAGE"],
        "command": ["git", "clone", url, "/workspace/clone"],
        "resources": {"requests": _SIZE, "limits": _SIZE},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "workspace", "mountPath": "/workspace"}],
    }
    security = {"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": 1000}
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": security | {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "workspace", "emptyDir": {}}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": {"spec": pod}},
    }


@asynccontextmanager
async def _watched(cluster: Cluster) -> AsyncIterator[Mapping[str, Moments]]:
    """Note for each Run's Job when what happens to it and its Pod came in a watch."""
    found: dict[str, Moments] = defaultdict(dict)
    pods_path = f"/api/v1/namespaces/{cluster.namespace}/pods"

    async def follow(path: str) -> None:
        query = {"watch": "true", "labelSelector": names.SELECTOR}
        async for line in cluster.api.watch(path, query):
            now, item = time.time(), json.loads(line)["object"]
            of_pod = "restartPolicy" in item["spec"]
            labels = item["metadata"].get("labels") or {}
            name = str(labels.get(names.JOB_NAME_LABEL) if of_pod else item["metadata"]["name"])
            for step in _steps_of_pod(item) if of_pod else _steps_of_job(item):
                found[name].setdefault(step, now)

    following = [asyncio.create_task(follow(path)) for path in (cluster.jobs_path, pods_path)]
    try:
        yield found
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)


def _steps_of_job(job: Mapping[str, Any]) -> list[str]:
    conditions = job["status"].get("conditions") or ()
    complete = any(each["type"] == "Complete" and each["status"] == "True" for each in conditions)
    return ["created", *(["complete"] if complete else [])]


def _steps_of_pod(pod: Mapping[str, Any]) -> list[str]:
    statuses = pod["status"].get("containerStatuses") or ()
    ended = any("terminated" in (each.get("state") or {}) for each in statuses)
    scheduled = ["scheduled"] if pod["spec"].get("nodeName") else []
    return [*scheduled, *(["terminated"] if ended else [])]
