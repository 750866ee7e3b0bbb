"""A team's chat on the playground, and the real bot that is in it: what most tests of the whole product begin with."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from playground.chats import Chat
from playground.messages import Message
from playground.people import Person
from playground.server import Playground, start
from playground.world import World
from runs.run import message_key, run_id
from tests.whole.bot_process import LIMIT_SECONDS, BotProcess, end_runs, until


@dataclass(slots=True)
class Scene:
    """One World with its Bot API, and the bots that were started in it. Ada is the team's administrator.

    `variables` is the whole environment of the next bot.
    """

    playground: Playground
    team: Chat
    ada: Person
    folder: Path
    variables: dict[str, str]
    bots: list[BotProcess] = field(default_factory=list)

    @property
    def world(self) -> World:
        """Return the World."""
        return self.playground.world

    @property
    def state(self) -> Path:
        """Return the folder of the local Backend."""
        return self.folder / "state"

    @property
    def store(self) -> Path:
        """Return the log store."""
        return self.state / "logs"

    @property
    def log(self) -> str:
        """Return what all bots have printed."""
        return self.bots[-1].log

    def configure(self, **config: Any) -> None:
        """Write the config of the next bot."""
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        self.variables["SANDBOX_CONFIG"] = str(path)

    def launch(self, *command: str) -> BotProcess:
        """Start a bot without waiting for it, by another command where one is given."""
        log = self.folder / "bot.log"
        bot = (
            BotProcess(self.variables, log, command) if command else BotProcess(self.variables, log)
        )
        self.bots.append(bot)
        return bot

    async def start(self, root: str | None = None) -> BotProcess:
        """Start a bot and wait until it listens; `root` is another way to the Bot API than the direct one."""
        self.variables["TELEGRAM_API_URL"] = root or self.playground.root
        bot = self.launch()
        await until(lambda: self.world.bot_listens or bot.exit_code is not None, "the bot listens")
        assert bot.exit_code is None, bot.log
        return bot

    def say(self, text: str, chat: Chat | None = None) -> Message:
        """Say something as Ada, in the team's chat where no other is given."""
        return self.world.say(self.ada, chat or self.team, text)

    def whisper(self, text: str) -> Message:
        """Say something as Ada in private; Telegram's limits, which the bot keeps, are per chat."""
        return self.say(text, self.world.private(self.ada))

    async def created(self, *texts: str) -> list[Message]:
        """Say commands, each when the Run of the one before it exists."""
        said = []
        for text in texts:
            said.append(self.say(text))
            folder = self.run_folder(said[-1])
            await until(folder.exists, f"a run of {text!r}")
        return said

    def replies(self, asked: Message) -> list[Message]:
        """Return what the bot answered to a message, without the card."""
        return [
            message
            for message in self.world.messages(asked.chat_id)
            if message.sender == self.world.bot
            and message.reply_to_id == asked.id
            and not message.silent
        ]

    def cards(self, asked: Message) -> list[Message]:
        """Return the cards of a `/run`, one if all is well."""
        return [
            message
            for message in self.world.messages(asked.chat_id)
            if message.reply_to_id == asked.id and message.silent
        ]

    def tellings(self, asked: Message) -> list[Message]:
        """Return the messages that tell how the Run of a `/run` ended, alone or in a digest."""
        return [
            message
            for message in self.world.messages(asked.chat_id)
            if message.sender == self.world.bot
            and not message.silent
            and run_of(asked) in message.text
        ]

    async def reply(self, asked: Message, seconds: float = LIMIT_SECONDS) -> str:
        """Wait for the bot's answer and return its text; for a `/run` that is how it ended."""
        await until(lambda: self.replies(asked), f"an answer to {asked.text!r}", seconds)
        return self.replies(asked)[0].text

    async def under_way(self, asked: Message) -> None:
        """Wait until the agent of a `/run` works, and its card is there."""

        def works() -> bool:
            return self.run_file(asked, "report.json").get("phase") == "agent"

        await until(lambda: works() and self.card_is_noted(asked), f"{asked.text!r} is under way")

    async def card_says(self, asked: Message, words: str) -> None:
        """Wait until the one card of a `/run` shows some words."""

        def shown() -> bool:
            return any(words in card.text for card in self.cards(asked))

        await until(shown, f"the card of {asked.text!r} says {words!r}")
        assert len(self.cards(asked)) == 1

    def card_is_noted(self, *all_asked: Message) -> bool:
        """Say whether the Backend knows the cards of these commands."""
        return all(self.run_file(asked, "marks.json").get("card_id") for asked in all_asked)

    async def card_closed(self, asked: Message) -> None:
        """Wait until the card of a `/run`, if there ever was one, shows its end."""

        def closed() -> bool:
            marks = self.run_file(asked, "marks.json")
            return bool(marks.get("card_closed")) or marks.get("card_id") is None

        await until(closed, f"the card of {asked.text!r} is closed")

    def run_folder(self, asked: Message) -> Path:
        """Return where the files of the Run of a `/run` are."""
        return self.state / "runs" / run_of(asked)

    def run_file(self, asked: Message, name: str) -> dict[str, Any]:
        """Return what a file of the Run says, nothing while there is none."""
        try:
            found: dict[str, Any] = json.loads((self.run_folder(asked) / name).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return {}
        return found

    def starts(self, asked: Message) -> int:
        """Count how often the sandbox program was started for the Run of a `/run`."""
        try:
            log = (self.run_folder(asked) / "log").read_text("utf-8", "replace")
        except FileNotFoundError:
            return 0
        return log.count(f"▶ environment run {run_of(asked)}")

    def told(self, asked: Message) -> bool:
        """Say whether the Backend knows that the end was told."""
        return bool(self.run_file(asked, "marks.json").get("told_at"))

    async def acknowledged(self, asked: Message) -> None:
        """Wait until the Backend knows that the end was told; the Record and the log stand by then."""
        await until(lambda: self.told(asked), f"the end of {asked.text!r} is told")

    def let_claims_age(self) -> None:
        """Make all claims a minute older: the bot that holds a younger one might still be sending."""
        for path in self.state.glob("runs/*/marks.json"):
            marks = json.loads(path.read_bytes())
            if marks.get("claimed_at") is not None:
                marks["claimed_at"] -= 60
                path.write_text(json.dumps(marks), encoding="utf-8")

    async def close(self) -> None:
        """End every process, then the Bot API."""
        for bot in self.bots:
            bot.end()
        end_runs(self.state)
        await self.playground.close()


def run_of(asked: Message) -> str:
    """Return the id of the Run that a message asks for."""
    return run_id(message_key(asked.chat_id, asked.id))


@asynccontextmanager
async def open_scene(folder: Path, extra: Mapping[str, str] | None = None) -> AsyncIterator[Scene]:
    """Make a World and what a bot in it needs: the fixed variables, PATH and HOME, and `extra` ones."""
    world = World(privacy=False)
    ada = world.person("Ada")
    team = world.supergroup("Team", [(ada, "administrator")])
    playground = await start(world)
    home = folder / "home"
    home.mkdir()
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TELEGRAM_BOT_TOKEN": world.token,
        "TELEGRAM_CHAT_ID": str(team.id),
        "TELEGRAM_API_URL": playground.root,
        "SANDBOX_BACKEND": "local",
        "SANDBOX_AGENT": "scripted",
        "SANDBOX_STATE": str(folder / "state"),
        **(extra or {}),
    }
    scene = Scene(playground, team, ada, folder, variables)
    try:
        yield scene
    finally:
        await scene.close()
