"""Runs of the command line in the home chat: they have a card, their end is told, and everybody there may see to them."""

from __future__ import annotations

from runs.fake import FakeBackend
from runs.run import Run, command_line_key, command_line_origin, run_id
from sandbox.task import Task
from tests.bot.talk import Talk


async def asked_in_a_terminal(talk: Talk) -> Run:
    """Start a Run as the command line does, and wait for its card."""
    backend = FakeBackend(talk.place)
    task = Task("https://github.com/owner/demo.git", "add a farewell", repo_name="owner/demo")
    key = command_line_key()
    run = await backend.start(key, task, command_line_origin("grace"))
    await talk.until(lambda: talk.place.runs[run_id(key)].marks.card_id is not None, "the card")
    return run


async def test_a_run_of_the_command_line_has_a_card_at_home_and_its_end_is_told_there(
    talk: Talk,
) -> None:
    async with talk.bot():
        run = await asked_in_a_terminal(talk)
        (card,) = talk.heard(run.id)
        assert card.reply_to_id is None
        assert "by grace on the command line" in card.text
        talk.place.finish(run.id, report=talk.pushed(run))
        told = await talk.said("Added a farewell.", "by grace on the command line", run.id)
        assert told.reply_to_id is None
        await talk.told(run)
        await talk.quiet(100)
        assert len(talk.heard("Added a farewell.")) == 1


async def test_a_run_of_the_command_line_stands_in_jobs_and_is_stopped_and_retried_from_the_chat(
    talk: Talk,
) -> None:
    async with talk.bot():
        run = await asked_in_a_terminal(talk)
        talk.world.say(talk.ada, talk.team, "/jobs")
        await talk.said("1 running or waiting", run.id, "grace")
        talk.world.say(talk.ada, talk.team, f"/cancel {run.id}")
        await talk.until(lambda: talk.place.runs[run.id].cancelled_by == "Ada", "the stop")
        await talk.said("Stopped by Ada", run.id)
        await talk.told(run)
        asked = talk.world.say(talk.ada, talk.team, f"/retry {run.id}")
        again = await talk.run_of(asked)
        assert again.task.prompt == "add a farewell"


async def test_a_bot_that_comes_later_tells_what_ended_on_the_command_line_meanwhile(
    talk: Talk,
) -> None:
    backend = FakeBackend(talk.place)
    key = command_line_key()
    task = Task("https://github.com/owner/demo.git", "add a farewell")
    run = await backend.start(key, task, command_line_origin("grace"))
    talk.place.finish(run.id, report=talk.pushed(run))
    async with talk.bot():
        await talk.said("Added a farewell.", run.id)
        await talk.told(run)
