"""The guide's own blocks of kubectl commands, as they stand there, on a run with both of its services."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from k8s.names import job_name
from runs.run import Run
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.kubectl import Kubectl
from tests.parts.guide import commands
from tests.runs.contract import ended, start

CLUSTER_DOCUMENT = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")
KEYS = {
    "GITHUB_TOKEN": "ghp_of_the_guide",
    "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-of-the-guide",
    "ANTHROPIC_API_KEY": "sk-ant-api03-of-the-guide",
}


@dataclass(frozen=True, slots=True)
class Shell:
    """A shell whose kubectl is that of the test's namespace; `words` are put in for what the guide leaves open."""

    folder: Path
    words: dict[str, str]

    def run(self, block: str, only: str = "") -> str:
        """Run a block, or its lines that hold some words; return what was printed. Fails where a line does."""
        script = block.replace("\\\n", " ")
        script = "\n".join(line for line in script.splitlines() if only in line)
        for open_word, word in self.words.items():
            script = script.replace(open_word, word)
        done = subprocess.run(
            ["sh", "-ec", script],
            env={**os.environ, **KEYS, "PATH": f"{self.folder}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, script + done.stdout + done.stderr
        return done.stdout


def shell(kubectl: Kubectl, folder: Path, **words: str) -> Shell:
    """Make the shell, with a program called kubectl before all others."""
    place = [f"--kubeconfig={kubectl.kubeconfig}", f"--namespace={kubectl.namespace}"]
    program = folder / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join([*kubectl.command, *place])} "$@"\n')
    program.chmod(0o755)
    return Shell(
        program.parent, {f"<{name.replace('_', '-')}>": word for name, word in words.items()}
    )


async def at_work(place: ClusterPlace) -> Run:
    """Start a run with PostgreSQL and Redis; return it when its agent works."""
    backend = place.make(image_pull_secrets=("regcred",))
    task = replace(place.task("slow"), services=("postgres", "redis"))
    run = await start(backend, task)

    async def works() -> bool:
        return "▶ agent".encode() in await backend.read_log(run.id)

    while not await works():
        await asyncio.sleep(0.2)
    return run


async def test_every_command_of_the_guide_that_looks_at_a_run_works(
    place: ClusterPlace, kubectl: Kubectl, tmp_path: Path
) -> None:
    async with asyncio.timeout(400):
        run = await at_work(place)
    job = job_name(run.id)
    (pod,) = kubectl.pods_of(job)
    there = shell(kubectl, tmp_path, pod_name=pod["metadata"]["name"], job_name=job)
    following = asyncio.create_task(
        asyncio.to_thread(there.run, commands("View logs"), "kubectl logs -f")
    )
    listed = there.run(commands("List running jobs"))
    assert len(re.findall(rf"^{job}\b", listed, re.M)) == 2
    described = there.run(commands("Check job status"))
    assert "Created pod: " + pod["metadata"]["name"] in described
    limits = there.run(commands("Pod Crashes or OOMKilled"), "Limits")
    assert "Limits:" in limits
    assert "Requests:" in limits
    assert "- name: regcred" in there.run(commands("Image Pull Errors"), "imagePullSecrets")
    assert "Events" in there.run(commands("Image Pull Errors"), "Events")
    assert "Events" in there.run(commands("Jobs Stay Pending"), "kubectl describe")
    assert pod["metadata"]["name"] in there.run(commands("Jobs Stay Pending"), "kubectl get")
    health = there.run(commands("Sidecar Health Issues"))
    assert "accepting connections" in health
    assert "PONG" in health
    backend = place.make()
    await backend.cancel(run.id, "Ada")
    await ended(backend, run)
    assert "▶ agent" in await following


async def test_what_the_guide_counts_stands_in_the_pod(
    place: ClusterPlace, kubectl: Kubectl, tmp_path: Path
) -> None:
    async with asyncio.timeout(400):
        run = await at_work(place)
    (pod,) = kubectl.pods_of(job_name(run.id))
    there = shell(kubectl, tmp_path, pod_name=pod["metadata"]["name"])
    asked = [line for line in commands("Service Detection").splitlines() if "| jq" in line]
    assert len(asked) == 2
    for line in asked:
        found = json.loads(there.run(line.partition(" | ")[0]))
        # Native sidecars are init containers: what the guide counts as containers stands there.
        assert len(found["spec"]["containers"]) == 1
        beside = [each["name"] for each in found["spec"]["initContainers"]]
        assert {"postgres-sidecar", "redis-sidecar"} <= set(beside)
        names = {each["name"]: each.get("value") for each in found["spec"]["containers"][0]["env"]}
        assert names["DATABASE_URL"].startswith("postgres://")
        assert names["REDIS_URL"].startswith("redis://")
    backend = place.make()
    await backend.cancel(run.id, "Ada")
    await ended(backend, run)


def test_the_guides_commands_make_the_secret_and_change_it(
    kubectl: Kubectl, tmp_path: Path
) -> None:
    there = shell(kubectl, tmp_path)
    assert there.run(commands("1. Verify Cluster Access"), "kubectl get nodes")
    assert there.run(commands("1. Verify Cluster Access"), "can-i") == "yes\nyes\n"
    there.run(commands("Secret Not Found"), "kubectl delete")
    assert "claude-sandbox-secrets" in there.run(commands("2. Create Secrets"))
    assert set(keys(kubectl)) == {
        "GITHUB_TOKEN",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "TELEGRAM_BOT_TOKEN",
        "TELEGRAM_CHAT_ID",
    }
    there.run(commands("Option 2: API Key"))
    assert {"ANTHROPIC_API_KEY", "GITHUB_TOKEN"} <= set(keys(kubectl))
    assert "GITHUB_TOKEN" in there.run(commands("Secret Not Found"), "-o yaml")


def test_the_guides_second_change_takes_the_first_ones_keys_away_and_ours_does_not(
    kubectl: Kubectl, tmp_path: Path
) -> None:
    there = shell(kubectl, tmp_path)
    there.run(commands("Option 2: API Key"))
    there.run(commands("Telegram Notifications"))
    assert {"TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"} <= set(keys(kubectl))
    assert "ANTHROPIC_API_KEY" not in keys(kubectl)
    (ours,) = re.findall(r"^(kubectl .* patch secret .*)$", CLUSTER_DOCUMENT, re.M)
    there.run(ours.replace("-n claude-sandbox ", ""))
    assert {"ANTHROPIC_API_KEY", "TELEGRAM_CHAT_ID"} <= set(keys(kubectl))


def keys(kubectl: Kubectl) -> list[str]:
    """Return the keys that the secret has."""
    return list(kubectl.get("secret", "claude-sandbox-secrets").get("data", {}))
