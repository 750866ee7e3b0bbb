"""The bot and the sandboxes as the documents deploy them: their own commands, on a copy of the manifests with our images."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from playground.chats import Chat
from playground.people import Person
from playground.server import start
from playground.world import World
from tests.cluster.images_of_tests import Images
from tests.cluster.kubectl import Kubectl, Object
from tests.parts.git_server import TOKEN, GitServer
from tests.parts.model_fixtures import API_KEY
from tests.parts.ports import free_port

ROOT = Path(__file__).parents[2]
BOT, SANDBOXES = "claude-sandbox-bot", "claude-sandbox"
BOT_TOKEN = "7000000001:AAEonlyForTestsOnlyForTests0123456789"
UID = 12345
"""Any user id: the image is made for 1000."""
LIMIT_SECONDS = 240
NOTHING = "nothing"
"""In the place of an overlay: no deployment."""
_worlds = itertools.count(1)


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

    def world(self) -> tuple[World, Chat, Person]:
        """Make a World whose bot is the deployed one, with its team and Ada in it.

        Its messages get other numbers than those of the Worlds before: Runs are named by them.
        """
        world = World(privacy=False)
        world.state.token = BOT_TOKEN
        ada = world.person("Ada")
        team = world.supergroup("Team", [(ada, "administrator")])
        first = 1000 * next(_worlds)
        while world.state.next_message_id(team) < first:
            pass
        return world, team, ada

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


@dataclass(frozen=True, slots=True)
class Way:
    """A way to deploy: an overlay, where the bot is then, and which document's part has the commands."""

    overlay: str
    bot: str
    document: str
    part: str

    def commands(self) -> str:
        """Return the commands of the document."""
        text = (ROOT / self.document).read_text(encoding="utf-8")
        part = text.partition(f"## {self.part}\n")[2].partition("\n## ")[0]
        (found,) = re.findall(r"^```sh\n(.*?)^```", part, re.M | re.S)
        assert f"kubectl apply -k manifests/overlays/{self.overlay}\n" in found
        return str(found)


WAYS = {
    way.overlay: way
    for way in (
        Way("two-namespaces", BOT, "docs/cluster.md", "By hand"),
        Way("one-namespace", SANDBOXES, "docs/cluster.md", "All in one namespace"),
    )
}


@contextmanager
def deploy(ground: Ground, way: Way) -> Iterator[Deployed]:
    """Deploy as the documents say; take all of it away in the end."""
    cluster = ground.cluster
    bot, sandboxes = cluster.within(way.bot), cluster.within(SANDBOXES)
    there = [name for name in (BOT, SANDBOXES) if exists(cluster, name)]
    assert ground.own or not there, f"{there} are used on this cluster: not for a test to take"
    with GitServer(ground.folder / "git", host=ground.address) as git:
        found = Deployed(ground, bot, sandboxes, git, free_port(ground.address))
        try:
            clear(ground)  # what a test that was killed left
            if ground.own:
                cluster.create(volume(ground.folder, way.bot))
            write_manifests(found, way.overlay)
            asyncio.run(_follow(found, way.commands()))
            yield found
        finally:
            clear(ground)


def write_manifests(found: Deployed, name: str) -> None:
    """Copy the manifests, and set in the copy what an operator sets: images, config, private addresses."""
    ground = found.ground
    shutil.copytree(ROOT / "manifests", ground.folder / "manifests")
    overlay = ground.folder / "manifests" / "overlays" / name
    settings: Object = yaml.safe_load((overlay / "kustomization.yaml").read_text("utf-8"))
    settings["resources"].append("private.json")
    settings |= {
        "images": [our_image(ground)],
        "patches": [*settings.get("patches", []), *patches(ground)],
        "configMapGenerator": [
            merged("claude-sandbox-config", files=["config.yaml"]),
            merged("claude-sandbox-environment", literals=environment(found)),
        ],
    }
    shipped = ground.folder / "manifests" / "base" / "bot" / "config.yaml"
    repo = {"url": found.git.repo_url("small"), "memory": "512Mi", "cpu": "100m", "services": []}
    config = f"{shipped.read_text('utf-8')}repos: {json.dumps({'demo': repo})}\n"
    (overlay / "config.yaml").write_text(config, "utf-8")
    (overlay / "private.json").write_text(json.dumps(private_network(found)), "utf-8")
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(settings), "utf-8")


def environment(found: Deployed) -> list[str]:
    """Return the bot's variables that are other than shipped."""
    ground = found.ground
    return [
        f"CLAUDE_IMAGE={ground.images.sandbox}",
        "SANDBOX_AGENT=scripted",
        "SANDBOX_POLL_SECONDS=1",
        f"TELEGRAM_API_URL=http://{ground.address}:{found.port}",
    ]


def merged(name: str, **more: list[str]) -> Object:
    """Return a generator of kustomize that adds to a shipped ConfigMap of the bot."""
    return {"name": name, "namespace": BOT, "behavior": "merge", **more}


def our_image(ground: Ground) -> Object:
    """Return kustomize's change of the bot's image."""
    name, _, tag = ground.images.bot.rpartition(":")
    return {"name": "landovsky/claude-sandbox-bot", "newName": name, "newTag": tag}


def patches(ground: Ground) -> list[Object]:
    """Return kustomize's patches: which images may run, and a user id that the bot's image doesn't know."""
    ids = {"runAsUser": UID, "runAsGroup": UID, "fsGroup": UID}
    pod = {"spec": {"template": {"spec": {"securityContext": ids}}}}
    images = {"images": ground.images.prefix + "*", "imagesWithKeys": ground.images.foreign}
    allowed = {"data": images}
    return [
        patch("apps/v1", "Deployment", "claude-sandbox-bot", pod),
        patch("v1", "ConfigMap", "claude-sandbox-allowed", allowed),
    ]


def patch(version: str, kind: str, name: str, change: Object) -> Object:
    """Return a patch of kustomize."""
    named = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **change}
    return {"target": {"kind": kind, "name": name}, "patch": json.dumps(named)}


def private_network(found: Deployed) -> Object:
    """Return the policies that a private git server, a private Telegram and this cluster's own API server need."""
    host = {"ipBlock": {"cidr": f"{found.ground.address}/32"}}
    slices = found.ground.cluster.get("endpointslice", "kubernetes")
    nodes = [
        {"ipBlock": {"cidr": f"{address}/32"}}
        for end in slices["endpoints"]
        for address in end["addresses"]
    ]
    git_port = int(found.git.url.rpartition(":")[2])
    items = [
        egress("to-git", (SANDBOXES, "claude-sandbox"), [host], git_port),
        egress("bot-to-git", (BOT, BOT), [host], git_port),
        egress("to-telegram", (BOT, BOT), [host], found.port),
        egress("to-cluster", (BOT, BOT), nodes, slices["ports"][0]["port"]),
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def volume(folder: Path, namespace: str) -> Object:
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
            "claimRef": {"namespace": namespace, "name": "claude-sandbox-logs"},
            "local": {"path": str(path)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [node]}]}},
        },
    }


async def _follow(found: Deployed, commands: str) -> None:
    """Run a document's commands, while Telegram answers: the last one waits for updates to flow."""
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
        await asyncio.to_thread(_run, found, commands, variables)
    finally:
        await server.close()


def _run(found: Deployed, commands: str, variables: Mapping[str, str]) -> None:
    """Run shell commands in the copy, where `kubectl` is the one of the tests."""
    ground, bot = found.ground, found.bot
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
    told = done.stdout + done.stderr
    assert done.returncode == 0, told + bot.run("describe", "pods") + bot.run("get", "events")


def egress(name: str, whose: tuple[str, str], to: list[Object], port: int) -> Object:
    """Return a policy that lets the Pods of a namespace's app reach one port of some addresses."""
    namespace, app = whose
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


def exists(cluster: Kubectl, namespace: str) -> bool:
    return bool(cluster.run("get", "namespace", namespace, "--ignore-not-found", "--output=name"))


def clear(ground: Ground) -> None:
    """Take away all that the overlay and `volume` make; wait until it is gone."""
    if not ground.own and not (ground.folder / "bin").exists():
        return
    kinds = ["validatingadmissionpolicybinding"]
    if not ground.own:
        # Without a binding it does nothing. On our own cluster it stays: seen with 1.37, a policy that is made anew is
        # given the ConfigMap of the time before.
        kinds.append("validatingadmissionpolicy")
    for kind in kinds:
        ground.cluster.run("delete", kind, "claude-sandbox", "--ignore-not-found")
    names = (BOT, SANDBOXES)
    ground.cluster.run("delete", "namespace", *names, "--ignore-not-found", "--timeout=100s")
    if ground.own:
        ground.cluster.run("delete", "pv", "claude-sandbox-logs", "--ignore-not-found")
