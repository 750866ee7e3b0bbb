"""A run that asks back: its question is told as one, and a reply to it goes on, once, for those who may."""

from __future__ import annotations

from dataclasses import replace

from playground.messages import Message
from runs.run import Run, lineage, reply_key, run_id
from sandbox.report import Phase, Report, Verdict
from tests.bot.talk import Talk

RUN = '/run owner/demo@dev --timeout 45m --pr "add a farewell"'
QUESTION = "Which one shall it be?\n\n1. formally\n2. casually"


def asking(talk: Talk, run: Run, *, pushed: bool = False) -> Report:
    """Return the Report of a Run that asks back."""
    summary = f"There are two ways.\n\n{QUESTION}"
    if pushed:
        return talk.pushed(run, summary=summary, question=QUESTION)
    report = Report(run.id, Phase.DONE, Verdict.NOTHING_CHANGED, summary, base="dev")
    return replace(report, question=QUESTION, agent_ended_well=True)


async def asked_back(talk: Talk, *, pushed: bool = False) -> tuple[Run, Message]:
    """Let Grace's Run ask; return it with the message that tells its question."""
    run = await talk.run_of(talk.world.say(talk.grace, talk.team, RUN))
    talk.place.finish(run.id, report=asking(talk, run, pushed=pushed))
    await talk.told(run)
    return talk.place.runs[run.id], await talk.said("Asks back", "Reply to this message", run.id)


def going_on(talk: Talk, run: Run) -> list[Run]:
    """Return the Runs that go on with an answer to this one's question."""
    found = [(lineage(other.key), other) for other in talk.place.runs.values()]
    return [other for of, other in found if of is not None and of.parent_id == run.id]


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
        card = await talk.said("Running", f"💬 {run.id} goes on with the answer")
        assert card.reply_to_id == reply.id
        talk.place.finish(after.id, report=talk.pushed(after))
        done = await talk.said("Added a farewell.", after.id)
        assert done.reply_to_id == reply.id
