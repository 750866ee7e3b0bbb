"""The keys of an installation: from the environment, from what is there, or asked for; each tried at its server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from bot.settings import read
from cli.exits import Failure
from cli.questions import Asker
from cli.screen import Screen
from cli.servers import Bot, check_bot, check_chat, check_forge, check_model, groups_heard
from k8s.installation.finding import Finding, Mark

TOKEN, CHAT, GIT = "TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID", "GITHUB_TOKEN"
MODEL_KEYS = ("CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY")
STORE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
NONE = "none"
"""What GITHUB_TOKEN is set to where there is none, for git over ssh."""
_TRIES = 3
_SIGNS = {Mark.GOOD: "✓", Mark.WARNED: "!", Mark.UNKNOWN: "?", Mark.BAD: "✗"}


def line_of(finding: Finding) -> str:
    """Return a finding as people read it: a sign, what it is, and the next step below."""
    line = f"{_SIGNS[finding.mark]} {finding.name}: {finding.what}"
    return f"{line}\n  ➜ {finding.advice}" if finding.advice else line


def placeholders(asker: Asker) -> dict[str, str]:
    """Return keys without their values, to be shown."""
    model = next((name for name in MODEL_KEYS if asker.given(name)), MODEL_KEYS[0])
    store = [name for name in STORE_KEYS if asker.given(name)]
    git = () if asker.given(GIT) == NONE else (GIT,)
    return {name: name for name in (TOKEN, CHAT, *git, model, *store)}


async def check_git(token: str, api: str) -> Finding:
    """Ask the forge whose token it is, unless it is NONE."""
    if token == NONE:
        return Finding("GitHub token", Mark.WARNED, "none: nothing can be pushed over https")
    return await check_forge(token, api)


@dataclass(slots=True)
class Keys:
    """Collects the keys; `present` are those of an earlier time, `servers` the addresses by their variables."""

    screen: Screen
    asker: Asker
    present: Mapping[str, str] = field(repr=False)
    servers: Mapping[str, str]
    refused: list[str] = field(default_factory=list)

    async def collect(self) -> dict[str, str]:
        """Return all keys. Raises Failure where one is missing or refused, SettingsError for one of a wrong form."""
        if not self.asker.can_ask:
            self._demand_all()
        token, bot = await self._telegram()
        chat = await self._chat(token, bot)
        found = {TOKEN: token, CHAT: chat}
        git = await self._forge()
        if git != NONE:
            found[GIT] = git
        found |= await self._model()
        found |= {name: value for name in STORE_KEYS if (value := self._known(name))}
        if self.refused:
            raise Failure(
                f"Not taken: {', '.join(self.refused)}. Nothing was changed.",
                "Set what is said above, and say claude-sandbox init again.",
            )
        return found

    def _known(self, name: str) -> str:
        installed = self.present.get(name, "").strip()
        if name == GIT and TOKEN in self.present:
            installed = installed or NONE  # said at an earlier time
        return self.asker.given(name) or installed

    def _demand_all(self) -> None:
        missing = [name for name in (TOKEN, CHAT, GIT) if not self._known(name)]
        if not any(map(self._known, MODEL_KEYS)):
            missing.append(" or ".join(MODEL_KEYS))
        if missing:
            raise Failure(
                f"Not set: {', '.join(missing)}; and nobody can be asked here.",
                f"Set them in the environment. {GIT}={NONE} is for git over ssh only.",
            )

    async def _telegram(self) -> tuple[str, Bot | None]:
        bots: list[Bot | None] = [None]

        async def check(token: str) -> Finding:
            _check_form(token, "1")
            finding, bots[0] = await check_bot(token, self._server("TELEGRAM_API_URL"))
            return finding

        token = await self._taken(TOKEN, "The token of your bot, from @BotFather", check)
        return token, bots[0]

    async def _chat(self, token: str, bot: Bot | None) -> str:
        server = self._server("TELEGRAM_API_URL")
        if TOKEN in self.refused:
            return self._known(CHAT)
        if not self._known(CHAT) and self.asker.can_ask:
            groups = await groups_heard(token, server)
            for number, title in groups:
                self.screen.note(f"  {number}  {title}")
            if not groups:
                self.screen.note(
                    "Add the bot to your group and write something there, to see its id."
                )

        async def check(chat: str) -> Finding:
            _check_form(token, chat)
            if bot is None:
                return Finding("Telegram chat", Mark.UNKNOWN, "Telegram couldn't be asked")
            return await check_chat(token, chat, bot, server)

        return await self._taken(CHAT, "The id of your group, such as -1001234567890", check)

    async def _forge(self) -> str:
        async def check(token: str) -> Finding:
            return await check_git(token, self._server("GITHUB_API_URL"))

        return await self._taken(GIT, "The token for git, from GitHub (none: ssh only)", check)

    async def _model(self) -> dict[str, str]:
        given = next((name for name in MODEL_KEYS if self.asker.given(name)), None)
        name = given or next((name for name in MODEL_KEYS if self._known(name)), None)
        names = [name or MODEL_KEYS[0]]

        async def check(key: str) -> Finding:
            if name is None:
                names[0] = MODEL_KEYS["-api" in key]
            url = self._server("ANTHROPIC_BASE_URL")
            return await check_model({names[0]: key}, url)

        key = await self._taken(
            names[0], "The model's key, from claude setup-token or the console", check
        )
        return {names[0]: key}

    def _server(self, variable: str) -> str:
        return self.servers.get(variable, "").rstrip("/")

    async def _taken(
        self, name: str, question: str, check: Callable[[str], Awaitable[Finding]]
    ) -> str:
        """Return a key that its server takes; a person is asked again, a script's refused one is noted."""
        key = self._known(name)
        for _ in range(_TRIES):
            while not key:
                key = self._asked(name, question)
            finding = await check(key)
            (self.screen.note if finding.mark is Mark.BAD else self.screen.say)(line_of(finding))
            if finding.mark is not Mark.BAD:
                return key
            if not self.asker.can_ask:
                break
            key = ""
        self.refused.append(name)
        return key

    def _asked(self, name: str, question: str) -> str:
        words = f"{question} ({name})"
        return self.asker.text(words) if name == CHAT else self.asker.secret(words)


def _check_form(token: str, chat: str) -> None:
    """Raise SettingsError unless the bot itself would take these."""
    read({TOKEN: token, CHAT: chat, "HOME": "/"})
