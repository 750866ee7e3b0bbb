"""`/run` received -> agent process started, against a plain `git clone` of the same repo."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import time
from pathlib import Path

from bench.figure import Figure, at_most, spread
from bench.repo import fill
from bench.stage import Desk, Stage, open_stage, wait_until
from bench.stand_in import StandIn
from tests.parts.git_server import TOKEN, GitServer

PAIRS = 7
_HELPER = "!f() { echo username=x-access-token; echo password=$GITHUB_TOKEN; }; f"


async def measure(folder: Path) -> list[Figure]:
    """Clone and run in turn, over a real git server that asks for a token; compare the medians.

    Also with a tiny repo, where the disk's moods don't hide what the way to the agent takes.
    """
    with GitServer(folder / "server") as server:
        large = server.create("large", {"README.md": "# Large\n"})
        await asyncio.to_thread(fill, large)
        small = server.create("small", {"README.md": "# Small\n"})
        return [
            *await _pairs(folder / "large", large.url, "5,000 files, 200 commits, 30 MB"),
            *await _pairs(folder / "small", small.url, "one file"),
        ]


async def _pairs(folder: Path, url: str, what: str) -> list[Figure]:
    """Measure one repo in turn; the first pair only warms up.

    Nothing is removed on the way: ext4 searches long for an inode where many were freed in the last minutes
    (`recently_deleted` in fs/ext4/ialloc.c), which doubles the time of every clone that follows.
    """
    folder.mkdir()
    stand_in = StandIn.make(folder / "stand-in")
    # Its sweep would empty the trash, which is another run's work, in the middle of this one's time.
    variables = {**stand_in.variables(), "GITHUB_TOKEN": TOKEN, "SANDBOX_POLL_SECONDS": "3600"}
    clones, runs = [], []
    async with open_stage(folder / "bot", url, variables) as stage:
        for number, desk in enumerate(stage.desks[: PAIRS + 1]):
            clones.append(await _clone(url, folder / f"plain{number}"))
            runs.append(await _run(stage, desk, stand_in, f"run{number}"))
    return _compared(what, clones[1:], runs[1:])


async def _clone(url: str, target: Path) -> float:
    """Clone as anybody would; return the seconds."""
    await asyncio.to_thread(os.sync)
    started_at = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *("git", "-c", f"credential.helper={_HELPER}", "clone", "--quiet", url, str(target)),
        env={**os.environ, "GITHUB_TOKEN": TOKEN, "GIT_CONFIG_GLOBAL": os.devnull},
        stdin=subprocess.DEVNULL,
    )
    code = await process.wait()
    taken = time.monotonic() - started_at
    if code != 0:
        raise RuntimeError(f"git clone ended with {code}")
    return taken


async def _run(stage: Stage, desk: Desk, stand_in: StandIn, task: str) -> float:
    """Say `/run`; return the seconds until the agent's process was there."""
    await asyncio.to_thread(os.sync)
    said_at = time.time()
    stage.say(desk, f"/run repo {task}")
    await wait_until(lambda: stand_in.started_at(task) is not None)
    started_at = stand_in.started_at(task)
    assert started_at is not None
    await stage.told(desk)
    return started_at - said_at


def _compared(what: str, clones: list[float], runs: list[float]) -> list[Figure]:
    clone, run = statistics.median(clones), statistics.median(runs)
    over = (run - clone) * 1000
    return [
        Figure(f"plain git clone of {what}", spread(clones, "s")),
        Figure("/run received → agent process started", spread(runs, "s")),
        at_most("  more than the clone", over, 300, "ms", f"(ratio {run / clone:.2f})"),
    ]
