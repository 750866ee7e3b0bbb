"""Where answers land, and what befalls the places while a run goes on: nothing that ended stays untold."""

from __future__ import annotations

import json
from pathlib import Path

from bot.config import Config
from playground.state import Call
from tests.bot.talk import Talk, talking

RUN = '/run owner/demo "add a farewell"'


async def test_answers_land_in_the_topic_that_asked_fault_8(talk: Talk) -> None:
    topic = talk.world.topic(talk.ada, talk.team, "Work")
    async with talk.bot():
        asked = talk.world.say(talk.ada, talk.team, RUN, thread=topic.id)
        run = await talk.run_of(asked)
        talk.place.finish(run.id, report=talk.pushed(run))
        done = await talk.said("Added a farewell.")
        card = talk.world.message(talk.team, run.marks.card_id or 0)
        assert card is not None
        assert (done.thread_id, card.thread_id) == (topic.id, topic.id)
        talk.world.say(talk.ada, talk.team, "/jobs", thread=topic.id)
        assert (await talk.said("1 ended")).thread_id == topic.id


async def test_a_message_without_a_task_in_a_topic_answers_nobodys_message(talk: Talk) -> None:
    # In a topic every message "replies" to the service message that made the topic.
    topic = talk.world.topic(talk.ada, talk.team, "Work")
    asked = talk.world.say(talk.ada, talk.team, "/run owner/demo", thread=topic.id)
    assert asked.reply_to_id in (None, topic.id)
    async with talk.bot():
        await talk.said("Say what to do")
        assert not talk.place.runs


async def test_the_general_topic_gets_no_thread_id_fault_8(talk: Talk) -> None:
    talk.world.say(talk.ada, talk.team, RUN)
    update = talk.world.state.updates.pending()[-1]
    talk.world.state.updates.clear()
    message = update["message"]
    assert isinstance(message, dict)
    general = message | {"message_thread_id": 1, "is_topic_message": True}
    talk.world.state.updates.add("message", general)
    async with talk.bot():
        run = await talk.one_run()
        await talk.said("Running")
        assert run.origin.thread_id is None
        assert all("message_thread_id" not in call.arguments for call in sends(talk))


async def test_a_topic_that_is_gone_is_told_in_its_chat_fault_8(talk: Talk) -> None:
    other = talk.world.supergroup("Other", [(talk.ada, "creator")], forum=True)
    topic = talk.world.topic(talk.ada, other, "Work")
    talk.config = Config(chats=frozenset({other.id}))
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, other, RUN, thread=topic.id))
        talk.world.remove_topic(other, topic.id)
        talk.place.finish(run.id, report=talk.pushed(run))
        done = await talk.said("Added a farewell.", chat=other.id)
        assert done.thread_id is None
        assert "bold" in {entity.type for entity in done.entities}, "only the topic is left out"
        await talk.told(run)
        await talk.until(lambda: talk.place.runs[run.id].marks.card_closed, "the card's end")


async def test_what_ends_in_a_topic_that_was_closed_is_told_in_its_chat_with_all_it_has_fault_8(
    talk: Talk,
) -> None:
    topic = talk.world.topic(talk.ada, talk.team, "Work")
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN, thread=topic.id))
        refusal = {"ok": False, "error_code": 400, "description": "Bad Request: TOPIC_CLOSED"}
        talk.world.faults.answer("sendMessage", 400, json.dumps(refusal).encode(), times=1)
        talk.place.finish(run.id, report=talk.pushed(run))
        done = await talk.said("Added a farewell.")
        assert (done.thread_id, done.reply_to_id) == (None, None), "a reply would go into the topic"
        assert "bold" in {entity.type for entity in done.entities}
        assert done.keyboard


async def test_a_log_that_was_asked_for_in_a_topic_that_is_gone_comes_to_its_chat_fault_8(
    talk: Talk,
) -> None:
    other = talk.world.supergroup("Other", [(talk.ada, "creator")], forum=True)
    topic = talk.world.topic(talk.ada, other, "Work")
    talk.config = Config(chats=frozenset({other.id}))
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, other, RUN, thread=topic.id))
        talk.place.progress(run.id, log=b"one line\n")
        talk.world.say(talk.ada, other, f"/logs {run.id} file", thread=topic.id)
        talk.world.remove_topic(other, topic.id)
        sent = await talk.said("the whole log", chat=other.id)
        assert sent.document is not None
        assert sent.thread_id is None


async def test_a_group_that_became_a_supergroup_is_told_there_fault_9(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        group = talk.world.group("Small", [(talk.ada, "administrator"), (talk.grace, "member")])
        talk.home_chat_id = group.id
        for _ in range(5):
            talk.world.say(talk.grace, group, "chatting")
        async with talk.bot():
            asked = talk.world.say(talk.grace, group, RUN)
            run = await talk.run_of(asked)
            moved = talk.world.migrate(group)
            # Messages of the new chat that have the old numbers.
            while len(talk.world.messages(moved)) < 12:
                talk.world.say(talk.grace, moved, "chatting")
            assert talk.world.message(moved, asked.id) is not None
            talk.place.finish(run.id, report=talk.pushed(run))
            done = await talk.said("Added a farewell.", chat=moved.id)
            assert done.reply_to_id is None
            await talk.told(run)
            await talk.until(lambda: talk.place.runs[run.id].marks.card_closed, "the card's end")
            await talk.quiet()
        assert len(talk.heard("Added a farewell.", chat=moved.id)) == 1
        assert all(call.arguments["chat_id"] == str(group.id) for call in edits(talk))


async def test_old_numbers_never_edit_a_message_of_the_new_supergroup_fault_9(
    tmp_path: Path,
) -> None:
    async with talking(tmp_path) as talk:
        group = talk.world.group("Small", [(talk.ada, "administrator")])
        talk.home_chat_id = group.id
        async with talk.bot():
            first = await talk.run_of(talk.world.say(talk.ada, group, RUN))
            second = await talk.run_of(talk.world.say(talk.ada, group, RUN))
            moved = talk.world.migrate(group)
            card_id = second.marks.card_id or 0
            while talk.world.state.find_message(moved.id, card_id - 1) is None:
                talk.world.say(talk.ada, moved, "chatting")
            said = await talk.said("a supergroup now", chat=moved.id)
            assert said.id == card_id, "a message of ours has the number of the other run's card"
            talk.place.finish(first.id, report=talk.pushed(first))
            await talk.said("Added a farewell.", first.id, chat=moved.id)
            talk.place.finish(second.id, report=talk.pushed(second, summary="The second."))
            await talk.said("The second.", chat=moved.id)
            await talk.until(lambda: talk.place.runs[second.id].marks.card_closed, "the card's end")
            kept = talk.world.message(moved, card_id)
            assert kept is not None
            assert kept.text == said.text


async def test_a_bot_that_was_kicked_tells_the_end_in_the_home_chat_fault_8(talk: Talk) -> None:
    private = talk.world.private(talk.grace)
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.grace, private, RUN))
        filler = [talk.world.say(talk.ada, talk.team, "chatting") for _ in range(9)]
        talk.world.set_status(talk.world.bot, private, "kicked")
        talk.place.finish(run.id, report=talk.pushed(run))
        done = await talk.said("Asked for in private by Grace", "Added a farewell.")
        assert done.reply_to_id is None
        assert filler[-1].id < done.id
        await talk.told(run)
        await talk.quiet()
    assert len(talk.heard()) == 1


async def test_a_home_chat_without_the_right_to_send_is_told_later_fault_8(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.world.allow_sending(talk.team, False)
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.until(lambda: any("can't be told" in text for text in logged_lines(talk)))
        await talk.quiet(1200)
        assert not talk.place.runs[run.id].told
        assert len(sends(talk)) < 20, "it doesn't hammer on a closed door"
        talk.world.allow_sending(talk.team, True)
        await talk.until(lambda: talk.heard("Added a farewell."), "the end", seconds=700)
        await talk.told(run)
        await talk.quiet(700)
    assert len(talk.heard("Added a farewell.")) == 1


async def test_a_right_that_is_missing_over_a_restart_loses_nothing_fault_8(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.world.allow_sending(talk.team, False)
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.until(lambda: any("can't be told" in text for text in logged_lines(talk)))
    talk.world.allow_sending(talk.team, True)
    async with talk.bot():
        await talk.said("Added a farewell.")
        await talk.told(run)


async def test_a_deleted_question_is_still_answered_fault_8(talk: Talk) -> None:
    async with talk.bot():
        asked = talk.world.say(talk.ada, talk.team, RUN)
        run = await talk.run_of(asked)
        talk.world.delete(talk.ada, asked)
        talk.place.finish(run.id, report=talk.pushed(run))
        done = await talk.said("Added a farewell.")
        assert done.reply_to_id is None


async def test_a_deleted_card_is_let_go_and_the_end_still_comes_fault_10(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.world.delete(talk.ada, await talk.said("Running"))
        talk.place.progress(run.id, log=b"a step\n")
        await talk.quiet(60)
        before = len(edits(talk))
        talk.place.progress(run.id, log=b"another step\n")
        await talk.quiet(60)
        assert len(edits(talk)) == before, "a card that is gone is not edited again and again"
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.said("Added a farewell.")
        await talk.until(lambda: talk.place.runs[run.id].marks.card_closed, "the card's end")
        await talk.quiet(60)
    assert len(talk.heard()) == 1


async def test_refused_markup_is_sent_as_plain_text_fault_10(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        refuse(talk, "can't parse entities: unexpected end tag at byte offset 7")
        talk.place.finish(run.id, report=talk.pushed(run))
        done = await talk.said("Added a farewell.", run.id)
        assert [entity for entity in done.entities if entity.type in ("bold", "code")] == []


async def test_a_message_that_is_too_long_is_sent_shorter_fault_10(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        refuse(talk, "message is too long")
        talk.place.finish(run.id, report=talk.pushed(run, summary="Added a farewell. " + "x" * 900))
        await talk.said("Added a farewell.")
        await talk.told(run)


async def test_a_refusal_that_nobody_knows_is_met_with_the_plainest_form(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        refuse(talk, "SOMETHING_NEW_INVALID")
        talk.place.finish(run.id, report=talk.pushed(run))
        done = await talk.said("Added a farewell.")
        assert done.reply_to_id is None
        await talk.told(run)


def refuse(talk: Talk, description: str) -> None:
    """Let Telegram refuse the next message with these words."""
    talk.world.faults.refuse("sendMessage", 400, f"Bad Request: {description}")


def sends(talk: Talk) -> list[Call]:
    """Return the calls of sendMessage."""
    return talk.world.calls("sendMessage")


def edits(talk: Talk) -> list[Call]:
    """Return the calls of editMessageText."""
    return talk.world.calls("editMessageText")


def logged_lines(talk: Talk) -> list[str]:
    """Return what was logged so far."""
    return talk.log.text().splitlines()
