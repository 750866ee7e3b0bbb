"""What the demo plays on: a real project in a bare repository, a chat server on loopback, and the bot's process."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import yaml

from cli.demo_cast import Cast, gather
from playground.chats import Chat
from playground.people import Person
from playground.server import Playground, start
from playground.world import World
from runs import s3_place
from runs.backend import Backend, Limits
from runs.local import LocalBackend
from runs.local_place import LocalPlace

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
    "SANDBOX_LOG_FORMAT",
    "SANDBOX_METRICS",
    "SANDBOX_POLL_SECONDS",
    "SANDBOX_SCRIPTED_PACE",
)
"""What of the caller's environment reaches the demo's bot, and through it the agent."""

BUCKET_KEYS = (*s3_place.VARIABLES, "AWS_CA_BUNDLE")
"""And how the log store is reached, where it is a bucket."""

BOT_START_SECONDS = 20.0
STATE = "state"
"""The folder of the bot's own, and of the Runs on this machine."""

AT_ONCE = 2
"""So few Runs at once, that a third one shows the queue."""

USUAL_PORT = 8180
"""Always the same where it is free, so that a tab finds the demo again after a restart."""


class DemoError(Exception):
    """The demo can't go on; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the demo's Runs live. `remote` is their bare repository, `repo` what the bot's config says of it.

    `variables` are the bot's, `backend` is the demo's own eye on its Runs, worth a look every `look_seconds`.
    """

    remote: Path
    repo: str | Mapping[str, str]
    variables: Mapping[str, str]
    backend: Backend
    look_seconds: float


@dataclass(frozen=True, slots=True)
class Stage:
    """A running demo. `you` speaks in `team`."""

    folder: Path
    world: World
    playground: Playground
    you: Person
    team: Chat
    ground: Ground
    bot: asyncio.subprocess.Process


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what of the caller's environment reaches the demo's bot: no key that it has no use for."""
    store = environment.get("SANDBOX_LOG_STORE", "")
    names = (*KEYS, *BUCKET_KEYS) if store.strip().startswith("s3:") else KEYS
    return {name: environment[name] for name in names if environment.get(name)}


@asynccontextmanager
async def open_local(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Ground]:
    """Make the demo's repository; its Runs are processes of this machine. Raises DemoError."""
    remote = await asyncio.to_thread(make_remote, folder)
    variables = {"SANDBOX_BACKEND": environment.get("SANDBOX_BACKEND") or "local"}
    backend = LocalBackend(LocalPlace(folder / STATE, {}, limits=Limits(runs=0)))
    yield Ground(remote, remote.as_uri(), variables, backend, 0.05)


async def open_stage(
    folder: Path, environment: Mapping[str, str], ground: Ground, port: int | None
) -> Stage:
    """Build everything below an existing folder and wait until the bot listens. Raises DemoError.

    The chat is served on a port of loopback; 0 is any free one, None the usual one or else any.
    """
    world = World(privacy=False)
    cast = gather(world)
    playground = await _serve(world, cast, port)
    config = folder / "config.yaml"
    allowed = {
        "repos": {"demo": ground.repo},
        "people": cast.roles(),
        "limits": {"runs": AT_ONCE},
    }
    config.write_text(yaml.safe_dump(allowed), encoding="utf-8")
    variables = passed_on(environment)
    variables |= {
        "TELEGRAM_BOT_TOKEN": world.token,
        "TELEGRAM_CHAT_ID": str(cast.team.id),
        "TELEGRAM_API_URL": playground.root,
        "SANDBOX_AGENT": environment.get("SANDBOX_AGENT") or "scripted",
        "SANDBOX_CONFIG": str(config),
        "SANDBOX_STATE": str(folder / STATE),
        **ground.variables,
    }
    variables.setdefault("SANDBOX_LOG_STORE", str(folder / "logs"))
    variables.setdefault("SANDBOX_SCRIPTED_PACE", "0.6")
    bot = await _start_bot(folder, variables)
    stage = Stage(folder, world, playground, cast.admin, cast.team, ground, bot)
    try:
        await _until_it_listens(stage)
    except BaseException:  # also when somebody ends the demo in this moment
        await close_stage(stage)
        raise
    return stage


async def _start_bot(folder: Path, variables: Mapping[str, str]) -> asyncio.subprocess.Process:
    with (folder / "bot.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
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


async def _until_it_listens(stage: Stage) -> None:
    try:
        async with asyncio.timeout(BOT_START_SECONDS):
            while not stage.world.calls("getMe"):
                if stage.bot.returncode is not None:
                    raise DemoError(f"The bot ended at once:\n{bot_log(stage.folder)}")
                await asyncio.sleep(0.02)
    except TimeoutError as error:
        raise DemoError(f"The bot didn't start:\n{bot_log(stage.folder)}") from error


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
    if remote.exists():
        # Its runs and its chat would be taken for those of this one.
        raise DemoError(
            f"An earlier demo is kept in {folder}. Remove that folder, or name another one with SANDBOX_STATE."
        )
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
