"""A team's chat with the deployed bot in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from k8s.names import job_name
from playground.chats import Chat
from playground.messages import Message
from playground.people import Person
from playground.server import start
from playground.world import World
from tests.cluster.chat_scene import run_of
from tests.cluster.deployment import Deployed
from tests.cluster.kubectl import KubectlError
from tests.whole.bot_process import until

LIMIT_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Talk:
    """A team's chat with the deployed bot in it."""

    world: World
    team: Chat
    ada: Person
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


@asynccontextmanager
async def talking(deployed: Deployed) -> AsyncIterator[Talk]:
    """Open a new chat; the bot is started anew, since this Telegram counts its updates anew."""
    world, team, ada = deployed.world()
    server = await start(world, port=deployed.port, host=deployed.ground.address)
    try:
        deployed.bot.run("delete", "pod", "--selector=app=claude-sandbox-bot", "--wait=true")
        await until(deployed.ready, "the bot is ready", LIMIT_SECONDS)
        yield Talk(world, team, ada, deployed)
    finally:
        await server.close()
