"""`claude-sandbox logs`: what a Run printed, as it prints it, and after its Job is gone."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

from bot.log_lines import rows_of
from cli.cluster import Cluster, visit
from cli.exits import Exit, Failure
from cli.log_wish import LogWish
from cli.run_words import state_words, values
from cli.screen import Screen
from cli.watching import LOOK_SECONDS, acknowledged
from cli.where import Chosen, find_where
from k8s.api import MAX_LOG_BYTES
from runs.backend import BackendError, Refused, UnknownRun
from runs.run import Run
from sandbox.words import printable

_LOOKS = 4
"""After the last line of a log its Pod may take some seconds to end."""


def run_logs(environment: dict[str, str], chosen: Chosen, wish: LogWish, screen: Screen) -> Exit:
    """Print a log; without a name that of the newest Run."""
    where = find_where(environment, chosen)
    said = "Stopped."

    async def work(cluster: Cluster) -> Exit:
        try:
            return await shown(cluster)
        except Refused as error:
            if type(error) is not Refused:
                raise
            raise Failure(str(error)) from error  # there is no such service beside it

    async def shown(cluster: Cluster) -> Exit:
        nonlocal said
        run = await cluster.find(wish.run) if wish.run else await _newest(cluster)
        if wish.run is None:
            screen.note(f"Run {run.id}, {state_words(run)}")
        if wish.follows and not run.ended:
            said = f"You don't follow any more; run {run.id} goes on in {where.words}."
            await _end(run, cluster, screen, await _follow(run, wish, cluster, screen))
            return Exit.OK
        lines = await _read(run, wish, cluster)
        for line in lines:
            screen.say(line)
        screen.json({**values(run), "log": lines})
        if not lines:
            screen.note(f"Run {run.id} has printed nothing" + (" yet." if not run.ended else "."))
        elif not run.ended:
            screen.note(f"It goes on: claude-sandbox logs {run.id} -f")
        return Exit.OK

    try:
        return visit(where, work)
    except KeyboardInterrupt:
        screen.interrupted(said)
        return Exit.INTERRUPTED


async def _newest(cluster: Cluster) -> Run:
    runs = await cluster.runs() or sorted(await cluster.kept(), key=lambda run: run.created_at)
    live = [run for run in runs if not run.ended]
    if not runs:
        raise Failure(
            f"There are no runs in {cluster.where.words}.",
            'Start one: claude-sandbox remote "task"',
        )
    return (live or runs)[-1]


async def _follow(run: Run, wish: LogWish, cluster: Cluster, screen: Screen) -> bytes:
    """Print a log as it comes; return it, or as much of its end as is kept of one, where it is the whole of a Run's."""
    heard = bytearray()
    redactor = cluster.redactor
    following = cluster.backend.follow_log(run.id, service=wish.service, tail_lines=wish.tail)
    async with aclosing(following) as printed:
        async for line in printed:
            heard += line + b"\n"
            del heard[:-MAX_LOG_BYTES]
            for shown in redactor.line(printable(line.decode("utf-8", "replace"))):
                _print(shown, screen)
    for shown in redactor.flush():
        _print(shown, screen)
    return bytes(heard) if wish.service is None and wish.tail is None else b""


async def _end(run: Run, cluster: Cluster, screen: Screen, heard: bytes) -> None:
    """Say how a Run ended that was followed to here, and write that down, as for one that is watched."""
    with suppress(BackendError):
        for _ in range(_LOOKS):
            run = await cluster.backend.tend(run.id)
            if run.ended:
                screen.note(f"Run {run.id}: {state_words(run)}")
                await acknowledged(run, cluster, heard)
                return
            await asyncio.sleep(LOOK_SECONDS)


def _print(line: str, screen: Screen) -> None:
    screen.say(line)
    screen.json({"line": line})


async def _read(run: Run, wish: LogWish, cluster: Cluster) -> list[str]:
    """Return the lines of a log: where its Job is, else from the log store."""
    printed: bytes = b""
    away: BackendError | None = None
    with suppress(UnknownRun):
        printed = await cluster.backend.read_log(run.id, service=wish.service)
    if not printed:
        try:
            printed = bytes(await cluster.store.read_log(run.id, service=wish.service))
        except UnknownRun:
            pass
        except BackendError as error:
            away = error
    if away is not None:
        raise away
    lines = rows_of(bytes(cluster.redactor.log(printed)))
    return lines if wish.tail is None else lines[len(lines) - min(wish.tail, len(lines)) :]
