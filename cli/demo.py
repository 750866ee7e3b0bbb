"""`claude-sandbox demo`: the whole conversation on this machine, without a token, a cluster or a network."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cli.browser import has_browser, open_page
from cli.demo_stage import (
    DemoError,
    Ground,
    Stage,
    bot_log,
    close_stage,
    open_local,
    open_stage,
    shown_branch,
)
from cli.transcript import Transcript, wrapped
from playground.messages import Message
from runs.backend import Backend, BackendError
from runs.outcome import Ending
from runs.run import Run

ENDED_WELL = 0
NOT_WELL = 1
BROKEN = 2
INTERRUPTED = 130
STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Wish:
    """How the demo shall be. `once` is one thing to say, and all of the demo; None opens the chat.

    `port` is the chat page's, 0 for any, None for the usual one or else any; `browser` opens the page in one.
    """

    once: str | None = None
    port: int | None = None
    browser: bool = True


def run_demo(environment: Mapping[str, str], wish: Wish) -> int:
    """Play the demo until Ctrl-C; return the exit code.

    With `once` only one conversation: 0 only if its Run ended well, 1 if it didn't or none was started, 2 if the demo
    itself can't run, 130 after Ctrl-C. Everything is made in a folder of its own, which is removed at the end;
    SANDBOX_STATE names one that stays.
    """
    kept = environment.get("SANDBOX_STATE")
    try:
        folder = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="claude-sandbox-demo-"))
        folder.mkdir(parents=True, exist_ok=True)
        return asyncio.run(_play(folder.resolve(), environment, wish))
    except (DemoError, OSError) as error:
        print(error, file=sys.stderr)
        return BROKEN
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


async def _play(folder: Path, environment: Mapping[str, str], wish: Wish) -> int:
    me = asyncio.current_task()

    def end() -> None:
        print("\nEnding the demo …", file=sys.stderr)
        if me is not None:
            me.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end)
    try:
        async with _open_ground(folder, environment) as ground:
            return await _play_on(ground, folder, environment, wish)
    except asyncio.CancelledError:
        return ENDED_WELL if wish.once is None else INTERRUPTED


def _open_ground(
    folder: Path, environment: Mapping[str, str]
) -> contextlib.AbstractAsyncContextManager[Ground]:
    """Choose where the Runs live by SANDBOX_BACKEND."""
    if environment.get("SANDBOX_BACKEND") != "kubernetes":
        return open_local(folder, environment)
    # Loaded only here: the client takes a second.
    from cli.demo_cluster import open_cluster

    return open_cluster(folder, environment)


async def _play_on(ground: Ground, folder: Path, environment: Mapping[str, str], wish: Wish) -> int:
    stage = None
    try:
        port = 0 if wish.once is not None else wish.port
        stage = await open_stage(folder, environment, ground, port)
        return await _perform(stage, wish, wish.browser and has_browser(environment))
    finally:
        if stage is not None:
            await close_stage(stage)


async def _perform(stage: Stage, wish: Wish, browser: bool) -> int:
    """Play on an open stage, and leave no Run behind."""
    backend = stage.ground.backend
    printing = asyncio.create_task(_print_events(stage))
    try:
        if wish.once is not None:
            return await play_once(stage, wish.once)
        return await _host(stage, browser)
    finally:
        printing.cancel()
        await _stop_runs(backend)
        await backend.close()


async def play_once(stage: Stage, text: str) -> int:
    """Say one thing and wait for what comes of it; return the exit code."""
    print(f"claude-sandbox demo, with everything in\n{stage.folder}\n")
    asked = stage.world.say(stage.you, stage.team, text)
    while True:
        _check_bot(stage)
        # Before the Runs are listed: one that was started, and answered with its card, meanwhile isn't in the list.
        answered = _is_answered(stage, asked)
        runs = await stage.ground.backend.list_runs()
        if runs and all(
            run.told and (run.marks.card_closed or run.marks.card_id is None) for run in runs
        ):
            break
        if answered and not runs:
            print("\nNo task was started.", file=sys.stderr)
            return NOT_WELL
        await asyncio.sleep(stage.ground.look_seconds)
    await asyncio.sleep(0)  # let the last events be printed
    run = runs[-1]
    return _conclusion(stage, run)


def _is_answered(stage: Stage, asked: Message) -> bool:
    replies = (
        message.reply_to_id == asked.id and message.sender == stage.world.bot
        for message in stage.world.messages(stage.team)
    )
    return not stage.world.state.updates.pending() and any(replies)


def _conclusion(stage: Stage, run: Run) -> int:
    """Show what git itself says of the branch; return the exit code."""
    outcome = run.outcome
    report = outcome.report if outcome else None
    if report is not None and report.pushed and report.branch:
        print("\nThe branch, as git shows it:\n")
        room = _terminal_columns()
        for line in shown_branch(stage.ground.remote, report.branch, room).splitlines():
            print(*wrapped(line, room), sep="\n")
    done = outcome is not None and outcome.ended_well and outcome.ending is not Ending.ASKS
    return ENDED_WELL if done else NOT_WELL


async def _host(stage: Stage, browser: bool) -> NoReturn:
    """Say where the chat is, open it, and stay until somebody ends the demo."""
    url = f"{stage.playground.root}/"
    print(f"The chat is at {url} – Ctrl-C here ends it. What is said there:", flush=True)
    if browser:
        open_page(url)
    while True:
        _check_bot(stage)
        await asyncio.sleep(0.2)


async def _print_events(stage: Stage) -> None:
    transcript = Transcript(_terminal_columns())
    async for event in stage.world.follow():
        for line in transcript.lines(event):
            print(line, flush=True)


def _terminal_columns() -> int:
    return shutil.get_terminal_size().columns


def _check_bot(stage: Stage) -> None:
    if stage.bot.returncode is not None:
        raise DemoError(f"The bot ended by itself:\n{bot_log(stage.folder)}")


async def _stop_runs(backend: Backend) -> None:
    """Leave no process behind: stop what runs, and wait for it as long as its delivery may take."""
    with contextlib.suppress(TimeoutError, BackendError):
        async with asyncio.timeout(STOP_SECONDS):
            for run in await backend.list_runs():
                if not run.ended:
                    await backend.cancel(run.id, "the end of the demo")
            while any(not run.ended for run in await backend.list_runs()):  # noqa: ASYNC110 (another process ends them)
                await asyncio.sleep(0.1)
