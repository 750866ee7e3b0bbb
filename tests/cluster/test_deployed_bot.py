"""The bot as a Pod, deployed by the documents' commands, with a user id that its image doesn't know."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator

import pytest

from k8s.names import job_name
from tests.cluster.chat_scene import run_of
from tests.cluster.deployed_talk import Talk, talking
from tests.cluster.deployment import UID, Deployed
from tests.cluster.kubectl import Kubectl, KubectlError
from tests.parts.git_server import OriginRepo


@pytest.fixture
async def talk(deployed: Deployed) -> AsyncIterator[Talk]:
    """A new chat with the bot."""
    async with talking(deployed) as found:
        yield found


async def test_the_bot_in_its_pod_answers_a_run_and_keeps_its_record(talk: Talk) -> None:
    deployed = talk.deployed
    asked = talk.say('/run demo "do it"')
    told = await talk.told(asked)
    assert "Done" in told.text
    repo = OriginRepo(deployed.git.root / "small.git", "")
    (branch,) = [name for name in repo.branches() if run_of(asked) in name]
    assert branch in told.text
    log = deployed.sandboxes.logs(job_name(run_of(asked)), "claude")
    assert log.index("▶ gate until") < log.index("▶ agent")
    stored = deployed.bot.run(
        "exec",
        deployed.bot_pod(),
        "--",
        "cat",
        f"/var/lib/claude-sandbox/logs/{run_of(asked)}.json",
    )
    assert run_of(asked) in stored
    ids = deployed.bot.run("exec", deployed.bot_pod(), "--", "id", "-u").strip()
    assert ids == str(UID)


def test_the_bots_root_is_read_only_and_its_folders_are_not(deployed: Deployed) -> None:
    pod = deployed.bot_pod()
    for folder in ("/", "/opt/claude-sandbox/source", "/home/sandbox", "/etc/claude-sandbox"):
        with pytest.raises(KubectlError, match="Read-only file system"):
            deployed.bot.run("exec", pod, "--", "touch", f"{folder}/x")
    for folder in ("/tmp", "/var/lib/claude-sandbox"):
        deployed.bot.run("exec", pod, "--", "touch", f"{folder}/x")


async def test_a_rolling_update_in_mid_run_loses_and_doubles_nothing(talk: Talk) -> None:
    deployed = talk.deployed
    slow = talk.say('/run demo "wait 15"')
    await talk.works(slow)
    before = deployed.bot_pod()
    deployed.bot.run("rollout", "restart", "deployment/claude-sandbox-bot")
    late = talk.say('/run demo "do it"')
    await talk.bot_is_another(before)
    assert "Done" in (await talk.told(slow)).text
    assert "Done" in (await talk.told(late)).text
    jobs = {job["metadata"]["name"] for job in deployed.sandboxes.list("jobs")}
    assert jobs >= {job_name(run_of(slow)), job_name(run_of(late))}
    assert not talk.world.state.updates.pending()


def evict(kubectl: Kubectl, pod: str) -> None:
    """Evict a Pod as a drain of its node does. Raises KubectlError where that isn't allowed now."""
    metadata = {"name": pod, "namespace": kubectl.namespace}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    path = f"/api/v1/namespaces/{kubectl.namespace}/pods/{pod}/eviction"
    kubectl.run("create", f"--raw={path}", "--filename=-", given=json.dumps(eviction))


async def test_an_eviction_of_the_bot_loses_nothing_and_none_ends_a_run(talk: Talk) -> None:
    deployed = talk.deployed
    slow = talk.say('/run demo "wait 10"')
    await talk.works(slow)
    before = deployed.bot_pod()
    (running,) = deployed.sandboxes.pods_of(job_name(run_of(slow)))
    with pytest.raises(KubectlError, match="disruption budget"):
        evict(deployed.sandboxes, running["metadata"]["name"])
    evict(deployed.bot, before)
    late = talk.say('/run demo "do it"')
    await talk.bot_is_another(before)
    assert "Done" in (await talk.told(slow)).text
    assert "Done" in (await talk.told(late)).text


@pytest.mark.own_cluster
async def test_a_restart_of_the_node_loses_no_command_and_tells_the_run_that_it_cut(
    talk: Talk,
) -> None:
    deployed = talk.deployed
    cut = talk.say('/run demo "wait 120"')
    await talk.works(cut)
    script = deployed.ground.cluster.command[0]
    await asyncio.to_thread(subprocess.run, [script, "restart-node"], check=True, timeout=120)
    late = talk.say('/run demo "do it"')
    assert "Done" not in (await talk.told(cut)).text
    assert "Done" in (await talk.told(late)).text
    assert len(deployed.sandboxes.pods_of(job_name(run_of(cut)))) == 1
