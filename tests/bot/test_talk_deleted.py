"""Somebody deletes a Run behind the bot's back: it is told once, its card gets its last edit, and nothing else is told so."""

from __future__ import annotations

import contextlib
import gc
import random

import pytest

from runs.backend import Unavailable
from runs.run import Run
from runs.store import LogStore
from tests.bot.talk import Talk
from tests.bot.test_talk_crashes import KILLED, kill, steps

RUN = '/run owner/demo "add a farewell"'
DELETED = "Somebody deleted"


async def begun(talk: Talk) -> Run:
    """Start a Run, and wait for its card and for its Record with the card's number."""
    run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
    await talk.quiet(3)
    record = await LogStore(talk.folder / "logs").read_record(run.id)
    assert record.run.marks.card_id == run.marks.card_id
    return run


def tellings(talk: Talk, run: Run) -> int:
    """Count the messages, without the card, that say that a Run was deleted."""
    return len([message for message in talk.heard(DELETED, run.id) if not message.silent])


def card_of(talk: Talk, run: Run) -> str:
    """Return what stands on the card of a Run."""
    (card,) = [m for m in talk.world.messages(talk.team.id) if m.id == run.marks.card_id]
    return card.text


@pytest.mark.parametrize("up", [True, False])
async def test_a_deleted_run_is_told_once_and_its_card_is_closed_fault_23(
    talk: Talk, up: bool
) -> None:
    async with contextlib.AsyncExitStack() as bots:
        async with talk.bot():
            run = await begun(talk)
            if up:
                talk.place.forget(run.id)
                await talk.until(lambda: tellings(talk, run), "the end")
        talk.place.runs.pop(run.id, None)
        await bots.enter_async_context(talk.bot())
        await talk.until(lambda: tellings(talk, run), "the end")
        await talk.until(lambda: "Failed" in card_of(talk, run), "the card's last edit")
        await talk.quiet(200)
    async with talk.bot():
        await talk.quiet(200)
    assert tellings(talk, run) == 1
    assert (await LogStore(talk.folder / "logs").read_record(run.id)).settled


@KILLED
@pytest.mark.parametrize("seed", range(2))
async def test_a_kill_anywhere_while_a_deletion_is_told_loses_nothing_fault_26(
    talk: Talk, seed: int
) -> None:
    chance = random.Random(seed)
    store = LogStore(talk.folder / "logs")
    repeated = 0
    for _ in range(6):
        async with talk.bot() as task:
            run = await begun(talk)
            talk.place.forget(run.id)
            talk.world.say(talk.ada, talk.team, "/jobs")  # whose list finds it
            await steps(chance.randrange(40, 220))
            await kill(task)
            was_sent = tellings(talk, run)
            was_told = (await store.read_record(run.id)).run.told
        async with talk.bot():
            await talk.until(lambda run=run: tellings(talk, run), "the end")  # type: ignore[misc]  # a default of a lambda
            await talk.until(lambda run=run: "Failed" in card_of(talk, run), "the last edit")  # type: ignore[misc]  # as above
            await talk.quiet(100)
        # A thread of the killed bot may yet have written the mark.
        most = 1 if was_told or not was_sent else 2
        assert 1 <= tellings(talk, run) <= most
        assert (await store.read_record(run.id)).settled
        repeated += most - 1
    assert repeated < 6
    gc.collect()


@pytest.mark.parametrize("method", ["list_runs", "get"])
async def test_a_place_that_is_away_has_lost_nothing_fault_24(talk: Talk, method: str) -> None:
    async with talk.bot():
        run = await begun(talk)
        runs, talk.place.runs = talk.place.runs, {}
        for _ in range(3):
            talk.place.fail_next(Unavailable("away"), method=method)
        await talk.quiet(80)
        talk.place.runs = runs
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.said("Added a farewell.")
    assert not tellings(talk, run)


async def test_another_place_has_lost_nothing_of_this_one(talk: Talk) -> None:
    async with talk.bot():
        run = await begun(talk)
    runs, talk.place.runs, talk.place.name = talk.place.runs, {}, "another namespace"
    async with talk.bot():
        await talk.quiet(200)
    talk.place.runs, talk.place.name = runs, "memory"
    async with talk.bot():
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.said("Added a farewell.")
    assert not tellings(talk, run)


async def test_what_was_told_and_then_removed_is_not_told_again_fault_43(talk: Talk) -> None:
    async with talk.bot():
        run = await begun(talk)
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.told(run)
        await talk.quiet(40)
        talk.world.say(talk.ada, talk.team, f"/clean {run.id}")
        await talk.until(lambda: run.id not in talk.place.runs, "the removal")
        other = await begun(talk)
        talk.place.finish(other.id, report=talk.pushed(other, summary="The other."))
        await talk.told(other)
        # Its time to live passes.
        await talk.until(lambda: other.id not in talk.place.runs, "the removal", seconds=4000)
        await talk.quiet(100)
    async with talk.bot():
        await talk.quiet(100)
    assert not talk.heard(DELETED)
    assert len(talk.heard("Added a farewell.")) == len(talk.heard("The other.")) == 1


async def test_a_deleted_run_stands_in_the_list_until_it_is_told(talk: Talk) -> None:
    async with talk.bot():
        run = await begun(talk)
        talk.world.faults.refuse("sendMessage", 429, "slow down", parameters={"retry_after": 20})
        talk.place.forget(run.id)
        talk.world.say(talk.ada, talk.team, "/jobs")
        await talk.said("1 ended")
        talk.world.say(talk.ada, talk.team, f"/cancel {run.id}")
        await talk.until(lambda: tellings(talk, run), "the end")
        await talk.quiet(100)
        talk.world.say(talk.ada, talk.team, "/jobs")
        await talk.quiet(30)
    assert tellings(talk, run) == 1
