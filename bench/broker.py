"""What the broker adds: to a clone of 200 MB, and to the first byte of a model's answer."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import statistics
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

from bench.figure import Figure, at_most, spread
from tests.broker.broker_process import BrokerProcess
from tests.parts.git_server import TOKEN, GitServer, OriginRepo, run_git
from tests.parts.messages_api import MessagesApi, say

PAIRS = 3
CALLS = 150
_MEGABYTE = 1 << 20
_HELPER = "!f() { echo username=x-access-token; echo password=$GITHUB_TOKEN; }; f"
_BODY = {"model": "claude-sonnet-5-5", "max_tokens": 99, "stream": True, "messages": []}


async def measure(folder: Path) -> list[Figure]:
    """Clone, and call the model, without and with the broker in turn; compare the medians."""
    return await asyncio.to_thread(_measure, folder)


def _measure(folder: Path) -> list[Figure]:
    with GitServer(folder / "server") as server, MessagesApi([say("Hello.")]) as api:
        repo = server.create("large", {"README.md": "# Large\n"})
        _fill(repo)
        (folder / "broker").mkdir()
        variables = {"REPO_URL": repo.url, "ANTHROPIC_BASE_URL": api.url}
        with BrokerProcess(folder / "broker", variables) as broker:
            broker.state()
            return [*_clones(folder, repo, broker), *_calls(api, broker)]


def _fill(repo: OriginRepo) -> None:
    """Add 200 MB that can't be packed any smaller."""
    # Nothing is tried in vain, neither here nor at a clone: what is measured is the way.
    for name, value in (("pack.window", "0"), ("core.compression", "0")):
        run_git(repo.path, "config", name, value)
    chance = random.Random(7)
    for part in range(10):
        files: dict[str, str | bytes] = {
            f"{part}/{number}": chance.randbytes(_MEGABYTE) for number in range(20)
        }
        repo.commit(files, f"Part {part}")


def _clones(folder: Path, repo: OriginRepo, broker: BrokerProcess) -> list[Figure]:
    """Measure in turn; the first pair only warms up."""
    direct, through = [], []
    for number in range(PAIRS + 1):
        direct.append(_clone(repo.url, folder / f"direct{number}"))
        through.append(_clone(f"{broker.url}/git", folder / f"through{number}"))
    more = statistics.median(b / a for a, b in zip(direct[1:], through[1:], strict=True)) - 1
    return [
        Figure("git clone of 200 MB", spread(direct[1:], "s")),
        Figure("the same through the broker", spread(through[1:], "s")),
        at_most("  more, of pairs", more * 100, 5, "%"),
    ]


def _clone(url: str, target: Path) -> float:
    os.sync()
    started_at = time.monotonic()
    subprocess.run(
        ["git", "-c", f"credential.helper={_HELPER}", "clone", "--quiet", "--bare", url, target],
        env={**os.environ, "GITHUB_TOKEN": TOKEN, "GIT_CONFIG_GLOBAL": os.devnull},
        check=True,
    )
    return time.monotonic() - started_at


def _calls(api: MessagesApi, broker: BrokerProcess) -> list[Figure]:
    direct, through = [], []
    for _ in range(CALLS):
        direct.append(_first_byte(api.url, ""))
        through.append(_first_byte(broker.url, "/model"))
    more = statistics.median(through) - statistics.median(direct)
    return [
        Figure("a model's first byte", spread(direct, "ms")),
        Figure("the same through the broker", spread(through, "ms")),
        at_most("  more", more, 5, "ms"),
    ]


def _first_byte(url: str, path: str) -> float:
    """Return the milliseconds from the opening of the connection to the first byte of an answer's body."""
    parts = urlsplit(url)
    started_at = time.monotonic()
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    connection.request("POST", f"{path}/v1/messages", json.dumps(_BODY))
    response = connection.getresponse()
    response.read(1)
    taken = (time.monotonic() - started_at) * 1000
    response.read()
    connection.close()
    return taken
