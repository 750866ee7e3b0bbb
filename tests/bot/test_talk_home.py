"""The home chat hears of the ends of Runs that were asked for elsewhere."""

from __future__ import annotations

from dataclasses import replace

from bot.config import Config
from runs.backend import Unavailable
from runs.outcome import Ending, Outcome
from runs.run import Run
from sandbox.report import Cause
from tests.bot.talk import Talk

RUN = '/run owner/demo "the secret plan"'


async def asked_in_private(talk: Talk) -> Run:
    """Start a Run in Grace's private chat."""
    return await talk.run_of(talk.world.say(talk.grace, talk.world.private(talk.grace), RUN))


async def test_an_end_of_a_private_run_is_told_at_home_in_short_and_once(talk: Talk) -> None:
    private = talk.world.private(talk.grace)
    async with talk.bot():
        run = await asked_in_private(talk)
        url = "https://github.com/owner/demo/pull/17"
        talk.place.finish(run.id, report=talk.pushed(run, pull_request=url))
        await talk.said("Added a farewell.", chat=private.id)
        notice = await talk.said(
            "Done", "asked for in private by Grace", "Pull request #17", run.id
        )
        assert "secret" not in notice.text
        assert "Added a farewell." not in notice.text
        await talk.until(lambda: talk.place.runs[run.id].marks.home_told, "the mark")
        await talk.quiet(100)
    async with talk.bot():
        await talk.quiet(100)
    assert len(talk.heard()) == 1


async def test_a_run_of_another_group_is_told_at_home_and_one_of_home_only_there(
    talk: Talk,
) -> None:
    other = talk.world.supergroup("Other", [(talk.ada, "administrator"), (talk.grace, "member")])
    talk.config = Config(chats=frozenset({other.id}))
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.grace, other, RUN))
        talk.place.finish(run.id, Outcome(Ending.FAILED, None, Cause.LOGIN))
        await talk.said("Failed", f"asked for in chat {other.id} by Grace")
        here = await talk.run_of(talk.world.say(talk.grace, talk.team, RUN))
        talk.place.finish(here.id, report=talk.pushed(here))
        await talk.told(here)
        await talk.quiet(60)
        assert len(talk.heard(here.id)) == 2  # its card and its end
        assert len(talk.heard(here.id, chat=other.id)) == 0


async def test_many_ends_are_noticed_in_one_message_and_a_place_that_is_away_is_waited_for(
    talk: Talk,
) -> None:
    async with talk.bot():
        runs = [await asked_in_private(talk) for _ in range(5)]
    for run in runs:
        ended = talk.place.finish(run.id, report=talk.pushed(run))
        told = replace(ended.marks, told_at=talk.clock(), card_closed=True)
        talk.place.put(replace(ended, marks=told))
    talk.place.fail_next(Unavailable("away"), method="get")
    async with talk.bot():
        await talk.until(
            lambda: all(run.marks.home_told for run in talk.place.runs.values()), "all marks"
        )
    text = "\n".join(message.text for message in talk.heard("asked for"))
    assert all(text.count(f"· {run.id}") == 1 for run in runs)
    assert len(talk.heard("asked for")) < len(runs)


async def test_what_was_told_long_ago_is_no_news(talk: Talk) -> None:
    async with talk.bot():
        run = await asked_in_private(talk)
    ended = talk.place.finish(run.id, report=talk.pushed(run))
    old = replace(ended.marks, told_at=talk.clock() - 4000, card_closed=True)
    talk.place.put(replace(ended, marks=old))
    async with talk.bot():
        await talk.quiet(100)
    assert not talk.heard()


async def test_what_was_told_at_home_in_full_is_not_noticed_there_again_fault_8(talk: Talk) -> None:
    async with talk.bot():
        run = await asked_in_private(talk)
        talk.world.allow_sending(talk.world.private(talk.grace), False)
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.said("Asked for in private by Grace", "Added a farewell.")
        await talk.told(run)
        await talk.quiet(100)
        assert len(talk.heard(run.id)) == 1
