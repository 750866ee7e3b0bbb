"""What a look at the repo adds to a cold `/run`, against `git ls-remote` of the same one."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from pathlib import Path

from bench.figure import Figure, at_most, spread
from bench.repo import fill
from runs.stacks.remote import RemoteStacks
from sandbox.keys import read_keys
from tests.parts.git_server import TOKEN, GitServer

PAIRS = 9
_FILES = {
    "Gemfile": 'ruby "3.3.1"\ngem "pg"\ngem "sidekiq"\n',
    "package.json": '{"dependencies": {"react": "18"}}',
    "docker-compose.yml": "services: {db: {image: postgres:15}, cache: {image: redis:7}}\n",
    "api/go.mod": "module a\ngo 1.22\nrequire github.com/rabbitmq/amqp091-go v1.10.0\n",
}
_HELPER = "!f() { echo username=x-access-token; echo password=$GITHUB_TOKEN; }; f"


async def measure(folder: Path) -> list[Figure]:
    """Ask and look in turn, over a real git server that asks for a token, at a repo of 5,000 files."""
    with GitServer(folder / "server") as server:
        repo = server.create("large", _FILES)
        await asyncio.to_thread(fill, repo)
        keys = read_keys({"GITHUB_TOKEN": TOKEN})
        asked, cold, warm = [], [], []
        for _ in range(PAIRS + 1):
            asked.append(await _ls_remote(repo.url))
            stacks = RemoteStacks(keys, os.environ)
            cold.append(await _look(stacks, repo.url))
            warm.append(await _look(stacks, repo.url))
    added = [look - ask for look, ask in zip(cold[1:], asked[1:], strict=True)]
    return [
        Figure("git ls-remote of a repo of 5,000 files", spread(asked[1:], "s")),
        Figure("a first look at it: language, services, why", spread(cold[1:], "s")),
        at_most("  beyond ls-remote", statistics.median(added), 0.3, "s"),
        Figure("a look when the commit is known", spread(warm[1:], "s")),
    ]


async def _look(stacks: RemoteStacks, url: str) -> float:
    begun = time.monotonic()
    found = await stacks.read(url, None)
    assert [wanted.service for wanted in found.stack.services] == ["postgres", "redis", "rabbitmq"]
    return time.monotonic() - begun


async def _ls_remote(url: str) -> float:
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *("git", "-c", f"credential.helper={_HELPER}", "ls-remote", "--quiet", url, "HEAD"),
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "GITHUB_TOKEN": TOKEN, "GIT_CONFIG_GLOBAL": os.devnull},
    )
    assert await process.wait() == 0
    return time.monotonic() - begun
