"""What the demo plays on: a real project in a bare repository, a chat server on loopback, and the bot's process."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import yaml

from cli.demo_cast import Cast, gather
from playground.chats import Chat
from playground.people import Person
from playground.server import Playground, start
from playground.world import World

KEYS = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "CLAUDE_CODE_MAX_RETRIES",
    "SANDBOX_LOG_STORE",
    "SANDBOX_POLL_SECONDS",
    "SANDBOX_SCRIPTED_PACE",
)
"""What of the caller's environment reaches the demo's bot, and through it the agent."""

BOT_START_SECONDS = 20.0

AT_ONCE = 2
"""So few Runs at once, that a third one shows the queue."""

USUAL_PORT = 8180
"""Always the same where it is free, so that a tab finds the demo again after a restart."""


class DemoError(Exception):
    """The demo can't go on; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A running demo. `you` speaks in `team`; `remote` is the bare repository, `state` the local Backend's folder."""

    folder: Path
    world: World
    playground: Playground
    you: Person
    team: Chat
    remote: Path
    state: Path
    bot: asyncio.subprocess.Process


async def open_stage(folder: Path, environment: Mapping[str, str], port: int | None) -> Stage:
    """Build everything below an existing folder and wait until the bot listens. Raises DemoError.

    The chat is served on a port of loopback; 0 is any free one, None the usual one or else any.
    """
    remote = await asyncio.to_thread(make_remote, folder)
    world = World(privacy=False)
    cast = gather(world)
    you, team = cast.admin, cast.team
    playground = await _serve(world, cast, port)
    config = folder / "config.yaml"
    allowed = {
        "repos": {"demo": remote.as_uri()},
        "people": cast.roles(),
        "limits": {"runs": AT_ONCE},
    }
    config.write_text(yaml.safe_dump(allowed), encoding="utf-8")
    state = folder / "state"
    variables = {name: environment[name] for name in KEYS if environment.get(name)}
    variables |= {
        "TELEGRAM_BOT_TOKEN": world.token,
        "TELEGRAM_CHAT_ID": str(team.id),
        "TELEGRAM_API_URL": playground.root,
        "SANDBOX_BACKEND": "local",
        "SANDBOX_AGENT": environment.get("SANDBOX_AGENT") or "scripted",
        "SANDBOX_CONFIG": str(config),
        "SANDBOX_STATE": str(state),
    }
    variables.setdefault("SANDBOX_LOG_STORE", str(folder / "logs"))
    variables.setdefault("SANDBOX_SCRIPTED_PACE", "0.6")
    with (folder / "bot.log").open("wb") as log:
        bot = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cli",
            "bot",
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,  # Ctrl-C ends the demo, and the demo the bot
        )
    stage = Stage(folder, world, playground, you, team, remote, state, bot)
    try:
        async with asyncio.timeout(BOT_START_SECONDS):
            while not world.calls("getMe"):
                if bot.returncode is not None:
                    raise DemoError(f"The bot ended at once:\n{bot_log(folder)}")
                await asyncio.sleep(0.02)
    except BaseException as error:  # also when somebody ends the demo in this moment
        await close_stage(stage)
        if isinstance(error, TimeoutError):
            raise DemoError(f"The bot didn't start:\n{bot_log(folder)}") from error
        raise
    return stage


async def _serve(world: World, cast: Cast, port: int | None) -> Playground:
    try:
        return await start(world, USUAL_PORT if port is None else port, welcome=cast.welcome())
    except OSError as error:
        if port is None and error.errno == errno.EADDRINUSE:
            return await _serve(world, cast, 0)
        why = "is in use" if error.errno == errno.EADDRINUSE else f"can't be used ({error})"
        raise DemoError(
            f"Port {port} {why}. Choose another one with --port, or 0 for any that is free."
        ) from error


async def close_stage(stage: Stage) -> None:
    """End the bot, then the chat server."""
    if stage.bot.returncode is None:
        stage.bot.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(stage.bot.wait(), 15)
        except TimeoutError:
            stage.bot.kill()
            await stage.bot.wait()
    await stage.playground.close()


def make_remote(folder: Path) -> Path:
    """Make the demo project's bare repository; return its path. Raises DemoError."""
    project, remote = folder / "project", folder / "demo.git"
    with resources.as_file(resources.files("cli") / "demo_project") as source:
        shutil.copytree(source, project, ignore=shutil.ignore_patterns("__pycache__"))
    for arguments in (
        ["init", "--quiet", "--initial-branch=main", str(project)],
        ["-C", str(project), "add", "--all"],
        ["-C", str(project), "commit", "--quiet", "--message", "Greet people"],
        ["clone", "--quiet", "--bare", str(project), str(remote)],
    ):
        _git(arguments)
    shutil.rmtree(project)
    return remote


def shown_branch(remote: Path, branch: str, columns: int) -> str:
    """Return git's own account of a branch in the bare repository, as the proof that it is there; its table has `columns`."""
    show = ["log", f"--stat={max(30, min(columns, 80))}", "--format=%h %s", f"main..{branch}"]
    return _git(["--git-dir", str(remote), *show])


def bot_log(folder: Path) -> str:
    """Return the last lines of the bot's log."""
    try:
        text = (folder / "bot.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-15:])


def _git(arguments: list[str]) -> str:
    identity = {
        "GIT_AUTHOR_NAME": "Demo",
        "GIT_AUTHOR_EMAIL": "demo@example.com",
        "GIT_COMMITTER_NAME": "Demo",
        "GIT_COMMITTER_EMAIL": "demo@example.com",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **identity}
    try:
        done = subprocess.run(
            ["git", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    except FileNotFoundError as error:
        raise DemoError(
            "git is missing. Install it, for example with: sudo apt-get install git"
        ) from error
    except subprocess.CalledProcessError as error:
        raise DemoError(f"git failed: {error.stderr.strip()}") from error
    return done.stdout
