"""The bot as a Pod, deployed by the README's commands, with a user id that its image doesn't know."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from k8s.names import job_name
from playground.messages import Message
from playground.server import start
from playground.world import World
from tests.cluster.chat_scene import run_of
from tests.cluster.deployment import UID, Deployed
from tests.cluster.kubectl import KubectlError
from tests.parts.git_server import OriginRepo
from tests.whole.bot_process import until

LIMIT_SECONDS = 150.0


@dataclass(frozen=True, slots=True)
class Talk:
    """A team's chat with the deployed bot in it."""

    world: World
    team: Any
    ada: Any
    deployed: Deployed

    def say(self, text: str) -> Message:
        return self.world.say(self.ada, self.team, text)

    def tellings(self, asked: Message) -> list[Message]:
        """Return the messages that tell how the Run of a `/run` ended."""
        return [
            message
            for message in self.world.messages(self.team.id)
            if message.sender == self.world.bot
            and not message.silent
            and run_of(asked) in message.text
        ]

    async def told(self, asked: Message) -> Message:
        """Wait for the one message that tells how a Run ended, and until its Job says so."""
        name = job_name(run_of(asked))
        await until(lambda: self.tellings(asked), f"the end of {asked.text!r}", LIMIT_SECONDS)
        await until(lambda: self.status(name) != "running", "the Job says so", LIMIT_SECONDS)
        (message,) = self.tellings(asked)
        return message

    async def works(self, asked: Message) -> None:
        """Wait until the agent of a `/run` works."""

        def works() -> bool:
            try:
                return "▶ agent" in self.deployed.sandboxes.logs(job_name(run_of(asked)), "claude")
            except KubectlError:
                return False

        await until(works, f"the agent of {asked.text!r} works", LIMIT_SECONDS)

    def status(self, job: str) -> str:
        return str(self.deployed.sandboxes.get("job", job)["metadata"]["labels"]["status"])

    async def bot_is_another(self, before: str) -> None:
        """Wait until another Pod is the bot, and updates flow to it."""

        def another() -> bool:
            return self.deployed.ready() and self.deployed.bot_pod() != before

        await until(another, "another Pod is ready", LIMIT_SECONDS)


@pytest.fixture
async def talk(deployed: Deployed) -> AsyncIterator[Talk]:
    """A new chat; the bot is started anew, since this Telegram counts its updates anew."""
    world, team, ada = deployed.world()
    server = await start(world, port=deployed.port, host=deployed.ground.address)
    deployed.bot.run("delete", "pod", "--selector=app=claude-sandbox-bot", "--wait=true")
    await until(deployed.ready, "the bot is ready", LIMIT_SECONDS)
    yield Talk(world, team, ada, deployed)
    await server.close()


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
    assert json.loads(stored)["run_id"] == run_of(asked) if "run_id" in stored else stored
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


async def test_an_eviction_of_the_bot_loses_nothing(talk: Talk) -> None:
    deployed = talk.deployed
    slow = talk.say('/run demo "wait 10"')
    await talk.works(slow)
    before = deployed.bot_pod()
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": before, "namespace": deployed.bot.namespace},
    }
    path = f"/api/v1/namespaces/{deployed.bot.namespace}/pods/{before}/eviction"
    deployed.bot.run("create", f"--raw={path}", "--filename=-", given=json.dumps(eviction))
    late = talk.say('/run demo "do it"')
    await talk.bot_is_another(before)
    assert "Done" in (await talk.told(slow)).text
    assert "Done" in (await talk.told(late)).text
