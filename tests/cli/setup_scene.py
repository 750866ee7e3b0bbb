"""A person with a kubeconfig and keys: an API server in memory, and the playground as Telegram."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from cli.commands.init import HELLO
from cli.main import app
from playground.chats import Chat
from playground.server import start
from playground.world import World
from tests.cli.object_api import ObjectApi, serving
from tests.parts import key_servers
from tests.parts.git_server import GitServer
from tests.parts.key_servers import KeyServer

ROOT = Path(__file__).parents[2]
GIT_TOKEN, MODEL_KEY = "git-key-for-tests", "sk-ant-oat01-for-tests"
LIMIT_SECONDS = 240


@dataclass(frozen=True, slots=True)
class Told:
    code: int
    out: str
    err: str


@dataclass(slots=True)
class Scene:
    """A cluster in memory, a team on Telegram, a forge and a model, and the environment of who installs."""

    api: ObjectApi
    world: World
    team: Chat
    forge: KeyServer
    model: KeyServer
    git: GitServer
    environment: dict[str, str]

    async def started(self, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cli",
            *words,
            cwd=ROOT,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def say(self, *words: str) -> Told:
        """Run the command line in a thread of this process: a process of its own takes seconds to load."""
        async with asyncio.timeout(LIMIT_SECONDS):
            return await asyncio.to_thread(_run, words, self.environment)

    def hellos(self) -> int:
        return [message.text for message in self.world.messages(self.team.id)].count(HELLO)

    def data(self, namespace: str) -> dict[str, str]:
        found = self.api.one("Secret", "claude-sandbox-secrets", namespace)["data"]
        return {name: base64.b64decode(value).decode() for name, value in found.items()}

    def environment_on_cluster(self) -> dict[str, str]:
        """Return the bot's variables."""
        return self.generated("claude-sandbox-environment")

    def generated(self, name: str) -> dict[str, str]:
        """Return the data of the one ConfigMap of this name with any hash."""
        (found,) = (one for one in self.api.names("ConfigMap") if one.startswith(f"{name}-"))
        data: dict[str, str] = self.api.one("ConfigMap", found)["data"]
        return data


def _run(words: tuple[str, ...], environment: dict[str, str]) -> Told:
    out, err = io.StringIO(), io.StringIO()
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            app(list(words), prog_name="claude-sandbox")
    except SystemExit as end:
        return Told(int(end.code or 0), out.getvalue(), err.getvalue())
    finally:
        os.environ.clear()
        os.environ.update(before)
    raise AssertionError("the command has no exit code")


@asynccontextmanager
async def open_scene(tmp_path: Path) -> AsyncIterator[Scene]:
    world = World(privacy=False)
    ada = world.person("Ada")
    team = world.supergroup("Team", [(ada, "administrator")])
    api = ObjectApi()
    async with AsyncExitStack() as stack:
        server = await start(world)
        stack.push_async_callback(server.close)
        forge = stack.enter_context(key_servers.forge(GIT_TOKEN))
        model = stack.enter_context(key_servers.model(MODEL_KEY))
        git = stack.enter_context(GitServer(tmp_path / "git"))
        kubeconfig = await stack.enter_async_context(serving(api, tmp_path))
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "KUBECONFIG": str(kubeconfig),
            "TELEGRAM_API_URL": server.root,
            "TELEGRAM_BOT_TOKEN": server.token,
            "TELEGRAM_CHAT_ID": str(team.id),
            "GITHUB_API_URL": forge.url,
            "GITHUB_TOKEN": GIT_TOKEN,
            "ANTHROPIC_BASE_URL": model.url,
            "CLAUDE_CODE_OAUTH_TOKEN": MODEL_KEY,
            "CLAUDE_IMAGE": "registry.example/team/claude-sandbox:1",
        }
        yield Scene(api, world, team, forge, model, git, environment)
