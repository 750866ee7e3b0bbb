"""`claude-sandbox init` and `uninstall` on the cluster, as a team says them, with stand-ins for the servers of the keys."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from k8s.installation.plan import USUAL_OVERLAY, shipped_config
from playground.chats import Chat
from playground.people import Person
from playground.server import start
from playground.world import World
from tests.cluster.deployment import (
    BOT,
    BOT_TOKEN,
    ROOT,
    SANDBOXES,
    Deployed,
    Ground,
    clear,
    exists,
    private_network,
    volume,
)
from tests.cluster.kubectl import Object
from tests.parts import key_servers
from tests.parts.git_server import TOKEN, GitServer
from tests.parts.model_fixtures import API_KEY
from tests.parts.ports import free_port
from tests.whole.bot_process import until

LIMIT_SECONDS = 400
KEEPER = "claude-sandbox-tests-keeper"
"""A policy that binds nothing. While one with a ConfigMap as its parameters is there, an API server (seen with 1.37) goes
on reading ConfigMaps for the next; see docs/cluster.md."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Installer:
    """A team with a kubeconfig and its tokens; the bot is `deployed` once they have said `init`."""

    deployed: Deployed
    world: World
    team: Chat
    ada: Person
    environment: Mapping[str, str]

    async def say(self, *words: str, **variables: str) -> Told:
        """Run the command line with these words."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cli",
            *words,
            cwd=ROOT,
            env={**self.environment, **variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(LIMIT_SECONDS):
            out, err = await process.communicate()
        return Told(process.returncode or 0, out.decode(), err.decode())

    async def init(self, *words: str, **variables: str) -> Told:
        """Run `init`; open the ways that only this cluster's network needs as soon as there are namespaces."""
        ways = asyncio.create_task(self._open_ways())
        try:
            return await self.say("init", "--yes", *self.options(), *words, **variables)
        finally:
            ways.cancel()
            await asyncio.gather(ways, return_exceptions=True)

    def options(self) -> list[str]:
        images = self.deployed.ground.images
        config = self.deployed.ground.folder / "config.yaml"
        return [
            "--wait=300",
            f"--image={images.sandbox}",
            f"--bot-image={images.bot}",
            f"--config={config}",
        ]

    async def _open_ways(self) -> None:
        cluster = self.deployed.ground.cluster.within("")
        policies = private_network(self.deployed)
        for item in policies["items"]:
            if item["metadata"]["namespace"] == BOT:
                item["metadata"]["namespace"] = self.deployed.bot.namespace
        names = {item["metadata"]["namespace"] for item in policies["items"]}
        await until(lambda: all(exists(cluster, name) for name in names), "namespaces", 120)
        cluster.run("apply", "--filename=-", given=json.dumps(policies))

    def configure(self, overlay: str) -> None:
        """Write the config that an overlay is shipped with, with the team's repository in it."""
        path = self.deployed.ground.folder / "config.yaml"
        _write_config(path, self.deployed.git, shipped_config(overlay))

    def by_kubectl(self, overlay: str) -> None:
        """Apply an overlay as it is shipped."""
        folder = ROOT / "manifests" / "overlays" / overlay
        self.deployed.ground.cluster.within("").run("apply", f"--kustomize={folder}")

    def everything(self) -> set[str]:
        """Return the names of all objects of the cluster but what comes and goes by itself."""
        cluster = self.deployed.ground.cluster.within("")
        kinds = cluster.run("api-resources", "--verbs=list", "--output=name").split()
        wanted = ",".join(
            kind for kind in kinds if not kind.startswith(("events", "leases", "componentstatuses"))
        )
        columns = "KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name"
        rows = cluster.run(
            "get", wanted, "--all-namespaces", "--no-headers", f"--output=custom-columns={columns}"
        )
        lines = {" ".join(row.split()) for row in rows.splitlines()}
        others = (" test-", " claude-sandbox-demo-")  # other tests' own, which may still be going
        return {line for line in lines if not any(each in line for each in others)}


@asynccontextmanager
async def installer(ground: Ground, bot_namespace: str = BOT) -> AsyncIterator[Installer]:
    """Make a team with its servers, on a cluster where nothing of ours is."""
    cluster = ground.cluster
    address = ground.address
    with GitServer(ground.folder / "git", host=address) as git:
        git.create("small", {"README.md": "# Small\n"})
        sandboxes = cluster.within(SANDBOXES)
        found = Deployed(ground, cluster.within(bot_namespace), sandboxes, git, free_port(address))
        world, team, ada = found.world()
        async with AsyncExitStack() as stack:
            forge = stack.enter_context(key_servers.forge(TOKEN, address))
            model = stack.enter_context(key_servers.model(API_KEY, address))
            server = await start(world, port=found.port, host=address)
            stack.push_async_callback(server.close)
            _write_config(ground.folder / "config.yaml", git, shipped_config(USUAL_OVERLAY))
            environment = {
                "PATH": os.environ["PATH"],
                "HOME": str(ground.folder),
                "KUBECONFIG": str(cluster.kubeconfig),
                "TELEGRAM_BOT_TOKEN": BOT_TOKEN,
                "TELEGRAM_CHAT_ID": str(team.id),
                "TELEGRAM_API_URL": f"http://{address}:{found.port}",
                "GITHUB_TOKEN": TOKEN,
                "GITHUB_API_URL": forge.url,
                "ANTHROPIC_API_KEY": API_KEY,
                "ANTHROPIC_BASE_URL": model.url,
                "SANDBOX_AGENT": "scripted",
                "SANDBOX_POLL_SECONDS": "1",
            }
            with _cleared(ground, bot_namespace):
                yield Installer(found, world, team, ada, environment)


def _write_config(path: Path, git: GitServer, shipped: str) -> None:
    repo = {"url": git.repo_url("small"), "memory": "512Mi", "cpu": "100m", "services": []}
    path.write_text(f"{shipped}repos: {json.dumps({'demo': repo})}\n", "utf-8")


@contextmanager
def _cleared(ground: Ground, bot_namespace: str) -> Iterator[None]:
    """Have nothing of ours on the cluster before and afterwards, whatever a test that was killed has left."""
    there = [name for name in (BOT, SANDBOXES) if exists(ground.cluster, name)]
    assert ground.own or not there, f"{there} are used on this cluster: not for a test to take"
    clear(ground)
    if ground.own:
        ground.cluster.run("apply", "--filename=-", given=json.dumps(_keeper()))
        ground.cluster.run(
            "delete", "validatingadmissionpolicy", "claude-sandbox", "--ignore-not-found"
        )
        ground.cluster.create(volume(ground.folder, bot_namespace))
    try:
        yield
    finally:
        clear(ground)


def _keeper() -> Object:
    rule = {
        "apiGroups": ["none.example"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["none"],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": KEEPER},
        "spec": {
            "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "true"}],
        },
    }
