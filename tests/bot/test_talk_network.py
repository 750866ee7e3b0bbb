"""What the network and Telegram do wrong: every end is told, no command is lost, and nothing is hammered."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.intake import TokenRefusedError
from playground.flood import FloodLimits
from runs.backend import Limits
from runs.run import Run
from tests.bot.talk import Talk, talking

RUN = '/run owner/demo "add a farewell"'
GARBAGE = {
    "a proxy's page": (502, b"<html><h1>502 Bad Gateway</h1></html>", "text/html"),
    "a page with a good status": (200, b"<html>sign in</html>", "text/html"),
    "half an answer": (200, b'{"ok":true,"result":[{"upda', "application/json"),
    "a list": (200, b"[]", "application/json"),
    "a number": (200, b"7", "application/json"),
    "nothing": (200, b"", "application/json"),
    "no result": (200, b'{"ok":true}', "application/json"),
    "not UTF-8": (200, b'{"ok":true,"result":"\xff\xfe"', "application/json"),
    "deep nesting": (200, b"[" * 100_000, "application/json"),
    "an error without words": (500, b'{"ok":false}', "application/json"),
    "an error that is a list": (500, b"[1]", "application/json"),
}


async def ended(talk: Talk, **changes: object) -> Run:
    """Start a Run, wait for its card, and end it."""
    run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
    talk.place.finish(run.id, report=talk.pushed(run, **changes))
    return run


@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_from_the_network_loses_nothing_fault_6(talk: Talk, name: str) -> None:
    status, body, kind = GARBAGE[name]
    async with talk.bot():
        talk.world.faults.answer("getUpdates", status, body, content_type=kind, times=2)
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.world.faults.answer("sendMessage", status, body, content_type=kind, times=2)
        talk.world.faults.answer("editMessageText", status, body, content_type=kind)
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.said("Added a farewell.")
        await talk.told(run)
        await talk.until(lambda: talk.place.runs[run.id].marks.card_closed, "the card's end")
    assert len(talk.heard("Added a farewell.")) == 1
    assert "sign in" not in talk.log.text()


async def test_an_update_that_cannot_be_read_keeps_no_other_out(tmp_path: Path) -> None:
    async with talking(tmp_path, errors=1) as talk:
        talk.world.state.updates.add("message", {"message_id": "garbage", "date": []})
        talk.world.say(talk.ada, talk.team, RUN)
        async with talk.bot():
            await talk.one_run()
            await talk.said("Running")
            await talk.until(lambda: not talk.world.state.updates.pending(), "all confirmed")
            assert len(talk.world.calls("getUpdates")) < 20


async def test_a_flood_wait_in_the_group_leaves_a_private_chat_alone_fault_4(talk: Talk) -> None:
    private = talk.world.private(talk.grace)
    loop = asyncio.get_running_loop()
    for wait in (1, 30, 3600):
        async with talk.bot():
            hers = await talk.run_of(talk.world.say(talk.grace, private, RUN))
            run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
            talk.world.faults.refuse(
                "sendMessage", 429, "Too Many Requests", parameters={"retry_after": wait}
            )
            summary = f"Waited {wait} s."
            talk.place.finish(run.id, report=talk.pushed(run, summary=summary))
            await talk.until(lambda: "asks to wait" in talk.log.text(), "the wait")
            begun = loop.time()
            talk.place.finish(hers.id, report=talk.pushed(hers))
            await talk.said("Added a farewell.", hers.id, chat=private.id)
            assert loop.time() - begun < 1 + wait / 2
            await talk.until(lambda text=summary: talk.heard(text), summary, seconds=wait + 60)  # type: ignore[misc]  # a default of a lambda
            assert loop.time() - begun >= wait - 1
            await talk.told(run)
        talk.log.records.clear()


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_completion_whose_send_breaks_off_comes_at_least_once_fault_5(
    talk: Talk, after_effect: bool
) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.world.faults.drop("sendMessage", after_effect=after_effect)
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.told(run)
        await talk.quiet(60)
    assert len(talk.heard("Added a farewell.")) == 1 + after_effect


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_card_whose_send_breaks_off_stands_there_at_most_twice_fault_5(
    talk: Talk, after_effect: bool
) -> None:
    async with talk.bot():
        talk.world.faults.drop("sendMessage", after_effect=after_effect)
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        await talk.quiet(60)
        assert len(talk.heard("Running")) == 1 + after_effect
        assert talk.heard("Running")[-1].id == run.marks.card_id


async def test_a_message_that_hangs_is_given_up_and_sent_again_fault_5(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.world.faults.hang("sendMessage", 600)
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.until(lambda: talk.heard("Added a farewell."), "the end", seconds=60)
        await talk.told(run)


async def test_a_poll_that_hangs_for_ten_minutes_is_left_after_one_fault_7(talk: Talk) -> None:
    talk.world.faults.hang("getUpdates", 600)
    talk.world.say(talk.ada, talk.team, RUN)
    async with talk.bot():
        await talk.until(lambda: talk.place.runs, "the run", seconds=60)


async def test_telegram_may_be_away_at_the_start(talk: Talk) -> None:
    talk.world.faults.refuse("getMe", 502, "Bad Gateway", times=2)
    talk.world.faults.drop("getMe", after_effect=False, times=2)
    talk.world.faults.answer("getMe", 200, b"<html>", content_type="text/html")
    talk.world.say(talk.ada, talk.team, RUN)
    async with talk.bot():
        await talk.one_run()
        await talk.said("Running")


async def test_a_bot_that_is_stopped_while_telegram_is_away_ends(talk: Talk) -> None:
    talk.world.faults.drop("getMe", after_effect=False, times=1000)
    async with talk.bot() as serving:
        await talk.until(lambda: "doesn't answer yet" in talk.log.text(), "the first try")
    await serving


async def test_a_wrong_token_ends_the_bot_fault_11(talk: Talk) -> None:
    talk.token = "1234567890:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    async with talk.bot() as serving:
        with pytest.raises(TokenRefusedError) as refused:
            await asyncio.wait_for(serving, 30)
    assert talk.token not in str(refused.value)


async def test_a_token_revoked_in_flight_ends_the_bot_and_loses_nothing_fault_11(
    talk: Talk,
) -> None:
    async with talk.bot() as serving:
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.world.revoke_token()
        talk.place.finish(run.id, report=talk.pushed(run))
        talk.world.say(talk.ada, talk.team, "/run owner/demo another")
        with pytest.raises(TokenRefusedError):
            await asyncio.wait_for(serving, 60)
    assert not talk.place.runs[run.id].told
    talk.world.restore_token()
    async with talk.bot():
        await talk.said("Added a farewell.")
        await talk.until(lambda: len(talk.place.runs) == 2, "the other run")


async def test_what_is_being_sent_at_the_end_is_sent_and_marked_fault_25(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.hold("acknowledge")
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.said("Added a farewell.")
        asyncio.get_running_loop().call_later(2.0, talk.place.release, "acknowledge")
    assert talk.place.runs[run.id].told
    async with talk.bot():
        await talk.quiet(120)
    assert len(talk.heard("Added a farewell.")) == 1


async def test_a_flood_of_commands_is_answered_within_the_limits_and_all_is_told_fault_44(
    tmp_path: Path,
) -> None:
    async with talking(tmp_path) as talk:
        talk.world.limit(FloodLimits())
        talk.place.limits = Limits(runs=2)
        async with talk.bot():
            for number in range(200):
                talk.world.say(talk.grace, talk.team, f"/run owner/demo task {number}")
                await asyncio.sleep(0.05)
            asked = talk.world.say(talk.ada, talk.team, "/run owner/demo hers")
            await talk.until(lambda: talk.heard("runs waiting already"), "a refusal")
            await talk.until(
                lambda: any(run.origin.message_id == asked.id for run in talk.place.runs.values()),
                "another person's run",
            )
            graces = [r for r in talk.place.runs.values() if r.origin.person_id == talk.grace.id]
            assert [run.task.prompt for run in graces] == [f"task {n}" for n in range(22)]
            while open_runs := [run for run in talk.place.runs.values() if not run.ended]:
                for run in open_runs:
                    if run.state.value == "running":
                        summary = f"did {run.task.prompt}."
                        talk.place.finish(run.id, report=talk.pushed(run, summary=summary))
                await asyncio.sleep(30)
            assert talk.heard("did "), "refusals don't keep ends from being told"
            await talk.until(
                lambda: all(run.told for run in talk.place.runs.values()), "all told", seconds=3600
            )
            marked = [m for m in talk.world.messages(talk.team) if "👎" in m.reactions.values()]
            assert len(talk.heard("runs waiting already")) == 1
            assert len(marked) == 177, "all others that start nothing have their mark"
            text = "\n".join(message.text for message in talk.heard("did "))
            assert all(f"did task {number}." in text for number in range(22))
        refused = [call for call in talk.world.calls() if call.status == 429]
        assert len(refused) <= 5


async def test_the_pulse_beats_with_each_good_answer_and_with_no_other(talk: Talk) -> None:
    pulse = talk.settings.state_folder / "pulse"
    talk.world.faults.answer("getUpdates", 502, b"<html>", times=3)
    async with talk.bot():
        await talk.until(lambda: len(talk.world.calls("getUpdates")) >= 3, "three bad answers")
        assert not pulse.exists()
        await talk.until(pulse.exists, "a beat")


async def test_a_pulse_that_cannot_be_written_keeps_no_update_out_fault_30(talk: Talk) -> None:
    talk.settings.state_folder.write_text("a file where the folder would be")
    async with talk.bot():
        await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        await talk.until(lambda: not talk.world.state.updates.pending(), "all confirmed")
    assert talk.log.text().count("the pulse can't be written") == 1
