"""The bot and the sandboxes as the README deploys them: its own commands, on a copy of the manifests with our images."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from playground.server import start
from playground.world import World
from tests.cluster.images_of_tests import Images
from tests.cluster.kubectl import Kubectl, Object
from tests.parts.git_server import TOKEN, GitServer
from tests.parts.model_fixtures import API_KEY

ROOT = Path(__file__).parents[2]
BOT, SANDBOXES = "claude-sandbox-bot", "claude-sandbox"
BOT_TOKEN = "7000000001:AAEonlyForTestsOnlyForTests0123456789"
UID = 12345
"""Any user id: the image is made for 1000."""
LIMIT_SECONDS = 240


@dataclass(frozen=True, slots=True)
class Ground:
    """What a deployment stands on: the cluster, the images there, and this machine as Pods see it.

    `own` says that the cluster is that of these tests alone.
    """

    cluster: Kubectl
    images: Images
    address: str
    own: bool
    folder: Path


@dataclass(frozen=True, slots=True)
class Deployed:
    """The deployment: a kubectl for each namespace, where the bot looks for Telegram, and a repository for its Runs."""

    ground: Ground
    bot: Kubectl
    sandboxes: Kubectl
    git: GitServer
    port: int

    def world(self) -> tuple[World, Any, Any]:
        """Make a World whose bot is the deployed one, with its team and Ada in it."""
        world = World(privacy=False)
        world.state.token = BOT_TOKEN
        ada = world.person("Ada")
        return world, world.supergroup("Team", [(ada, "administrator")]), ada

    def bot_pods(self) -> list[Object]:
        """Return the bot's Pods that aren't about to go."""
        pods = self.bot.list("pods", "app=claude-sandbox-bot")
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def bot_pod(self) -> str:
        """Return the name of the bot's one Pod."""
        (pod,) = self.bot_pods()
        return str(pod["metadata"]["name"])

    def ready(self) -> bool:
        """Say whether the bot's Pod is ready: updates flow."""
        pods = self.bot_pods()
        conditions = [c for pod in pods for c in pod["status"].get("conditions", ())]
        return "True" in [c["status"] for c in conditions if c["type"] == "Ready"]


@contextmanager
def deploy(ground: Ground) -> Iterator[Deployed]:
    """Deploy as the README says; take all of it away in the end."""
    cluster = ground.cluster
    bot, sandboxes = cluster.within(BOT), cluster.within(SANDBOXES)
    there = [name for name in (BOT, SANDBOXES) if _exists(cluster, name)]
    assert ground.own or not there, f"{there} are used on this cluster: not for a test to take"
    with GitServer(ground.folder / "git", host=ground.address) as git:
        found = Deployed(ground, bot, sandboxes, git, _free_port(ground.address))
        try:
            _remove(ground)  # what a test that was killed left
            if ground.own:
                cluster.create(volume(ground.folder))
            write_manifests(found)
            asyncio.run(_follow_the_readme(found))
            yield found
        finally:
            _remove(ground)


def write_manifests(found: Deployed) -> None:
    """Copy the manifests, and set in the copy what an operator sets: images, config, private addresses."""
    ground = found.ground
    shutil.copytree(ROOT / "manifests", ground.folder / "manifests")
    base = ground.folder / "manifests" / "base"
    overlay = ground.folder / "manifests" / "overlays" / "two-namespaces"
    environment = {
        "CLAUDE_IMAGE": ground.images.sandbox,
        "SANDBOX_AGENT": "scripted",
        "SANDBOX_POLL_SECONDS": "1",
        "TELEGRAM_API_URL": f"http://{ground.address}:{found.port}",
    }
    with (base / "bot" / "environment.env").open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in environment.items())
    repo = {"url": found.git.repo_url("small"), "memory": "512Mi", "cpu": "100m"}
    with (base / "bot" / "config.yaml").open("a", encoding="utf-8") as file:
        file.write(f"repos: {json.dumps({'demo': repo})}\n")
    settings: dict[str, Any] = yaml.safe_load((overlay / "kustomization.yaml").read_text("utf-8"))
    images, patches = _changes(ground)
    settings |= {"images": images, "patches": patches}
    settings["resources"].append("private.json")
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    (overlay / "private.json").write_text(json.dumps(private_network(found)), "utf-8")


def private_network(found: Deployed) -> Object:
    """Return the policies that a private git server, a private Telegram and this cluster's own API server need."""
    host = {"ipBlock": {"cidr": f"{found.ground.address}/32"}}
    slices = found.ground.cluster.get("endpointslice", "kubernetes")
    nodes = [
        {"ipBlock": {"cidr": f"{address}/32"}}
        for end in slices["endpoints"]
        for address in end["addresses"]
    ]
    to_git = egress(SANDBOXES, "claude-sandbox", [host], int(found.git.url.rpartition(":")[2]))
    to_telegram = egress(BOT, BOT, [host], found.port)
    to_cluster = egress(BOT, BOT, nodes, slices["ports"][0]["port"], "private-cluster")
    items = [to_git, to_telegram, to_cluster]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def volume(folder: Path) -> Object:
    """Return a volume for the claim of the log store: the cluster of the tests has nothing that makes one."""
    path = folder / "volume"
    path.mkdir()
    node = {"key": "kubernetes.io/hostname", "operator": "Exists"}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "claude-sandbox-logs"},
        "spec": {
            "capacity": {"storage": "5Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": BOT, "name": "claude-sandbox-logs"},
            "local": {"path": str(path)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [node]}]}},
        },
    }


def readme_commands() -> str:
    """Return the commands of the README's part about clusters."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    part = text.partition("### On a cluster")[2].partition("\n## ")[0]
    (commands,) = re.findall(r"^```sh\n(.*?)^```", part, re.M | re.S)
    return str(commands)


async def _follow_the_readme(found: Deployed) -> None:
    """Run the README's commands, while Telegram answers: the last one waits for updates to flow."""
    world, team, _ = found.world()
    server = await start(world, port=found.port, host=found.ground.address)
    try:
        found.git.create("small", {"README.md": "# Small\n"})
        variables = {
            "GITHUB_TOKEN": TOKEN,
            "CLAUDE_CODE_OAUTH_TOKEN": API_KEY,
            "TELEGRAM_BOT_TOKEN": BOT_TOKEN,
            "TELEGRAM_CHAT_ID": str(team.id),
        }
        await asyncio.to_thread(_run, found.ground, readme_commands(), variables)
    finally:
        await server.close()


def _run(ground: Ground, commands: str, variables: Mapping[str, str]) -> None:
    """Run shell commands in the copy, where `kubectl` is the one of the tests."""
    programs = ground.folder / "bin"
    programs.mkdir()
    kubectl = programs / "kubectl"
    words = " ".join((*ground.cluster.command, f"--kubeconfig={ground.cluster.kubeconfig}"))
    kubectl.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
    kubectl.chmod(0o755)
    done = subprocess.run(
        ["sh", "-euc", commands],
        cwd=ground.folder,
        env={"PATH": f"{programs}:{os.environ['PATH']}", "HOME": os.environ["HOME"], **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    bot = ground.cluster.within(BOT)
    told = done.stdout + done.stderr
    assert done.returncode == 0, told + bot.run("describe", "pods") + bot.run("get", "events")


def _changes(ground: Ground) -> tuple[list[Object], list[Object]]:
    """Return what kustomize changes: the images, and a user id that the image doesn't know."""
    name, _, tag = ground.images.bot.rpartition(":")
    image = {"name": "landovsky/claude-sandbox-bot", "newName": name, "newTag": tag}
    ids = json.dumps({"runAsUser": UID, "runAsGroup": UID, "fsGroup": UID, "runAsNonRoot": True})
    pod = f"[{{op: replace, path: /spec/template/spec/securityContext, value: {ids}}}]"
    pod = pod.replace(
        '"runAsNonRoot": true', '"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}'
    )
    allowed = (
        f"[{{op: replace, path: /data/images, value: {json.dumps(ground.images.prefix + '*')}}}]"
    )
    return [image], [
        {"target": {"kind": "Deployment"}, "patch": pod},
        {"target": {"kind": "ConfigMap", "name": "claude-sandbox-allowed"}, "patch": allowed},
    ]


def egress(namespace: str, app: str, to: list[Object], port: int, name: str = "private") -> Object:
    """Return a policy that lets an app's Pods reach one port of some addresses."""
    rule = {"to": to, "ports": [{"port": port, "protocol": "TCP"}]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "podSelector": {"matchLabels": {"app": app}},
            "policyTypes": ["Egress"],
            "egress": [rule],
        },
    }


def _exists(cluster: Kubectl, namespace: str) -> bool:
    return bool(cluster.run("get", "namespace", namespace, "--ignore-not-found", "--output=name"))


def _remove(ground: Ground) -> None:
    """Take away all that the overlay and `volume` make; wait until it is gone."""
    if not ground.own and not (ground.folder / "bin").exists():
        return
    policies = ("validatingadmissionpolicybinding", "validatingadmissionpolicy")
    for kind in policies:
        ground.cluster.run("delete", kind, "claude-sandbox", "--ignore-not-found")
    names = (BOT, SANDBOXES)
    ground.cluster.run("delete", "namespace", *names, "--ignore-not-found", "--timeout=100s")
    if ground.own:
        ground.cluster.run("delete", "pv", "claude-sandbox-logs", "--ignore-not-found")


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
