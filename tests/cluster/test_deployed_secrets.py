"""An agent of a Run, the real Claude Code in the deployed namespace, looks for tokens of the cluster and of Telegram."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable

import pytest

from k8s.backend import KubernetesBackend
from k8s.place import KubernetesPlace
from runs.outcome import Ending
from sandbox.gate import GateMode
from sandbox.task import Task
from tests.cluster.attempts import HUNT, REACH
from tests.cluster.backend_place import SMALL
from tests.cluster.deployment import BOT_TOKEN, SANDBOXES, Deployed, egress
from tests.cluster.images_of_tests import Images
from tests.cluster.kubectl import Kubectl
from tests.cluster.test_deployed_network import api_server, output, running
from tests.parts.messages_api import MessagesApi, say, use
from tests.runs.contract import ended, start


@pytest.fixture
def open_namespace(cluster: Kubectl, namespace: str) -> Kubectl:
    return cluster.within(namespace)


async def test_an_agent_finds_no_token_and_is_kept_from_the_api_server_from_its_first_moment_fault_36(
    deployed: Deployed, messages_api: Callable[..., MessagesApi]
) -> None:
    host = deployed.ground.address
    targets = {**api_server(deployed.ground.cluster), "Telegram": (host, deployed.port)}
    wish = json.dumps({"patience": 0, "targets": targets})
    command = f"python3 -c {shlex.quote(REACH)} {shlex.quote(wish)} > reached.json; python3 -c {shlex.quote(HUNT)} > found.json"
    api = messages_api(use("Bash", command=command), say("I looked."))
    repo = deployed.git.create("hunted", {"README.md": "# Hunted\n"})
    port = int(api.url.rpartition(":")[2])
    deployed.sandboxes.create(
        egress("model", (SANDBOXES, "claude-sandbox"), [{"ipBlock": {"cidr": f"{host}/32"}}], port)
    )
    place = KubernetesPlace(
        SANDBOXES,
        deployed.ground.images.sandbox,
        deployed.ground.cluster.kubeconfig,
        environment={"ANTHROPIC_BASE_URL": api.url},
        gate=GateMode.FAIL,
        gate_seconds=30,
        resources=SMALL,
    )
    backend = KubernetesBackend(place)
    try:
        run = await ended(backend, await start(backend, Task(repo.url, "look around"), 77))
        assert run.outcome is not None
        assert run.outcome.ending is Ending.PUSHED, await backend.read_log(run.id)
        assert run.report is not None
        branch = run.report.branch or ""
        assert json.loads(repo.read(branch, "found.json")) == []
        reached = json.loads(repo.read(branch, "reached.json"))
        assert reached == dict.fromkeys(targets, False)
    finally:
        await backend.close()
        deployed.sandboxes.run("delete", "networkpolicy", "model")


def test_the_same_search_finds_both_where_they_are(open_namespace: Kubectl, images: Images) -> None:
    pod = running(images, "claude-hunts", HUNT)
    pod["spec"]["automountServiceAccountToken"] = True
    pod["spec"]["containers"][0]["env"] = [{"name": "TELEGRAM_BOT_TOKEN", "value": BOT_TOKEN}]
    found = {tuple(hit) for hit in output(open_namespace, pod)}
    assert found == {("cluster", "files"), ("telegram", "environment"), ("telegram", "processes")}
