"""Hostile words through the whole chat: as task, summary, log line and name they are shown and change nothing."""

from __future__ import annotations

import json
from pathlib import Path

from bot.markup import clean
from playground.messages import Message
from playground.text import MAX_TEXT, utf16_length
from runs.outcome import Ending, Outcome
from runs.run import Run
from sandbox.report import Cause, Phase, Report
from tests.bot.talk import Talk

HOSTILE: list[str] = json.loads(
    (Path(__file__).parent.parent / "data" / "hostile-strings.json").read_text(encoding="utf-8")
)
OURS = {"bold", "italic", "code", "pre", "blockquote", "text_link"}
MADE_BY_TELEGRAM = {"bot_command", "mention", "hashtag", "url", "email"}


def asked_for(talk: Talk, text: str) -> Message | None:
    """Ask for a task of these words, if Telegram takes them; Telegram cuts nothing, so what is too long is cut here."""
    command = f"/run owner/demo -- {text}"
    room = MAX_TEXT - (utf16_length(command) - len(command))
    return talk.world.say(talk.grace, talk.team, command[:room])


async def test_hostile_words_go_through_a_whole_conversation_fault_38_40(talk: Talk) -> None:
    talk.grace = talk.world.person('<b>"Grace"</b> & \u202eCo')
    talk.world.set_status(talk.grace, talk.team, "member")
    private = talk.world.private(talk.ada)
    async with talk.bot():
        for text in HOSTILE:
            asked_for(talk, text)
        await talk.until(lambda: len(talk.place.runs) == len(HOSTILE), "all runs")
        runs = list(talk.place.runs.values())
        for run, text in zip(runs, HOSTILE, strict=True):
            talk.place.progress(
                run.id, Report(run.id, Phase.AGENT), f"│ {text}\n".encode("utf-8", "replace")
            )
        talk.world.say(talk.ada, private, f"/logs {runs[0].id}")
        await talk.said(runs[0].id, chat=private.id)
        for number, (run, text) in enumerate(zip(runs, HOSTILE, strict=True)):
            talk.place.finish(run.id, outcome_of(run, text, number))
        await talk.until(
            lambda: all(run.told for run in talk.place.runs.values()), "all told", seconds=3600
        )
        await talk.until(
            lambda: all(
                run.marks.card_closed for run in talk.place.runs.values() if run.marks.card_id
            ),
            "all cards",
            seconds=7200,
        )
    assert refusals(talk) == []
    for message in talk.heard():
        assert clean(message.text) == message.text
        assert {entity.type for entity in message.entities} <= OURS | MADE_BY_TELEGRAM
        assert not any(
            entity.url and not entity.url.startswith("https://github.com/owner/demo/")
            for entity in message.entities
        )


def outcome_of(run: Run, text: str, number: int) -> Outcome:
    """Return an end with these words in it: good ones, and bad ones, by turns."""
    if number % 2:
        report = Report(run.id, Phase.AGENT, cause=Cause.AGENT_FAILED, error=text)
        return Outcome(Ending.FAILED, report, report.cause, text)
    branch = f"claude/{text}"
    report = Report(run.id, Phase.DONE, summary=text, branch=branch, pushed=True, model=text)
    return Outcome(Ending.PUSHED, report)


def refusals(talk: Talk) -> list[str]:
    """Return what Telegram refused of the bot's messages."""
    return [
        f"{call.status} {call.description}"
        for call in talk.world.calls()
        if call.method in ("sendMessage", "editMessageText")
        and call.status != 200
        and "not modified" not in call.description
    ]
