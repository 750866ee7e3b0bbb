"""Everybody dies by SIGKILL at every moment that matters; the program runs exactly once, and the Run has its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from runs import durable, keeper
from runs.backend import Limits
from runs.local_files import REPORT, RunFolder
from runs.outcome import Ending, Seen
from runs.run import Run, State, run_id
from sandbox.report import Cause
from sandbox.task import to_environment
from tests.runs.contract import LIMIT_SECONDS, ended, origin, reached, start
from tests.runs.local_places import StandInPlace
from tests.runs.small_bot import ORIGIN, TASK

STEPS = 12
"""How many moments of one start `small_bot` can die at."""
KEEPER_STEPS = 14
"""How many moments `dying_keeper` can die at."""
SMALL_BOT = Path(__file__).parent / "small_bot.py"
ROOT = Path(__file__).parent.parent.parent


async def small_bot(
    place: StandInPlace, die_at: int, *keys: str, limit: int = 0
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(SMALL_BOT),
        *(str(place.state), str(place.starts_file), str(die_at), str(limit), *keys),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )


def folder(place: StandInPlace, run: Run) -> RunFolder:
    return RunFolder(place.state / "runs" / run.id)


async def until_started(place: StandInPlace) -> int:
    """Wait until the program runs; return its process id."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not place.starts():
            await asyncio.sleep(0.01)
    return place.starts()[0][1]


def noted(place: StandInPlace, run: Run, name: str) -> int:
    """Return a process id that the keeper wrote down."""
    found = json.loads((folder(place, run).path / keeper.STARTED).read_text())
    return int(found[name])


async def until_gone(process: int) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while Path(f"/proc/{process}").exists() and "Z" not in state_of(process):
            await asyncio.sleep(0.01)


def state_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


async def test_the_table_of_steps_is_complete(place: StandInPlace) -> None:
    bot = await small_bot(place, -1, "key")
    out, _ = await bot.communicate()
    assert (int(out), bot.returncode) == (STEPS, 0)


@pytest.mark.parametrize("step", range(STEPS))
async def test_a_bot_killed_at_any_step_of_a_start_starts_it_once_fault_2_fault_26(
    place: StandInPlace, step: int
) -> None:
    bot = await small_bot(place, step, "key")
    await bot.communicate()
    assert bot.returncode == -signal.SIGKILL
    backend = place.make()
    run = await ended(backend, await backend.start("key", TASK, ORIGIN))
    assert run.outcome is not None
    assert run.outcome.ending is Ending.PUSHED
    await backend.sweep()
    assert [name for name, _ in place.starts()] == [run_id("key")]
    assert len(await backend.list_runs()) == 1


async def test_a_new_bot_goes_on_without_the_message_coming_again_fault_26(
    place: StandInPlace,
) -> None:
    bot = await small_bot(place, STEPS - 2, "key")
    await bot.communicate()
    backend = place.make()
    assert (await backend.list_runs())[0].state is State.RUNNING
    run = await ended(backend, (await backend.list_runs())[0])
    assert run.outcome is not None
    assert run.outcome.ended_well


async def test_a_run_outlives_its_bot_and_is_found_by_the_next_one_fault_26(
    place: StandInPlace,
) -> None:
    first = place.make()
    run = await start(first, place.task("slow"))
    process = await until_started(place)
    await first.close()
    second = place.make()
    assert (await second.get(run.id)).state is State.RUNNING
    await second.sweep()
    await second.cancel(run.id, "Ada")
    run = await ended(second, run)
    assert run.outcome is not None
    assert run.outcome.cause is Cause.CANCELLED
    assert [number for _, number in place.starts()] == [process]


async def test_two_bots_over_one_folder_keep_the_limit_and_start_each_once_fault_27(
    place: StandInPlace,
) -> None:
    keys = [f"key {number}" for number in range(5)]
    bots = [await small_bot(place, -1, *keys, limit=1) for _ in range(2)]
    async with asyncio.timeout(LIMIT_SECONDS):
        for bot in bots:
            await bot.communicate()
            assert bot.returncode == 0
    assert sorted(name for name, _ in place.starts()) == sorted(map(run_id, keys))
    assert not place.starts_file.with_name("starts.beside").exists()


async def test_a_run_whose_program_was_killed_says_so(place: StandInPlace) -> None:
    backend = place.make()
    run = await start(backend, place.task("slow"))
    os.kill(await until_started(place), signal.SIGKILL)
    run = await ended(backend, run)
    assert run.outcome is not None
    assert run.outcome.cause is Seen.KILLED


async def test_a_run_whose_keeper_was_killed_goes_on_and_is_lost_only_then_fault_26(
    place: StandInPlace,
) -> None:
    backend = place.make()
    run = await start(backend, place.task("slow"))
    program = await until_started(place)
    await noted_program(place, run)
    dying = noted(place, run, "keeper")
    os.kill(dying, signal.SIGKILL)
    await until_gone(dying)
    assert (await backend.get(run.id)).state is State.RUNNING
    again = await start(place.make(), place.task("slow"))
    await backend.sweep()
    assert again.state is State.RUNNING
    os.kill(program, signal.SIGKILL)
    lost = await ended(backend, run)
    assert lost.outcome is not None
    assert lost.outcome.cause is Seen.LOST
    await backend.sweep()
    assert await backend.get(run.id) == lost == await start(place.make(), place.task("slow"))
    assert len(place.starts()) == 1


async def test_a_program_without_its_keeper_can_still_be_cancelled_fault_26(
    place: StandInPlace,
) -> None:
    backend = place.make()
    run = await start(backend, place.task("slow"))
    await until_started(place)
    await reached(backend, run, lambda seen: seen.report is not None)
    await noted_program(place, run)
    dying = noted(place, run, "keeper")
    os.kill(dying, signal.SIGKILL)
    await until_gone(dying)
    await backend.cancel(run.id, "Ada")
    run = await ended(backend, run)
    assert run.outcome is not None
    assert (run.outcome.ending, run.outcome.cause) == (Ending.CANCELLED, Seen.LOST)


async def test_a_keeper_killed_before_its_claim_is_replaced_fault_26(place: StandInPlace) -> None:
    old = place.make(Limits(runs=0))
    run = await start(old, place.task("quick"))
    with durable.guarded(folder(place, run).path / keeper.GUARD):
        first = place.make()
        await first.sweep()  # its keeper waits for the guard
        (waiting,) = await keepers(folder(place, run).path)
        os.kill(waiting, signal.SIGKILL)
        await until_gone(waiting)
    assert (await first.get(run.id)).state is State.RUNNING
    second = place.make()
    assert (await ended(second, run)).started_at is not None
    assert len(place.starts()) == 1


async def dying_keeper(place: StandInPlace, run: Run, step: int) -> asyncio.subprocess.Process:
    """Start a keeper that dies at a step; it runs the stand-in as the local Backend would."""
    files = folder(place, run)
    command = [sys.executable, "-I", "-S", str(SMALL_BOT.with_name("stand_in.py"))]
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(SMALL_BOT.with_name("dying_keeper.py")),
        *(str(step), str(files.path), "5", *command),
        env={
            **os.environ,
            **to_environment(run.task, run.id),
            "SANDBOX_REPORT": str(files.path / REPORT),
            "STAND_IN_STARTS": str(place.starts_file),
            "PYTHONPATH": str(ROOT),
        },
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


async def test_the_table_of_a_keepers_steps_is_complete(place: StandInPlace) -> None:
    run = await start(place.make(Limits(runs=0)), place.task("quick"))
    out, _ = await (await dying_keeper(place, run, -1)).communicate()
    assert int(out.splitlines()[-1]) == KEEPER_STEPS


@pytest.mark.parametrize("step", range(KEEPER_STEPS))
async def test_a_keeper_killed_at_any_step_never_runs_it_twice_fault_26(
    place: StandInPlace, step: int
) -> None:
    run = await start(place.make(Limits(runs=0)), place.task("quick"))
    dying = await dying_keeper(place, run, step)
    await dying.communicate()
    assert dying.returncode == -signal.SIGKILL
    backend = place.make()
    run = await ended(backend, run)
    assert run.outcome is not None
    assert run.outcome.cause in (None, Seen.LOST)
    assert len(place.starts()) <= 1
    assert place.starts() or not run.outcome.ended_well


async def test_who_only_watches_starts_nothing_with_keys_it_lacks(place: StandInPlace) -> None:
    watcher = place.make(Limits(runs=0))
    run = await start(watcher, place.task("quick"))
    folder(place, run).admit(5.0)  # and here a bot died
    for _ in range(12):
        await watcher.sweep()
    assert (await watcher.get(run.id)).state is State.RUNNING
    assert not (folder(place, run).path / keeper.STARTED).exists()
    await ended(place.make(), run)
    assert len(place.starts()) == 1


async def test_a_cancel_that_was_only_noted_is_carried_out_by_the_next_sweep_fault_26(
    place: StandInPlace,
) -> None:
    backend = place.make()
    run = await start(backend, place.task("slow"))
    await reached(backend, run, lambda seen: seen.report is not None)
    folder(place, run).cancel("Ada", 5.0)  # and here the bot dies
    run = await ended(place.make(), run)
    assert run.cancelled_by == "Ada"
    assert run.outcome is not None
    assert run.outcome.cause is Cause.CANCELLED


async def test_a_run_cancelled_before_its_keeper_came_never_starts(place: StandInPlace) -> None:
    old = place.make(Limits(runs=0))
    run = await start(old, place.task("quick"))
    files = folder(place, run)
    with durable.guarded(files.path / keeper.GUARD):
        await place.make().sweep()  # its keeper waits for the guard
        (files.path / keeper.CANCEL).write_text('{"by": "Ada", "at": 7}')
    backend = place.make()
    await until_no_keeper(files.path)
    run = await backend.get(run.id)
    assert run.outcome is not None
    assert (run.outcome.ending, run.ended_at) == (Ending.CANCELLED, 7.0)
    assert place.starts() == []


async def test_a_run_that_cannot_be_started_is_given_up_in_the_end(
    place: StandInPlace, caplog: pytest.LogCaptureFixture
) -> None:
    too_much = {f"BIG_{number}": "x" * 100_000 for number in range(60)}
    backend = place.make(environment=too_much)
    run = await backend.start("key", place.task("quick"), origin())
    assert run.state is State.RUNNING
    for _ in range(11):
        await backend.sweep()
    run = await backend.get(run.id)
    assert run.outcome is not None
    assert run.outcome.cause is Seen.NOT_STARTED


def _children_in(path: Path) -> list[int]:
    """Return the keepers of a folder: its processes that have it in their arguments."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = line.read_bytes().split(b"\0")
        except OSError:
            continue
        if os.fsencode(path) in words:
            found.append(int(line.parent.name))
    return found


async def keepers(path: Path) -> list[int]:
    """Wait for a keeper: one that was just started has no arguments yet, since its parent goes on before it is loaded."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not (found := _children_in(path)):
            await asyncio.sleep(0.01)
    return found


async def until_no_keeper(path: Path) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while _children_in(path):
            await asyncio.sleep(0.01)


async def noted_program(place: StandInPlace, run: Run) -> None:
    """Wait until the keeper has written down the program, which it does just after its start."""
    path = folder(place, run).path / keeper.STARTED
    async with asyncio.timeout(LIMIT_SECONDS):
        while "program" not in json.loads(path.read_text()):
            await asyncio.sleep(0.01)
