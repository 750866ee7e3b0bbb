"""The sweep: what it does beside looking at all Runs."""

from __future__ import annotations

import os
from pathlib import Path

from bot.watch import KEPT_SECONDS, PRUNE_SECONDS
from runs.backend import Unavailable
from tests.bot.talk import Talk

RUN = '/run owner/demo "add a farewell"'


def write(path: Path, age_seconds: float) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"a log\n")
    written_at = path.stat().st_mtime - age_seconds
    os.utime(path, (written_at, written_at))
    return path


async def test_what_is_older_than_thirty_days_is_looked_for_at_the_start_and_hourly(
    talk: Talk,
) -> None:
    logs = talk.folder / "logs"
    assert KEPT_SECONDS == 30 * 24 * 3600
    old = [
        write(logs / name, KEPT_SECONDS + 60)
        for name in ("aaaaaaaa.json", "aaaaaaaa.log", "aaaaaaaa.postgres.log")
    ]
    young = write(logs / "bbbbbbbb.postgres.log", KEPT_SECONDS - 600)
    async with talk.bot():
        await talk.until(lambda: not any(path.exists() for path in old), "the old are gone")
        later = write(logs / "cccccccc.log", KEPT_SECONDS + 60)
        await talk.quiet(PRUNE_SECONDS / 2)
        assert later.exists()
        await talk.until(lambda: not later.exists(), "it is gone too", seconds=PRUNE_SECONDS)
    assert young.exists()


async def test_what_was_cleaned_is_said_where_the_table_has_to_wait_for_the_next_sweep(
    talk: Talk,
) -> None:
    talk.poll_seconds = 3600.0
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.told(run)
        talk.place.hold("clean")
        talk.world.say(talk.ada, talk.team, f"/clean {run.id}")
        await talk.quiet()
        talk.place.fail_next(Unavailable("away"), method="list_runs")
        talk.place.release("clean")
        await talk.said("Removed 1 run", run.id)
        await talk.quiet()
        assert not talk.heard("doesn't answer right now")
        assert "until the next sweep" in talk.log.text()
