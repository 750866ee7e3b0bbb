"""Who gets what done: everybody else is told once who they are, and nothing more happens."""

from __future__ import annotations

from pathlib import Path

from bot.config import Config, Role
from runs.outcome import Ending, Outcome
from runs.run import Run
from sandbox.report import Cause, Phase, Report
from tests.bot.talk import Talk, talking

RUN = '/run owner/demo "add a farewell"'


async def test_a_stranger_in_the_group_is_told_their_id_once_an_hour(talk: Talk) -> None:
    talk.world.set_status(talk.mallory, talk.team, "member")
    talk.config = Config(people={talk.ada.id: Role.ADMIN})
    async with talk.bot():
        for _ in range(3):
            talk.world.say(talk.mallory, talk.team, RUN)
        talk.world.say(talk.mallory, talk.team, "/jobs")
        answer = await talk.said("I don't know you")
        assert str(talk.mallory.id) in answer.text
        await talk.quiet()
        assert len(talk.heard()) == 1
        await talk.quiet(3700)
        talk.world.say(talk.mallory, talk.team, RUN)
        await talk.said("I don't know you", count=2)
        assert not talk.place.runs


async def test_a_stranger_in_private_gets_nothing_done_and_a_member_does(talk: Talk) -> None:
    async with talk.bot():
        private = talk.world.private(talk.mallory)
        talk.world.say(talk.mallory, private, RUN)
        await talk.said("I don't know you", chat=private.id)
        own = talk.world.private(talk.grace)
        asked = talk.world.say(talk.grace, own, RUN)
        run = await talk.run_of(asked)
        assert (run.origin.chat_id, run.origin.private) == (own.id, True)
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.said("Added a farewell.", chat=own.id)
        await talk.quiet()
        assert [message.text for message in talk.heard() if run.id not in message.text] == []


async def test_a_viewer_may_look_and_nothing_else(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        talk.config = Config(people={talk.ada.id: Role.ADMIN, talk.grace.id: Role.VIEWER})
        async with talk.bot():
            run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
            talk.world.say(talk.grace, talk.team, RUN)
            await talk.said("You may look", str(talk.grace.id))
            talk.world.say(talk.grace, talk.team, f"/cancel {run.id}")
            await talk.said("You may look", count=2)
            talk.world.say(talk.grace, talk.team, "/clean")
            await talk.said("You may look", count=3)
            card = await talk.said("Running")
            pressed = await talk.world.press(talk.grace, card, "⏹ Stop")
            assert pressed is not None
            assert "You may look" in pressed.text
            talk.world.say(talk.grace, talk.team, "/jobs")
            await talk.said("1 running or waiting")
            talk.world.say(talk.grace, talk.team, "/logs")
            await talk.said("has printed nothing so far")
            assert list(talk.place.runs) == [run.id]
            assert talk.place.runs[run.id].cancelled_by is None


async def test_who_writes_without_being_a_person_starts_nothing_fault_41(talk: Talk) -> None:
    channel = talk.world.channel("News", [(talk.ada, "creator")])
    async with talk.bot():
        for count in (1, 2):
            talk.world.say_anonymously(talk.team, RUN)
            await talk.said("Remain anonymous", count=count)
        for _ in range(2):
            talk.world.say_as_channel(channel, talk.team, RUN)
        await talk.said("in a channel's name")
        talk.world.post(channel, RUN)
        bot = talk.world.other_bot("other_bot")
        talk.world.set_status(bot, talk.team, "member")
        talk.world.say(bot, talk.team, RUN)
        await talk.quiet()
        assert len(talk.heard("in a channel's name")) == 1
        assert not talk.heard(chat=channel.id)
        assert not talk.place.runs


async def test_another_chat_is_told_its_id_and_nothing_is_done_there(talk: Talk) -> None:
    elsewhere = talk.world.supergroup("Elsewhere", [(talk.ada, "creator")])
    async with talk.bot():
        talk.world.say(talk.ada, elsewhere, RUN)
        answer = await talk.said("I don't work in this chat", chat=elsewhere.id)
        assert str(elsewhere.id) in answer.text
        assert not talk.place.runs


async def test_somebody_who_left_the_group_may_do_nothing_a_minute_later(talk: Talk) -> None:
    private = talk.world.private(talk.grace)
    async with talk.bot():
        await talk.run_of(talk.world.say(talk.grace, private, RUN))
        talk.world.set_status(talk.grace, talk.team, "left")
        await talk.quiet(61)
        talk.world.say(talk.grace, private, RUN)
        await talk.said("I don't know you", chat=private.id)
        assert len(talk.place.runs) == 1


async def test_a_forged_or_old_button_does_nothing(talk: Talk) -> None:
    talk.place.obedient = False
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.grace, talk.team, RUN))
        card = await talk.said("Running")
        for data, words in {
            "stop:../../etc": "gone",
            "stop:": "gone",
            "nonsense": "older time",
            "late:1": "isn't there any more",
        }.items():
            update = {
                "id": "1",
                "from": {"id": talk.ada.id, "is_bot": False, "first_name": "Ada"},
                "chat_instance": "1",
                "data": data,
                "message": talk.world.state.message_json(card) | {"reply_to_message": None},
            }
            talk.world.state.updates.add("callback_query", update)
            await talk.until(
                lambda words=words: any(  # type: ignore[misc]  # a default of a lambda
                    words in call.arguments.get("text", "")
                    for call in talk.world.calls("answerCallbackQuery")
                ),
                words,
            )
        assert talk.place.runs[run.id].cancelled_by is None


async def test_a_button_of_another_chats_run_stops_nothing(talk: Talk) -> None:
    private = talk.world.private(talk.grace)
    async with talk.bot():
        hers = await talk.run_of(talk.world.say(talk.grace, private, RUN))
        await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        card = await talk.said("Running")
        changed = talk.world.state.message_json(card)
        update = {
            "id": "1",
            "from": {"id": talk.ada.id, "is_bot": False, "first_name": "Ada"},
            "chat_instance": "1",
            "data": f"stop:{hers.id}",
            "message": changed,
        }
        talk.world.state.updates.add("callback_query", update)
        await talk.until(
            lambda: any(
                "another chat" in call.arguments.get("text", "")
                for call in talk.world.calls("answerCallbackQuery")
            )
        )
        assert not talk.place.runs[hers.id].ended


async def test_a_runner_changes_only_their_own_and_an_admin_everything(talk: Talk) -> None:
    talk.place.obedient = False
    async with talk.bot():
        adas = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        graces = await talk.run_of(talk.world.say(talk.grace, talk.team, RUN))
        talk.world.say(talk.grace, talk.team, f"/cancel {adas.id}")
        await talk.said("somebody else's")
        assert talk.place.runs[adas.id].cancelled_by is None
        talk.world.say(talk.grace, talk.team, "/cancel")
        await talk.said("Stopping", graces.id)
        assert talk.place.runs[graces.id].cancelled_by == "Grace"
        finish_cancelled(talk, graces)
        await talk.said("Stopped by Grace")
        talk.world.say(talk.ada, talk.team, f"/cancel {graces.id[:4]}")
        await talk.said("has ended already")
        another = await talk.run_of(talk.world.say(talk.grace, talk.team, RUN))
        talk.world.say(talk.ada, talk.team, f"/cancel {another.id}")
        await talk.said("Stopping", another.id)
        assert talk.place.runs[another.id].cancelled_by == "Ada"


def finish_cancelled(talk: Talk, run: Run) -> None:
    """End a Run as one that was stopped."""
    report = Report(run.id, Phase.AGENT, cause=Cause.CANCELLED)
    talk.place.finish(run.id, Outcome(Ending.CANCELLED, report, Cause.CANCELLED))
