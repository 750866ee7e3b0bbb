"""A run that asks back: its question is told as one, and a reply to it goes on, once, for those who may."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bot.address import read_configured
from bot.config import Config, Repo, RepoOptions
from playground.arguments import Upload
from playground.messages import Message
from runs.backend import Unavailable
from runs.run import Run, lineage, reply_key, run_id
from sandbox.report import Phase, Report, Verdict
from tests.bot.talk import Talk, a_runner_and_a_viewer, talking

RUN = '/run owner/demo@dev --timeout 45m --pr "add a farewell"'
QUESTION = "Which one shall it be?\n\n1. formally\n2. casually"


def asking(talk: Talk, run: Run, *, pushed: bool = False) -> Report:
    """Return the Report of a Run that asks back."""
    summary = f"There are two ways.\n\n{QUESTION}"
    if pushed:
        return talk.pushed(run, summary=summary, question=QUESTION)
    report = Report(run.id, Phase.DONE, Verdict.NOTHING_CHANGED, summary, base="dev")
    return replace(report, question=QUESTION, agent_ended_well=True)


async def asked_back(talk: Talk, *, pushed: bool = False, text: str = RUN) -> tuple[Run, Message]:
    """Let Grace's Run ask; return it with the message that tells its question."""
    run = await talk.run_of(talk.world.say(talk.grace, talk.team, text))
    talk.place.finish(run.id, report=asking(talk, run, pushed=pushed))
    await talk.told(run)
    return talk.place.runs[run.id], await talk.said("Asks back", "Reply to this message", run.id)


def going_on(talk: Talk, run: Run) -> list[Run]:
    """Return the Runs that go on with an answer to this one's question."""
    found = [(lineage(other.key), other) for other in talk.place.runs.values()]
    return [other for of, other in found if of is not None and of.parent_id == run.id]


async def test_a_question_that_comes_in_a_crowd_has_a_message_of_its_own(talk: Talk) -> None:
    async with talk.bot():
        asked = [
            talk.world.say(talk.grace, talk.team, f"/run owner/demo task {n}") for n in range(6)
        ]
        runs = [await talk.run_of(message) for message in asked]
    asker = sorted(runs, key=lambda run: run.id)[3]  # not the first of those that end in one moment
    for run in runs:
        done = talk.pushed(run, summary=f"did {run.task.prompt}.")
        talk.place.finish(run.id, report=asking(talk, run) if run is asker else done)
    # While the flood limit holds back the first, the others gather.
    talk.world.faults.refuse("sendMessage", 429, "slow down", parameters={"retry_after": 30})
    async with talk.bot():
        await talk.until(lambda: all(run.told for run in talk.place.runs.values()), "all told")
    others = [f"did {run.task.prompt}." for run in runs if run is not asker]
    assert talk.heard(*others), "they share one"
    (question,) = talk.heard("Asks back", "Reply to this message")
    assert question.reply_to_id == asker.origin.message_id
    assert not talk.heard("did task", asker.id)


async def test_a_question_is_told_with_its_choices_and_a_reply_goes_on(talk: Talk) -> None:
    async with talk.bot():
        run, told = await asked_back(talk)
        assert "There are two ways." in told.text
        assert told.text.count("Which one shall it be?") == 1
        assert [button.text for row in told.keyboard for button in row] == ["📄 Logs"]
        reply = talk.world.say(talk.grace, talk.team, "Casually, please.", reply_to=told)
        after = await talk.run_of(reply)
        assert after.id == run_id(reply_key(run.id, talk.team.id, reply.id))
        assert after.task == replace(run.task, prompt=after.task.prompt)
        parts = ("add a farewell", QUESTION, "Casually, please.")
        places = [after.task.prompt.index(part) for part in parts]
        assert places == sorted(places)
        assert after.task.prompt.startswith("add a farewell\n")
        card = await talk.said("Running", f"💬 goes on from {run.id} with the answer")
        assert card.reply_to_id == reply.id
        talk.place.finish(after.id, report=talk.pushed(after))
        done = await talk.said("Added a farewell.", after.id)
        assert done.reply_to_id == reply.id


async def test_it_goes_on_from_what_was_pushed(talk: Talk) -> None:
    async with talk.bot():
        run, told = await asked_back(talk, pushed=True)
        assert f"claude/{run.id}-x" in told.text
        after = await talk.run_of(talk.world.say(talk.grace, talk.team, "1", reply_to=told))
        assert (after.task.branch, after.task.base) == (f"claude/{run.id}-x", "main")


async def test_the_branch_of_an_agent_configures_no_agent(talk: Talk) -> None:
    talk.config = Config(defaults=RepoOptions(branch="main"))
    async with talk.bot():
        run, told = await asked_back(talk, pushed=True, text="/run owner/demo do it")
        assert run.task.trusts_branch
        after = await talk.run_of(talk.world.say(talk.grace, talk.team, "1", reply_to=told))
        assert after.task.branch == f"claude/{run.id}-x"
        assert not after.task.trusts_branch


async def test_an_answer_that_comes_again_after_a_restart_is_one_run_even_when_its_job_is_gone(
    talk: Talk,
) -> None:
    async with talk.bot():
        run, told = await asked_back(talk)
    talk.place.forget(run.id)
    reply = talk.world.say(talk.grace, talk.team, "1", reply_to=told)
    update = talk.world.state.updates.pending()[-1]["message"]
    assert isinstance(update, dict)
    async with talk.bot():
        after = await talk.run_of(reply)
        talk.place.finish(after.id, report=talk.pushed(after))
        await talk.told(after)
    for _ in ("its Job is there", "its Job is gone"):
        talk.world.state.updates.add("message", update)
        async with talk.bot():
            await talk.until(lambda: not talk.world.state.updates.pending(), "it is confirmed")
            await talk.quiet()
        talk.place.forget(after.id)
    assert talk.place.starts[after.id] == 1
    assert len(talk.heard("Added a farewell.")) == 1


async def test_only_who_may_do_the_task_again_may_answer(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        linus, viewer = a_runner_and_a_viewer(talk)
        talk.world.set_status(talk.mallory, talk.team, "member")
        async with talk.bot():
            run, told = await asked_back(talk)
            for person, words in (
                (linus, "somebody else's"),
                (viewer, "You may look"),
                (talk.mallory, "I don't know you"),
            ):
                reply = talk.world.say(person, talk.team, "1", reply_to=told)
                assert (await talk.said(words)).reply_to_id == reply.id
            assert len(talk.place.runs) == 1
            after = await talk.run_of(talk.world.say(talk.ada, talk.team, "2", reply_to=told))
            assert after.origin.person_id == talk.ada.id
            assert going_on(talk, run) == [after]


async def test_a_repo_that_may_not_run_any_more_is_not_gone_on_with(tmp_path: Path) -> None:
    repo = Repo("demo", read_configured("file:///srv/demo.git"), RepoOptions())
    async with talking(tmp_path, Config(repos={"demo": repo})) as talk:
        async with talk.bot():
            _, told = await asked_back(talk, text="/run demo fix it")
        talk.config = Config(repos={"demo": replace(repo, options=RepoOptions(protected=True))})
        async with talk.bot():
            talk.world.say(talk.grace, talk.team, "1", reply_to=told)
            await talk.said("You may not run that repo")
            assert len(talk.place.runs) == 1


async def test_other_talk_starts_nothing_and_gets_no_word(talk: Talk) -> None:
    async with talk.bot():
        run, told = await asked_back(talk)
        asked = talk.world.say(talk.grace, talk.team, "/run owner/demo do it")
        other = await talk.run_of(asked)
        talk.place.finish(other.id, report=talk.pushed(other))
        done = await talk.said("Added a farewell.", other.id)
        talk.world.say(talk.grace, talk.team, f"/logs {run.id}")
        shown = await talk.said("It printed nothing.")
        await talk.quiet(60)
        before = len(talk.heard())
        for reply_to in (None, done, asked, shown):
            talk.world.say(talk.grace, talk.team, "thanks!", reply_to=reply_to)
        fake = talk.world.say(talk.ada, talk.team, told.text)
        talk.world.say(talk.grace, talk.team, "not to the bot", reply_to=fake)
        await talk.quiet(60)
        assert len(talk.place.runs) == 2
        assert len(talk.heard()) == before


async def test_a_reply_to_the_card_of_a_run_that_asks_is_an_answer_too(talk: Talk) -> None:
    async with talk.bot():
        run, _ = await asked_back(talk)
        await talk.until(lambda: talk.place.runs[run.id].marks.card_closed, "the card's end")
        card = talk.world.message(talk.team, run.marks.card_id or 0)
        assert card is not None
        after = await talk.run_of(talk.world.say(talk.grace, talk.team, "1", reply_to=card))
        assert going_on(talk, run) == [after]


async def test_a_second_answer_waits_for_the_end_of_the_first(talk: Talk) -> None:
    async with talk.bot():
        run, told = await asked_back(talk)
        first = await talk.run_of(talk.world.say(talk.grace, talk.team, "1", reply_to=told))
        talk.world.say(talk.grace, talk.team, "No, 2.", reply_to=told)
        await talk.said("That has been answered", first.id)
        talk.place.finish(first.id, report=talk.pushed(first))
        await talk.told(first)
        second = await talk.run_of(talk.world.say(talk.grace, talk.team, "2", reply_to=told))
        assert [each.id for each in going_on(talk, run)] == [first.id, second.id]


async def test_an_agent_may_ask_again_and_hears_all_that_was_said(talk: Talk) -> None:
    async with talk.bot():
        _, told = await asked_back(talk)
        first = await talk.run_of(talk.world.say(talk.grace, talk.team, "First.", reply_to=told))
        talk.place.finish(first.id, report=asking(talk, first))
        told = await talk.said("Asks back", "Reply to this message", first.id)
        second = await talk.run_of(talk.world.say(talk.grace, talk.team, "Second.", reply_to=told))
        told_parts = [second.task.prompt.count(part) for part in (QUESTION, "First.", "Second.")]
        assert told_parts == [2, 1, 1]


async def test_an_answer_that_cannot_be_taken_is_told_why(talk: Talk) -> None:
    async with talk.bot():
        run, told = await asked_back(talk)
        picture = Upload("photo.png", "image/png", b"...", caption="1")
        talk.world.send(talk.grace, talk.team, picture, reply_to=told)
        await talk.said("A caption starts nothing")
        assert len(talk.place.runs) == 1
        reply = talk.world.say(talk.grace, talk.team, "1", reply_to=told)
        await talk.run_of(reply)
        talk.world.edit(reply, "2")
        await talk.said("An edited answer changes nothing")
        assert len(going_on(talk, run)) == 1


async def test_an_answer_that_is_hours_old_asks_to_be_sent_again(talk: Talk) -> None:
    async with talk.bot():
        _, told = await asked_back(talk)
    talk.world.say(talk.grace, talk.team, "1", reply_to=told)
    await talk.quiet(2 * 3600)
    async with talk.bot():
        await talk.said("2 h old")
        assert len(talk.place.runs) == 1


async def test_an_answer_waits_for_a_place_that_is_away(talk: Talk) -> None:
    async with talk.bot():
        _, told = await asked_back(talk)
        for _ in range(3):
            talk.place.fail_next(Unavailable("away"), method="get")
            talk.place.fail_next(Unavailable("away"))
        talk.place.fail_next(Unavailable("away"), method="list_runs")
        await talk.run_of(talk.world.say(talk.grace, talk.team, "1", reply_to=told))


async def test_a_question_in_a_topic_and_in_private_is_answered_there(talk: Talk) -> None:
    topic = talk.world.topic(talk.ada, talk.team, "Work")
    private = talk.world.private(talk.grace)
    async with talk.bot():
        for chat, thread in ((talk.team, topic.id), (private, None)):
            run = await talk.run_of(talk.world.say(talk.grace, chat, RUN, thread=thread))
            talk.place.finish(run.id, report=asking(talk, run))
            told = await talk.said("Reply to this message", run.id, chat=chat.id)
            reply = talk.world.say(talk.grace, chat, "1", reply_to=told, thread=thread)
            after = await talk.run_of(reply)
            assert after.origin.thread_id == thread
            card = await talk.said(f"goes on from {run.id} with the answer", chat=chat.id)
            assert card.thread_id == thread


async def test_a_question_among_many_ends_is_told_by_itself(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.grace, talk.team, RUN))
    asking_ids = []
    for number in range(40):
        letters = "abcdefghij"
        found = "".join(letters[int(digit)] for digit in f"{number:08}")
        other = replace(run, id=found, key=found, marks=replace(run.marks, card_id=None))
        talk.place.put(other)
        talk.place.logs[found] = b""
        asks = number % 10 == 3
        asking_ids += [found] if asks else []
        talk.place.finish(found, report=asking(talk, other) if asks else talk.pushed(other))
    talk.place.finish(run.id, report=talk.pushed(run))
    async with talk.bot():
        await talk.until(
            lambda: all(run.told for run in talk.place.runs.values()), "all told", seconds=600
        )
    for found in asking_ids:
        [told] = talk.heard(found)
        assert told.text.startswith("❓ Asks back")
        assert told.text.endswith(found)
    assert talk.heard("runs ended")


async def test_a_question_that_its_own_chat_refuses_is_answered_at_home(talk: Talk) -> None:
    other = talk.world.supergroup("Other", [(talk.ada, "creator"), (talk.grace, "member")])
    talk.config = Config(chats=frozenset({other.id}))
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.grace, other, RUN))
        talk.world.allow_sending(other, False)
        talk.place.finish(run.id, report=asking(talk, run))
        told = await talk.said("I can't write any more", "Reply to this message", run.id)
        after = await talk.run_of(talk.world.say(talk.grace, talk.team, "1", reply_to=told))
        assert going_on(talk, run) == [after]


async def test_a_notice_at_home_of_a_question_elsewhere_is_none_to_answer(talk: Talk) -> None:
    private = talk.world.private(talk.grace)
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.grace, private, RUN))
        talk.place.finish(run.id, report=asking(talk, run))
        notice = await talk.said("Asks back", "asked for in private", run.id)
        talk.world.say(talk.ada, talk.team, "what is that?", reply_to=notice)
        await talk.quiet(60)
        assert not going_on(talk, run)
