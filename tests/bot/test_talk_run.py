"""The main path of the chat, from /run to the message that tells the end."""

from __future__ import annotations

from pathlib import Path

from runs.backend import Unavailable
from runs.outcome import Ending, Outcome
from runs.run import State
from sandbox.report import Cause, Phase, Report, Verdict
from tests.bot.talk import Talk, talking

RUN = '/run owner/demo "add a farewell"'


async def test_a_run_is_started_shown_and_told(talk: Talk) -> None:
    async with talk.bot():
        asked = talk.world.say(talk.ada, talk.team, RUN)
        run = await talk.one_run()
        assert run.task.prompt == "add a farewell"
        assert run.task.repo_url == "https://github.com/owner/demo.git"
        assert (run.origin.chat_id, run.origin.message_id) == (talk.team.id, asked.id)
        card = await talk.said("Running", "owner/demo", "add a farewell")
        assert card.button("⏹ Stop") is not None
        await talk.until(lambda: talk.place.runs[run.id].marks.card_id == card.id, "the card's id")
        talk.place.finish(run.id, report=talk.pushed(run, turns=3, cost_usd=0.1234, model="opus"))
        done = await talk.said(
            "Done", "Added a farewell.", "2 files +41 −7", "$0.12 · 3 turns · opus"
        )
        assert f"claude/{run.id}-x" in done.text
        assert done.reply_to_id == asked.id
        await talk.until(lambda: talk.place.runs[run.id].told, "the told mark")
        await talk.until(lambda: talk.place.runs[run.id].marks.card_closed, "the closed card")
        closed = talk.world.message(talk.team, card.id)
        assert closed is not None
        assert closed.keyboard == ()
        assert "Done" in closed.text
    assert len(talk.heard("Added a farewell.")) == 1
    assert [record for record in (talk.folder / "logs").iterdir() if run.id in record.name]


async def test_the_card_shows_the_phase_and_the_last_step(talk: Talk) -> None:
    async with talk.bot():
        talk.world.say(talk.ada, talk.team, RUN)
        run = await talk.one_run()
        talk.place.progress(run.id, Report(run.id, Phase.AGENT), "▶ agent\n│ $ pytest\n".encode())
        await talk.said("the agent is working", "$ pytest")


async def test_a_failure_is_told_with_its_reason_its_lines_and_the_next_step(talk: Talk) -> None:
    async with talk.bot():
        talk.world.say(talk.ada, talk.team, RUN)
        run = await talk.one_run()
        failed = Report(
            run.id,
            Phase.CLONE,
            Verdict.FAILED,
            cause=Cause.CLONE_BRANCH,
            error="fatal: Remote branch nope not found in upstream origin",
        )
        talk.place.finish(run.id, Outcome(Ending.FAILED, failed, failed.cause, failed.error))
        told = await talk.said("Failed", "There is no branch", "Remote branch nope not found", "➜")
        assert any(entity.type == "pre" for entity in told.entities)


async def test_the_same_update_again_starts_nothing_and_says_nothing_twice_fault_1(
    talk: Talk,
) -> None:
    talk.world.say(talk.ada, talk.team, RUN)
    update = talk.world.state.updates.pending()[-1]
    async with talk.bot():
        run = await talk.one_run()
        await talk.said("Running")
        await talk.until(lambda: talk.place.runs[run.id].marks.card_id, "the card")
    talk.world.state.updates.add("message", update["message"])
    async with talk.bot():
        talk.world.say(talk.ada, talk.team, "/id")
        await talk.said("chat")
        assert len(talk.place.runs) == 1
        assert talk.place.starts[run.id] == 1
        assert len(talk.heard("Running")) == 1


async def test_a_run_that_ended_while_the_bot_was_away_is_told_once(talk: Talk) -> None:
    async with talk.bot():
        talk.world.say(talk.ada, talk.team, RUN)
        run = await talk.one_run()
        await talk.said("Running")
        await talk.until(lambda: talk.place.runs[run.id].marks.card_id, "the card")
    talk.place.finish(run.id, report=talk.pushed(run))
    for _ in range(2):
        async with talk.bot():
            await talk.said("Added a farewell.")
            await talk.until(lambda: talk.place.runs[run.id].marks.card_closed, "the closed card")
    assert len(talk.heard("Added a farewell.")) == 1


async def test_many_that_ended_at_once_are_told_in_digests_fault_29(talk: Talk) -> None:
    async with talk.bot():
        for number in range(12):
            talk.world.say(talk.ada, talk.team, f"/run owner/demo task {number}")
        await talk.until(lambda: len(talk.place.runs) == 12, "12 Runs")
    for run in list(talk.place.runs.values()):
        talk.place.finish(run.id, report=talk.pushed(run, summary=f"did {run.task.prompt}"))
    async with talk.bot():
        await talk.until(lambda: all(run.told for run in talk.place.runs.values()), "all told")
    text = "\n".join(message.text for message in talk.heard("did task"))
    assert len(talk.heard("did task")) < 12
    for number in range(12):
        assert text.count(f"did task {number}\n") + text.endswith(f"did task {number}") == 1


async def test_the_stop_button_stops_for_its_owner_and_for_an_admin_only(talk: Talk) -> None:
    talk.place.obedient = False
    async with talk.bot():
        talk.world.say(talk.grace, talk.team, RUN)
        run = await talk.one_run()
        card = await talk.said("Running")
        refused = await talk.world.press(talk.mallory, card, "⏹ Stop")
        assert refused is not None
        assert "don't know you" in refused.text
        assert talk.place.runs[run.id].cancelled_by is None
        answer = await talk.world.press(talk.ada, card, "⏹ Stop")
        assert answer is not None
        assert "Stopping" in answer.text
        assert talk.place.runs[run.id].cancelled_by == "Ada"
        talk.place.finish(
            run.id, Outcome(Ending.CANCELLED, Report(run.id, Phase.AGENT), Cause.CANCELLED)
        )
        await talk.said("Stopped by Ada")


async def test_a_cluster_that_is_away_loses_no_command(talk: Talk) -> None:
    from runs.backend import Unavailable

    for _ in range(2):
        talk.place.fail_next(Unavailable("the API server doesn't answer"))
    async with talk.bot():
        talk.world.say(talk.ada, talk.team, RUN)
        await talk.said("doesn't answer. I keep trying")
        run = await talk.one_run()
        assert talk.place.starts[run.id] == 1


async def test_a_start_that_took_effect_but_failed_makes_one_run(talk: Talk) -> None:
    from runs.backend import Unavailable

    talk.place.fail_next(Unavailable("timeout"), persisted=True)
    async with talk.bot():
        talk.world.say(talk.ada, talk.team, RUN)
        run = await talk.one_run()
        await talk.said("Running")
        await talk.until(lambda: talk.place.runs[run.id].marks.card_id, "the card")
    assert talk.place.starts[run.id] == 1
    assert len(talk.heard("Running")) == 1


async def test_a_cancel_gets_through_while_99_runs_are_being_started(talk: Talk) -> None:
    async with talk.bot():
        talk.world.say(talk.ada, talk.team, RUN)
        run = await talk.one_run()
        talk.place.hold("start")
        for number in range(99):
            talk.world.say(talk.grace, talk.team, f"/run owner/demo task {number}")
        talk.world.say(talk.ada, talk.team, f"/cancel {run.id}")
        await talk.until(lambda: talk.place.runs[run.id].ended, "the cancelled Run")
        assert len(talk.place.runs) == 1
        talk.place.release("start")
        await talk.until(lambda: len(talk.place.runs) == 100, "all Runs")
    assert talk.place.runs[run.id].state is State.ENDED


async def test_an_old_command_is_asked_about_and_runs_when_wanted_fault_44(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        talk.world.state.clock = lambda: talk.clock() - 23 * 3600
        asked = talk.world.say(talk.ada, talk.team, RUN)
        talk.world.state.clock = talk.clock
        async with talk.bot():
            question = await talk.said("This command is 23 h old")
            assert not talk.place.runs
            other = await talk.world.press(talk.grace, question, "▶ Run it now")
            assert other is not None
            assert "Only who sent" in other.text
            await talk.world.press(talk.ada, question, "▶ Run it now")
            run = await talk.one_run()
            assert run.origin.message_id == asked.id


async def test_a_cache_that_cant_be_used_is_said_at_the_start_and_stops_nothing(talk: Talk) -> None:
    async def check() -> None:
        raise Unavailable("The cache s3://box refuses the bot's keys.")

    talk.check = check
    async with talk.bot():
        words = "The cache s3://box refuses the bot's keys. Until then runs go on without."
        await talk.until(lambda: words in talk.log.text(), "it stands in the bot's log")
        talk.world.say(talk.ada, talk.team, RUN)
        await talk.one_run()
