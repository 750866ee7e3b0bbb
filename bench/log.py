"""What a log of 200 MB, and one line of 50 MB, add to the bot and to the sandbox program."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bench.figure import Figure, at_most
from bench.processes import MEGABYTE, memory_bytes, peak_until_end, sandbox_of
from bench.repo import make_small
from bench.stage import Stage, open_stage
from bench.stand_in import StandIn

BOT_LIMIT_MB = 10
SANDBOX_LIMIT_MB = 20


@dataclass(frozen=True, slots=True)
class _Peaks:
    """The greatest memory in MB: of the sandbox program, of the bot, and of the bot after `/logs 2000`."""

    sandbox: float
    bot: float
    bot_with_logs: float


async def measure(folder: Path) -> list[Figure]:
    """Run with noise and without, each with a bot of its own, and compare the peaks."""
    url = make_small(folder).file_url
    quiet = await _peaks(folder / "quiet", url, "nothing", {})
    noisy = await _peaks(folder / "noisy", url, "nothing, but noise 200", {})
    variables = StandIn.make(folder / "stand-in").variables()
    short = await _peaks(folder / "short", url, "short", variables)
    line = await _peaks(folder / "line", url, "line", variables)
    return [
        _added("a log of 200 MB: bot", quiet.bot, noisy.bot, BOT_LIMIT_MB),
        _added("  and after /logs 2000", quiet.bot_with_logs, noisy.bot_with_logs),
        _added("a log of 200 MB: sandbox program", quiet.sandbox, noisy.sandbox, SANDBOX_LIMIT_MB),
        _added("one line of 50 MB: bot", short.bot, line.bot, BOT_LIMIT_MB),
        _added("one line of 50 MB: sandbox program", short.sandbox, line.sandbox, SANDBOX_LIMIT_MB),
    ]


async def _peaks(folder: Path, url: str, task: str, variables: dict[str, str]) -> _Peaks:
    async with open_stage(folder, url, variables) as stage:
        desk = stage.desks[0]
        looking = asyncio.create_task(_sandbox_peak(stage))
        stage.say(desk, f"/run repo {task}")
        sandbox = await looking
        await stage.told(desk)
        bot = _peak(stage)
        stage.say(desk, "/logs 2000")
        await stage.told(desk, 3)
        return _Peaks(sandbox, bot, _peak(stage))


async def _sandbox_peak(stage: Stage) -> float:
    return await peak_until_end(await sandbox_of(stage.bot.pid)) / MEGABYTE


def _peak(stage: Stage) -> float:
    return (memory_bytes(stage.bot.pid, "VmHWM") or 0) / MEGABYTE


def _added(what: str, without: float, with_it: float, limit: int | None = None) -> Figure:
    detail = f"({without:.0f} → {with_it:.0f})"
    if limit is None:
        return Figure(what, f"{with_it - without:.0f} MB {detail}")
    return at_most(what, with_it - without, limit, "MB", detail)
