"""What a sandbox Pod reaches under the shipped policies, and, as the counter-proof, what the same program reaches without.

The other ends are stand-ins inside of the cluster's network, which has no way out: nothing outside is ever asked.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.attempts import REACH
from tests.cluster.deployment import BOT, Deployed
from tests.cluster.hostile_jobs import pod_of, usual_job
from tests.cluster.images_of_tests import Images
from tests.cluster.kubectl import Kubectl, Object

pytestmark = pytest.mark.own_cluster

METADATA, TELEGRAM, PRIVATE, WORLD = (
    "169.254.169.254",
    "149.154.167.220",
    "10.200.0.1",
    "198.51.100.7",
)
STAND_INS = {
    "the metadata of a cloud": (METADATA, 80),
    "the metadata of a cloud on 443": (METADATA, 443),
    "Telegram": (TELEGRAM, 443),
    "a server of the private network": (PRIVATE, 443),
    "git over https": (WORLD, 443),
    "git over ssh": (WORLD, 22),
    "a mail server": (WORLD, 25),
}
ALLOWED = {"git over https", "git over ssh"}
PORT = 8443
PATIENCE_SECONDS = 20
LISTEN = """\
import socket, sys
servers = []
for place in sys.argv[1:]:
    address, _, port = place.rpartition(":")
    servers.append(socket.create_server((address, int(port))))
print("listening", flush=True)
sys.stdin.read()
"""
SERVE = f"import socket, time; server = socket.create_server(('', {PORT})); time.sleep(600)"


@pytest.fixture(scope="module")
def stand_ins(deployed: Deployed) -> Iterator[None]:
    """Servers in the cluster's network, on addresses that otherwise nobody has there."""
    net = [deployed.ground.cluster.command[0], "net"]
    addresses = sorted({address for address, _ in STAND_INS.values()})
    for address in addresses:
        subprocess.run(
            [*net, "ip", "addr", "replace", f"{address}/32", "dev", "cs-node"], check=True
        )
    places = [f"{address}:{port}" for address, port in STAND_INS.values()]
    server = subprocess.Popen(
        [*net, "python3", "-c", LISTEN, *places], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        assert server.stdout.readline() == b"listening\n"
        yield
    finally:
        server.stdin.close()
        server.wait(30)
        server.stdout.close()
        for address in addresses:
            subprocess.run([*net, "ip", "addr", "del", f"{address}/32", "dev", "cs-node"])


@pytest.fixture(scope="module")
def neighbours(deployed: Deployed, images: Images) -> Iterator[dict[str, tuple[str, int]]]:
    """Pods that listen: another sandbox, one that has the bot's label beside it, and one that no policy protects."""
    cluster = deployed.ground.cluster
    open_namespace = cluster.within("claude-sandbox-open")
    metadata = {"name": open_namespace.namespace}
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    open_namespace.run("wait", "--for=create", "serviceaccount/default", "--timeout=120s")
    pods = {
        "a neighbour": (deployed.sandboxes, {}),
        "the bot": (deployed.bot, {"app": BOT}),
        "an open Pod": (open_namespace, {}),
    }
    try:
        for number, (kubectl, labels) in enumerate(pods.values()):
            kubectl.create(running(images, f"claude-serves-{number}", SERVE, labels=labels))
        found = {}
        for number, (name, (kubectl, _)) in enumerate(pods.items()):
            pod = f"claude-serves-{number}"
            kubectl.run("wait", "--for=condition=Ready", f"pod/{pod}", "--timeout=180s")
            found[name] = (str(kubectl.get("pod", pod)["status"]["podIP"]), PORT)
        yield found
    finally:
        for number, (kubectl, _) in enumerate(pods.values()):
            kubectl.run("delete", "pod", f"claude-serves-{number}", "--now", "--ignore-not-found")
        cluster.run("delete", "namespace", open_namespace.namespace, "--wait=false")


def running(
    images: Images, name: str, program: str, *words: str, labels: dict[str, str] | None = None
) -> Object:
    """Return a sandbox's Pod, as the bot's Job would have it, in which only a program of python3 runs."""
    pod = pod_of(usual_job(images))
    pod["metadata"]["name"] = name
    pod["metadata"]["labels"] |= labels or {}
    spec: Any = pod["spec"]
    del spec["initContainers"]
    (agent,) = spec["containers"]
    agent["command"] = ["python3", "-c", program, *words]
    agent["resources"] = {
        "requests": {"cpu": "20m", "memory": "32Mi"},
        "limits": {"memory": "256Mi"},
    }
    del agent["lifecycle"]
    return pod


def output(kubectl: Kubectl, pod: Object) -> Any:
    """Run a Pod to its end; return the JSON that it printed."""
    name = pod["metadata"]["name"]
    kubectl.create(pod)
    try:
        ended = "--for=jsonpath={.status.phase}=Succeeded"
        kubectl.run("wait", ended, f"pod/{name}", "--timeout=180s")
        return json.loads(kubectl.run("logs", name, "--container=claude"))
    finally:
        kubectl.run("delete", "pod", name, "--now")


@pytest.fixture(scope="module")
def targets(
    deployed: Deployed, stand_ins: None, neighbours: dict[str, tuple[str, int]]
) -> dict[str, tuple[str, int]]:
    """Return where the program tries to get to."""
    return {**api_server(deployed.ground.cluster), **STAND_INS, **neighbours}


def api_server(cluster: Kubectl) -> dict[str, tuple[str, int]]:
    """Return the addresses of the API server: that which Pods are given, and its own."""
    service = cluster.get("service", "kubernetes")["spec"]
    slices = cluster.get("endpointslice", "kubernetes")
    return {
        "the API server's Service": (service["clusterIP"], service["ports"][0]["port"]),
        "the API server": (slices["endpoints"][0]["addresses"][0], slices["ports"][0]["port"]),
    }


def reached(kubectl: Kubectl, images: Images, targets: object, patience: int) -> set[str]:
    wish = json.dumps({"patience": patience, "targets": targets})
    found = output(kubectl, running(images, "claude-reaches", REACH, wish))
    return {name for name, was_reached in found.items() if was_reached}


def test_a_sandbox_reaches_the_world_on_443_and_22_and_nothing_else_fault_36(
    deployed: Deployed, images: Images, targets: dict[str, tuple[str, int]]
) -> None:
    assert reached(deployed.sandboxes, images, targets, PATIENCE_SECONDS) == ALLOWED


def test_without_the_policies_the_same_program_reaches_all_but_the_closed_ones_fault_36(
    deployed: Deployed, images: Images, targets: dict[str, tuple[str, int]]
) -> None:
    kubectl = deployed.ground.cluster.within("claude-sandbox-open")
    closed = {"a neighbour", "the bot"}  # they let nobody in, wherever from
    assert reached(kubectl, images, targets, 0) == set(targets) - closed


def test_with_the_policies_taken_away_neighbour_and_bot_are_reached_too_fault_36(
    deployed: Deployed, images: Images, targets: dict[str, tuple[str, int]]
) -> None:
    kept = [
        (kubectl, kubectl.run("get", "networkpolicies", "--output=json"))
        for kubectl in (deployed.sandboxes, deployed.bot)
    ]
    try:
        for kubectl, _ in kept:
            kubectl.run("delete", "networkpolicies", "--all")
        reach = reached_at_last(deployed, images, targets)
        assert reach == set(targets)
    finally:
        for kubectl, policies in kept:
            kubectl.run("create", "--filename=-", given=policies)


def reached_at_last(deployed: Deployed, images: Images, targets: dict[str, Any]) -> set[str]:
    """Try until the policies are gone in the node too."""
    for _ in range(5):
        found = reached(deployed.sandboxes, images, targets, 0)
        if "the bot" in found:
            break
    return found
