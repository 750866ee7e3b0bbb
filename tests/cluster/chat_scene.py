"""A team's chat, the real bot's processes that are in it, and the cluster on which they let Runs run."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from k8s.names import job_name
from playground.chats import Chat
from playground.messages import Message
from playground.people import Person
from playground.server import Playground
from playground.world import World
from runs.run import message_key, run_id
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.kubectl import Kubectl, KubectlError
from tests.parts.git_server import TOKEN
from tests.whole.bot_process import BotProcess, until

ROOT = Path(__file__).parents[2]
MARKS = "claude-sandbox/marks"
LIMIT_SECONDS = 300.0
"""Nothing is asserted about time. A card's last edit may have to wait for the next minute's places in a group, and two
bots with one token take each other's."""


@dataclass(slots=True)
class ChatScene:
    """One World and one namespace. `variables` is the whole environment of the next bot, `program` what Python runs."""

    world: World
    team: Chat
    ada: Person
    kubectl: Kubectl
    folder: Path
    variables: dict[str, str]
    program: tuple[str, ...] = ("cli", "bot")
    bots: list[BotProcess] = field(default_factory=list)

    async def start(self, dies_at: str | None = None) -> BotProcess:
        """Start a bot, which dies at a place of dying_cluster_bot if one is given; wait until it listens."""
        module = self.program if dies_at is None else ("tests.cluster.dying_cluster_bot", dies_at)
        log = self.folder / f"bot{len(self.bots)}.log"
        bot = BotProcess(self.variables, log, (sys.executable, "-m", *module))
        self.bots.append(bot)
        known = len(self.world.calls("getMe"))
        await until(
            lambda: len(self.world.calls("getMe")) > known or bot.exit_code is not None,
            "the bot introduces itself",
        )
        assert bot.exit_code is None, bot.log
        return bot

    def say(self, text: str) -> Message:
        """Say something as Ada."""
        return self.world.say(self.ada, self.team, text)

    @property
    def store(self) -> Path:
        """Return the log store."""
        return self.folder / "store"

    def cards(self, asked: Message) -> list[Message]:
        """Return the cards of a `/run`."""
        return [
            message
            for message in self.world.messages(self.team.id)
            if message.reply_to_id == asked.id and message.silent
        ]

    def tellings(self, asked: Message) -> list[Message]:
        """Return the messages that tell how the Run of a `/run` ended."""
        return [
            message
            for message in self.world.messages(self.team.id)
            if message.sender == self.world.bot
            and not message.silent
            and run_of(asked) in message.text
        ]

    def replies(self, asked: Message) -> list[Message]:
        """Return what the bot answered to a message, without the card."""
        return [
            message
            for message in self.world.messages(self.team.id)
            if message.reply_to_id == asked.id and not message.silent
        ]

    def record(self, asked: Message) -> dict[str, Any]:
        """Return the Record of the Run of a `/run`, nothing while there is none."""
        try:
            text = (self.store / f"{run_of(asked)}.json").read_text("utf-8")
        except FileNotFoundError:
            return {}
        found: dict[str, Any] = json.loads(text)
        return found

    def job(self, asked: Message) -> dict[str, Any] | None:
        """Return the Job of a `/run`."""
        try:
            return self.kubectl.get("job", job_name(run_of(asked)))
        except KubectlError:
            return None

    def marks(self, asked: Message) -> dict[str, Any]:
        """Return the bot's marks on the Job of a `/run`, none where there is no Job."""
        job = self.job(asked)
        found: dict[str, Any] = json.loads(job["metadata"]["annotations"][MARKS]) if job else {}
        return found

    async def works(self, asked: Message) -> None:
        """Wait until the agent of a `/run` works, and its card is noted."""
        name = f"job/{job_name(run_of(asked))}"

        def works() -> bool:
            try:
                return "▶ agent" in self.kubectl.run("logs", name, "--container=claude")
            except KubectlError:
                return False

        await until(works, f"the agent of {asked.text!r} works", LIMIT_SECONDS)
        await until(lambda: self.marks(asked).get("card_id"), "the card is noted")

    async def settled(self, asked: Message) -> None:
        """Wait until the Job of a `/run` says that people know its end, from the message and from the card."""

        def settled() -> bool:
            marks = self.marks(asked)
            return bool(marks.get("told_at")) and bool(
                marks.get("card_closed") or not marks.get("card_id")
            )

        await until(settled, f"the end of {asked.text!r} is told", LIMIT_SECONDS)

    def let_claim_age(self, asked: Message) -> None:
        """Make a claim a minute older: the bot that holds a younger one might still be sending."""
        marks = self.marks(asked)
        if marks.get("claimed_at"):
            marks["claimed_at"] -= 60
            text = f"{MARKS}={json.dumps(marks, separators=(',', ':'))}"
            name = job_name(run_of(asked))
            self.kubectl.run("annotate", "--overwrite", "job", name, text)

    def close(self) -> None:
        """End all bots."""
        for bot in self.bots:
            bot.end()


def environment(place: ClusterPlace, world: World, root: str, chat: int) -> dict[str, str]:
    """Return the whole environment of a bot in a chat."""
    config = place.folder / "config.yaml"
    config.write_text(
        f"repos: {{demo: {{url: '{place.repo_url}', memory: 512Mi, cpu: 200m}}}}\ngate: off\n"
    )
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(place.folder),
        "TELEGRAM_BOT_TOKEN": world.token,
        "TELEGRAM_CHAT_ID": str(chat),
        "TELEGRAM_API_URL": root,
        "SANDBOX_BACKEND": "kubernetes",
        "SANDBOX_AGENT": "scripted",
        "SANDBOX_CONFIG": str(config),
        "SANDBOX_NAMESPACE": place.namespace,
        "SANDBOX_LOG_STORE": str(place.folder / "store"),
        "CLAUDE_IMAGE": place.images.sandbox,
        "KUBECONFIG": str(place.kubeconfig),
        "GITHUB_TOKEN": TOKEN,
    }


@contextlib.asynccontextmanager
async def open_chat_scene(
    place: ClusterPlace, playground: Callable[[World], Awaitable[Playground]], kubectl: Kubectl
) -> AsyncIterator[ChatScene]:
    """Make a World whose bots let Runs run in a namespace, and sweep every second; no bot is started yet."""
    world = World(privacy=False)
    ada = world.person("Ada")
    team = world.supergroup("Team", [(ada, "administrator")])
    server = await playground(world)
    more = {"PYTHONPATH": str(ROOT), "SANDBOX_POLL_SECONDS": "1"}
    variables = environment(place, world, server.root, team.id) | more
    scene = ChatScene(world, team, ada, kubectl, place.folder, variables)
    try:
        yield scene
    finally:
        scene.close()


def run_of(asked: Message) -> str:
    """Return the id of the Run that a message asks for."""
    return run_id(message_key(asked.chat_id, asked.id))
