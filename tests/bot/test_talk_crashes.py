"""The bot killed, doubled, held up: nothing is lost, and a message repeats only where the crash fell into its send."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
from dataclasses import replace
from pathlib import Path

import pytest

from runs.backend import Unavailable
from runs.outcome import Ending, Outcome
from runs.run import Run, retry_key, run_id
from runs.store import LogStore
from sandbox.report import Cause, Phase, Report
from tests.bot.fast_time import FastLoop
from tests.bot.talk import Talk, talking

RUN = '/run owner/demo "add a farewell"'


# A process that is killed closes nothing itself; here the loop lives on and its sockets are seen to be left open.
KILLED = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


async def kill(task: asyncio.Task[None]) -> None:
    """End a bot at once, wherever it is."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def steps(count: int) -> None:
    """Let the loop go round so often."""
    for _ in range(count):
        await asyncio.sleep(0)


def count_of(talk: Talk, run: Run, words: str) -> int:
    """Count how often the end of a Run was told."""
    return sum(message.text.count(words) for message in talk.heard(run.id))


async def is_told(talk: Talk, run: Run) -> bool:
    """Say whether the place or the Record of a Run has the told mark; a thread of the killed bot may yet write it."""
    record = await LogStore(talk.folder / "logs").read_record(run.id)
    return talk.place.runs[run.id].told or record.run.told


@KILLED
@pytest.mark.parametrize("seed", range(2))
async def test_a_kill_anywhere_in_a_completion_loses_nothing_fault_26(
    talk: Talk, seed: int
) -> None:
    chance = random.Random(seed)
    repeated = 0
    for number in range(8):
        async with talk.bot() as task:
            run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
            summary = f"Summary {number}."
            talk.place.finish(run.id, report=talk.pushed(run, summary=summary))
            await steps(chance.randrange(10, 90))
            await kill(task)
            was_sent, was_told = count_of(talk, run, summary), await is_told(talk, run)
        async with talk.bot():
            await talk.told(run)
            await talk.until(lambda run=run: talk.place.runs[run.id].marks.card_closed)  # type: ignore[misc]  # a default of a lambda
            await talk.quiet(70)
        most = 1 if was_told or not was_sent else 2
        assert 1 <= count_of(talk, run, summary) <= most
        repeated += most - 1
    assert repeated < 8
    gc.collect()


@KILLED
@pytest.mark.parametrize("seed", range(2))
async def test_a_kill_anywhere_in_a_start_makes_one_run_and_at_most_two_cards_fault_2(
    talk: Talk, seed: int
) -> None:
    chance = random.Random(seed)
    for number in range(8):
        asked = talk.world.say(talk.grace, talk.team, f"/run owner/demo task{number}.")
        async with talk.bot() as task:
            await talk.until(lambda: "is ready" in talk.log.text(), "the start")
            talk.log.records.clear()
            await steps(chance.randrange(0, 60))
            await kill(task)
        async with talk.bot():
            run = await talk.run_of(asked)
            await talk.quiet(40)
        assert talk.place.starts[run.id] == 1
        assert 1 <= len(talk.heard("Running", f"task{number}.")) <= 2
        talk.place.forget(run.id)
    gc.collect()


async def test_a_backend_that_fails_after_writing_a_claim_delays_nothing(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.fail_next(Unavailable("timeout"), method="mark", persisted=True)
        talk.place.fail_next(Unavailable("timeout"), method="acknowledge", persisted=True)
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.until(lambda: talk.place.runs[run.id].told, "the told mark", seconds=10)
        await talk.quiet(70)
    assert len(talk.heard("Added a farewell.")) == 1


async def test_a_backend_that_does_not_answer_holds_up_no_answer(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.hold("get")
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.quiet(20)
        talk.world.say(talk.ada, talk.team, "/id")
        await talk.until(lambda: talk.heard("chat", "you"), "an answer", seconds=20)
        talk.place.release("get")
        await talk.said("Added a farewell.")


async def test_the_young_claim_of_another_bot_is_respected_and_an_old_one_not_fault_27(
    talk: Talk,
) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
    run = talk.place.finish(run.id, report=talk.pushed(run))
    claimed = replace(run.marks, claimed_at=talk.clock())
    talk.place.put(replace(run, marks=claimed, version="77"))
    async with talk.bot():
        await talk.quiet(25)
        assert not talk.heard("Added a farewell.")
        await talk.said("Added a farewell.")
        await talk.told(run)
    assert len(talk.heard("Added a farewell.")) == 1


async def test_two_bots_over_one_place_double_nothing_fault_3_27(talk: Talk) -> None:
    async with talk.bot(), talk.bot():
        runs = []
        for number in range(8):
            asked = talk.world.say(talk.ada, talk.team, f"/run owner/demo task {number}")
            await asyncio.sleep(7)
            runs.append(await talk.run_of(asked))
        for run in runs:
            talk.place.finish(run.id, report=talk.pushed(run, summary=f"did {run.task.prompt}."))
            await asyncio.sleep(1)
        await talk.until(lambda: all(run.told for run in talk.place.runs.values()), "all told")
        await talk.quiet(70)
        for number, run in enumerate(runs):
            assert count_of(talk, run, f"did task {number}.") == 1
            assert talk.place.starts[run.id] == 1
            cards = [message for message in talk.heard() if message.silent]
            assert sum(message.reply_to_id == run.origin.message_id for message in cards) == 1
        conflicts = [line for line in talk.log.text().splitlines() if "another process" in line]
        assert conflicts
        assert len(conflicts) < 20, "stepping down isn't a log flood"


async def test_a_watch_that_says_nothing_is_made_good_by_the_sweep_fault_28(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        # As a connection that is half open: changes, and nobody hears of them.
        deaf = asyncio.Event()
        monkeypatch.setattr(
            type(talk.place), "news", property(lambda _: deaf, lambda *_: None), raising=False
        )
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.until(lambda: talk.heard("Added a farewell."), "the end", seconds=70)
        monkeypatch.undo()
        talk.place.news = asyncio.Event()


async def test_a_sweep_that_hangs_is_left_and_the_next_one_comes_fault_28(talk: Talk) -> None:
    async with talk.bot():
        talk.place.hold("sweep")
        await talk.until(lambda: "the sweep didn't end" in talk.log.text(), "the end of one")
        talk.place.release("sweep")
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.told(run)
        await talk.until(lambda: swept(talk, run), "a sweep that ends", seconds=4000)


def swept(talk: Talk, run: Run) -> bool:
    """Say whether the sweep removed a Run whose time to live is over."""
    return run.id not in talk.place.runs


async def test_a_loop_that_was_blocked_for_a_while_goes_on_and_sweeps_fault_28(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        loop = asyncio.get_running_loop()
        assert isinstance(loop, FastLoop)
        talk.place.fail_next(Unavailable("made good"), method="sweep")
        loop.block(100.0)
        await talk.until(lambda: "made good" in talk.log.text(), "the late sweep", seconds=2)
        talk.place.finish(run.id, report=talk.pushed(run))
        talk.world.say(talk.ada, talk.team, "/jobs")
        await talk.said("1 ended")
        await talk.said("Added a farewell.")


async def test_a_run_that_cannot_be_put_into_words_stops_no_other_fault_31(tmp_path: Path) -> None:
    async with talking(tmp_path, errors=1) as talk:
        async with talk.bot():
            run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
            await talk.quiet()
        poison = replace(run, id="aaaaaaaa", key="poison", marks=replace(run.marks, card_id=None))
        talk.place.put(poison)
        talk.place.logs["aaaaaaaa"] = b""
        talk.place.finish("aaaaaaaa", report=talk.pushed(run, cost_usd="a lot"))
        talk.place.finish(run.id, report=talk.pushed(run))
        async with talk.bot():
            await talk.said("Added a farewell.", run.id)
            await talk.said("aaaaaaaa", "I can't show more here")
            await talk.until(lambda: all(run.told for run in talk.place.runs.values()), "all told")


async def test_a_bug_in_telling_one_end_leaves_it_to_the_next_sweep(tmp_path: Path) -> None:
    async with talking(tmp_path, errors=3) as talk, talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.fail_next(RuntimeError("a bug in reading the log"), method="read_log")
        for _ in ("the card's", "the completion's"):
            talk.place.fail_next(RuntimeError("a bug in marking"), method="mark")
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.until(lambda: talk.heard("Added a farewell."), "the end", seconds=40)
        await talk.told(run)


async def test_a_watch_that_breaks_is_made_anew(tmp_path: Path) -> None:
    async with talking(tmp_path, errors=1) as talk, talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.runs["bbbbbbbb"] = None  # type: ignore[assignment]  # what no place should hand out
        talk.place.progress(run.id)
        await talk.until(lambda: talk.log.errors(), "the complaint")
        del talk.place.runs["bbbbbbbb"]
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.said("Added a farewell.")


async def test_hundreds_that_ended_meanwhile_are_told_in_digests_that_name_each_fault_29(
    talk: Talk,
) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
    failed = Report(run.id, Phase.CLONE, cause=Cause.CLONE_NOT_FOUND)
    for number in range(120):
        letters = "abcdefghij"
        found = "".join(letters[int(digit)] for digit in f"{number:08}")
        name = f"{'a-long-name-of-a-repo/' * 3}{number}"
        task = replace(run.task, repo_name=name, branch="b" * 60)
        other = replace(run, id=found, key=found, task=task)
        talk.place.put(replace(other, marks=replace(run.marks, card_id=None)))
        talk.place.logs[found] = b""
        talk.place.finish(found, Outcome(Ending.FAILED, failed, failed.cause, "gone"))
    talk.place.finish(run.id, report=talk.pushed(run))
    async with talk.bot():
        await talk.until(
            lambda: all(run.told for run in talk.place.runs.values()), "all told", seconds=3600
        )
    text = "\n".join(message.text for message in talk.heard())
    assert all(text.count(found) == 1 for found in talk.place.runs if found != run.id)
    assert len(talk.heard("runs ended")) < 20


@KILLED
async def test_a_retry_that_is_pressed_before_a_crash_is_one_run_after_it_fault_2(
    talk: Talk,
) -> None:
    async with talk.bot() as bot:
        run = await talk.run_of(talk.world.say(talk.grace, talk.team, RUN))
        talk.place.finish(run.id, Outcome(Ending.FAILED, None, Cause.AGENT_FAILED))
        told = await talk.said("The agent failed.", run.id)
        await talk.told(run)
        talk.place.fail_next(asyncio.CancelledError(), persisted=True)  # type: ignore[arg-type]  # a kill, as it is felt
        pressing = asyncio.create_task(talk.world.press(talk.grace, told, "🔁 Retry"))
        again = run_id(retry_key(run.id, 1))
        await talk.until(lambda: again in talk.place.runs, "the retry")
        await kill(bot)
    talk.place.finish(again, Outcome(Ending.FAILED, None, Cause.AGENT_FAILED))
    async with talk.bot():
        await talk.told(talk.place.runs[again])
        await talk.quiet(60)
    pressing.cancel()
    assert set(talk.place.runs) == {run.id, again}
    gc.collect()


@KILLED
async def test_a_crash_before_its_send_loses_no_notice_at_home_fault_2(talk: Talk) -> None:
    private = talk.world.private(talk.grace)
    async with talk.bot() as bot:
        run = await talk.run_of(talk.world.say(talk.grace, private, RUN))
        talk.world.allow_sending(talk.team, False)
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.told(run)
        await talk.until(lambda: "the home chat can't be told" in talk.log.text(), "the refusal")
        await kill(bot)
    talk.world.allow_sending(talk.team, True)
    async with talk.bot():
        await talk.said("asked for in private by Grace", run.id)
        await talk.until(lambda: talk.place.runs[run.id].marks.home_told, "the mark")
    gc.collect()
