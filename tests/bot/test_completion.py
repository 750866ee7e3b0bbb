"""The completion: what goes into which message, and what is kept before it is told."""

from __future__ import annotations

import pytest

from runs.backend import Unavailable
from runs.outcome import Ending, Exit, Outcome, Seen
from runs.run import Run
from runs.store import LogStore
from sandbox.report import Cause
from tests.bot.talk import Talk

RUN = '/run owner/demo "add a farewell"'


async def several(talk: Talk, count: int) -> list[Run]:
    """Start so many Runs and wait for their cards."""
    asked = [talk.world.say(talk.ada, talk.team, f"/run owner/demo task {n}") for n in range(count)]
    return [await talk.run_of(message) for message in asked]


@pytest.mark.parametrize(("count", "messages"), [(1, 1), (3, 3), (4, 1), (21, 2)])
async def test_many_that_end_at_once_share_a_message(talk: Talk, count: int, messages: int) -> None:
    async with talk.bot():
        runs = await several(talk, count)
    for run in runs:
        talk.place.finish(run.id, report=talk.pushed(run, summary=f"did {run.task.prompt}."))
    # While the flood limit holds back the first, the others gather.
    talk.world.faults.refuse("sendMessage", 429, "slow down", parameters={"retry_after": 30})
    async with talk.bot():
        await talk.until(lambda: all(run.told for run in talk.place.runs.values()), "all told")
    told = talk.heard("did task")
    assert len(told) <= messages
    text = "\n".join(message.text for message in told)
    assert all(text.count(f"did task {number}.") == 1 for number in range(count))


async def test_the_record_and_the_log_are_kept_before_the_end_is_told(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.progress(run.id, log=b"what it printed\n")
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.said("Added a farewell.")
        store = LogStore(talk.folder / "logs")
        assert await store.read_log(run.id) == b"what it printed\n"
        assert (await store.read_record(run.id)).run.ended


async def test_a_log_store_that_takes_nothing_keeps_no_end_from_being_told_fault_30(
    talk: Talk,
) -> None:
    (talk.folder / "logs").write_text("a file where the folder should be")
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.said("Added a farewell.")
        await talk.told(run)
    assert "can't be kept" in talk.log.text()


async def test_a_log_that_could_not_be_kept_is_kept_as_soon_as_it_can_be_fault_30(
    talk: Talk,
) -> None:
    (talk.folder / "logs").write_text("a file where the folder should be")
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.progress(run.id, log=b"what it printed\n")
        talk.place.service_logs[run.id] = {"postgres": b"what that printed\n"}
        talk.place.finish(run.id, Outcome(Ending.FAILED, cause=Cause.API_AUTH, error="401"))
        await talk.told(run)
        (talk.folder / "logs").unlink()
        kept = talk.folder / "logs" / f"{run.id}.postgres.log"
        await talk.until(kept.exists, "the logs are kept")
        assert await LogStore(talk.folder / "logs").read_log(run.id) == b"what it printed\n"
        written = kept.stat().st_mtime_ns
        await talk.quiet(120)
        assert kept.stat().st_mtime_ns == written


async def test_what_could_not_be_kept_is_kept_also_by_a_bot_that_began_later_fault_30(
    talk: Talk,
) -> None:
    (talk.folder / "logs").write_text("a file where the folder should be")
    async with talk.bot():
        runs = await several(talk, 3)
        for run in runs:
            talk.place.progress(run.id, log=b"what it printed\n")
            talk.place.finish(run.id, report=talk.pushed(run))
            await talk.told(run)
        await talk.quiet()
    store = LogStore(talk.folder / "logs")
    async with talk.bot():
        await talk.quiet(60)
        (talk.folder / "logs").unlink()
        for run in runs:
            kept = (talk.folder / "logs" / f"{run.id}.{ending}" for ending in ("log", "json"))
            for path in kept:
                await talk.until(path.exists, path.name)
            assert await store.read_log(run.id) == b"what it printed\n"
            assert (await store.read_record(run.id)).run.told
        written = path.stat().st_mtime_ns
    async with talk.bot():
        await talk.quiet(120)
    assert path.stat().st_mtime_ns == written


async def test_logs_that_cannot_be_read_delay_no_other_end_and_no_answer(talk: Talk) -> None:
    async with talk.bot():
        runs = await several(talk, 6)
        talk.place.hold("read_log")
        for run in runs:
            talk.place.finish(run.id, Outcome(Ending.FAILED, cause=Seen.NO_REPORT))
        began = talk.clock()
        for _ in range(6):
            asked = talk.world.say(talk.ada, talk.team, "/id")
            await talk.until(
                lambda asked=asked: [m for m in talk.heard() if m.reply_to_id == asked.id],  # type: ignore[misc]  # a default of a lambda
                "an answer",
                seconds=20,
            )
            await talk.quiet()
        for run in runs:
            await talk.told(run)
        assert talk.clock() - began < 180
        talk.place.release("read_log")


async def test_the_proof_of_a_failure_is_read_from_the_log_store_when_its_place_is_gone(
    talk: Talk,
) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.progress(run.id, log="│ one\nfatal: no space\n".encode())
        talk.world.faults.refuse("sendMessage", 429, "slow down", parameters={"retry_after": 30})
        talk.place.finish(run.id, Outcome(Ending.FAILED, cause=Seen.NO_REPORT))
        await talk.until(lambda: "asks to wait" in talk.log.text(), "the wait")
        talk.place.logs[run.id] = b""
        talk.place.hold("read_log")
        await talk.said("The run ended without saying how", "fatal: no space")
        talk.place.release("read_log")


async def test_a_log_that_cannot_be_read_keeps_no_end_from_being_told(talk: Talk) -> None:
    async with talk.bot():
        runs = await several(talk, 2)
        talk.place.hold("read_log")
        for run in runs:
            talk.place.finish(run.id, report=talk.pushed(run, summary=f"did {run.task.prompt}."))
        for number in range(2):
            await talk.until(lambda n=number: talk.heard(f"did task {n}."), "the end", seconds=300)  # type: ignore[misc]  # a default of a lambda
        talk.place.release("read_log")


async def test_the_proof_of_a_failure_without_an_error_is_read_from_the_log(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.progress(run.id, log="│ one\nfatal: <no> space & time\n".encode())
        talk.place.finish(run.id, Outcome(Ending.FAILED, cause=Seen.NO_REPORT))
        await talk.said("The run ended without saying how", "fatal: <no> space & time")


async def test_what_an_images_own_program_did_is_shown_by_its_log(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.progress(run.id, log=b"[sandbox] pushed main\n")
        talk.place.finish(run.id, Outcome(Ending.FINISHED, exit=Exit(0)))
        await talk.said("Finished", "own program ended well", "[sandbox] pushed main")


async def test_a_failure_is_proved_by_its_error_and_not_by_the_progress_behind_it(
    talk: Talk,
) -> None:
    progress = "".join(f"│ part {n} of 2000 uploaded to the cache\n" for n in range(2000))
    printed = f"▶ agent claude\n│ $ make\n│ app.c:4:18: error: expected ';'\n{progress}"
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.progress(run.id, log=printed.encode())
        talk.place.finish(
            run.id, Outcome(Ending.FAILED, cause=Cause.DEADLINE, error="the time was over")
        )
        await talk.said("the time was over\n$ make\napp.c:4:18: error: expected ';'")


async def test_a_log_without_a_failure_adds_nothing_to_the_agents_last_words(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.progress(run.id, log="▶ agent claude\n│ I will look around.\n".encode())
        outcome = Outcome(Ending.FAILED, cause=Cause.AGENT_FAILED, error="I give up.")
        talk.place.finish(run.id, outcome)
        await talk.said("I give up.")
    assert not talk.heard("I will look around", "I give up.")


async def test_a_failure_that_its_error_proves_needs_no_log(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.progress(run.id, log=b"fatal: something else\n")
        outcome = Outcome(Ending.FAILED, cause=Cause.API_AUTH, error="401 invalid x-api-key")
        talk.place.finish(run.id, outcome)
        await talk.said("401 invalid x-api-key")
    assert not talk.heard("something else")


async def test_a_run_that_was_removed_before_its_end_was_told_is_told_by_its_record_fault_23(
    talk: Talk,
) -> None:
    async with talk.bot():
        first, second = await several(talk, 2)
        talk.world.faults.refuse("sendMessage", 429, "slow down", parameters={"retry_after": 30})
        talk.place.finish(first.id, report=talk.pushed(first, summary="the first."))
        await talk.until(lambda: "asks to wait" in talk.log.text(), "the wait")
        talk.place.finish(second.id, report=talk.pushed(second, summary="the second."))
        talk.place.forget(first.id)
        await talk.said("the second.")
        await talk.told(second)
        await talk.said("the first.")
        await talk.quiet(120)
    assert len(talk.heard("the first.")) == 1


async def test_an_end_that_another_process_told_meanwhile_is_not_told_again(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.world.faults.refuse("sendMessage", 429, "slow down", parameters={"retry_after": 90})
        run = talk.place.finish(run.id, report=talk.pushed(run))
        await talk.until(lambda: "asks to wait" in talk.log.text(), "the wait")
        async with talk.bot():
            await talk.told(run)
        await talk.quiet(120)
    assert len(talk.heard("Added a farewell.")) == 1


async def test_a_backend_that_is_away_delays_the_end_and_no_more(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        for method in ("get", "mark", "acknowledge", "read_log"):
            for _ in range(3):
                talk.place.fail_next(Unavailable("away"), method=method)
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.said("Added a farewell.")
        await talk.told(run)
        await talk.quiet(70)
    assert len(talk.heard("Added a farewell.")) == 1
