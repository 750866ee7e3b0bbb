"""No token leaves for the chat or the log store, wherever it stood: in a task, a log, a summary, an error."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from bot.markup import bold, code, link, plain, pre, quote
from bot.outbox import Outbox
from bot.speaker import Speaker
from playground.messages import Message
from runs.outcome import Ending, Outcome
from runs.run import Run
from sandbox.redaction import MARK, Redactor
from sandbox.report import Cause, Phase, Report
from tests.bot.talk import Talk
from tests.parts.token_samples import samples

SECRETS = [
    sample.secret for sample in samples() if sample.text == sample.secret and len(sample.text) < 120
]
GITHUB = next(secret for secret in SECRETS if secret.startswith("ghp_"))
TELEGRAM = next(secret for secret in SECRETS if ":AA" in secret)


def shown(talk: Talk) -> str:
    """Return all that the bot said, its old versions aside."""
    return "\n".join(message.text for message in talk.heard())


async def run_with_log(talk: Talk, log: str) -> tuple[Message, Run]:
    asked = talk.world.say(talk.grace, talk.team, f"/run owner/demo look at {GITHUB}")
    assert asked is not None
    run = await talk.run_of(asked)
    talk.place.progress(run.id, Report(run.id, Phase.AGENT), log.encode())
    return asked, run


async def test_a_token_in_a_task_isnt_repeated_and_the_run_gets_it(talk: Talk) -> None:
    async with talk.bot():
        _, run = await run_with_log(talk, "")
        await talk.said("look at", MARK)
        assert run.task.prompt == f"look at {GITHUB}"
    assert GITHUB[:12] not in shown(talk)


async def test_tokens_in_a_log_show_neither_as_step_nor_by_logs_nor_at_the_end_fault_35(
    talk: Talk,
) -> None:
    written = [*SECRETS, *(json.dumps(base64.b64encode(x.encode()).decode()) for x in SECRETS)]
    async with talk.bot():
        _, run = await run_with_log(talk, "".join(f"│ it says {text}\n" for text in written))
        await talk.said("it says")
        talk.world.say(talk.grace, talk.team, f"/logs {run.id}")
        await talk.said("it says", "it says")
        talk.world.say(talk.grace, talk.team, f"/logs {run.id} 2000")
        await talk.until(lambda: documents(talk), "a file")
        report = Report(run.id, Phase.AGENT, cause=Cause.AGENT_FAILED, error=f"no: {TELEGRAM}")
        talk.place.finish(run.id, Outcome(Ending.FAILED, report, report.cause, report.error))
        await talk.told(run)
        stored = (talk.folder / "logs" / f"{run.id}.log").read_text()
    everything = "\n".join([shown(talk), stored, *documents(talk)])
    assert not [text for text in written if text.strip('"')[3:20] in everything]
    assert stored.count("it says [redacted]") == len(SECRETS)


async def test_tokens_in_a_summary_dont_show_and_nobody_is_called_by_it(talk: Talk) -> None:
    async with talk.bot():
        _, run = await run_with_log(talk, "")
        summary = f"Ask @grace_hopper about {GITHUB}, and @ada, not {TELEGRAM}."
        talk.place.finish(run.id, report=talk.pushed(run, summary=summary))
        told = await talk.said("Ask @")
    assert f"about {MARK}, and @\u2060ada, not {MARK}." in told.text
    assert "mention" not in {entity.type for entity in told.entities}


async def test_a_token_that_was_cut_shows_no_half_fault_35(talk: Talk) -> None:
    async with talk.bot():
        asked = talk.world.say(talk.grace, talk.team, f"/run owner/demo {'x' * 220} {GITHUB}")
        assert asked is not None
        await talk.run_of(asked)
        card = await talk.said("xxx")
    assert GITHUB[:8] not in card.text


async def test_a_log_is_redacted_before_lines_are_chosen_and_cut_fault_35(talk: Talk) -> None:
    tokens = [sample.text for seed in range(90) for sample in samples(seed)[:6]]
    async with talk.bot():
        _, run = await run_with_log(talk, " ".join(tokens) + "\n")
        for command in (f"/logs {run.id}", f"/logs {run.id} grep redacted"):
            before = len(talk.heard(MARK, MARK))
            talk.world.say(talk.grace, talk.team, command)
            await talk.said(MARK, MARK, count=before + 1)
    assert not [
        token for token in tokens if any(p in shown(talk) for p in (token[5:15], token[-10:]))
    ]


class Presses:
    """What would be shown to who pressed a button, instead of a whole Bot API."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    async def answer_callback_query(self, press_id: str, text: str) -> None:
        self.shown.append(text)


async def test_the_answer_to_a_button_is_redacted_before_it_is_cut_fault_35() -> None:
    presses = Presses()
    speaker = Speaker(presses, Outbox(), Redactor())  # type: ignore[arg-type]  # the one method that is used
    for filling in ("no: ", "x" * 170 + " "):
        await speaker.answer_press("1", f"{filling}{GITHUB}")
    assert presses.shown == [f"no: {MARK}", "x" * 170 + f" {MARK}"]


def documents(talk: Talk) -> list[str]:
    """Return the texts of the files that the bot sent."""
    return [
        talk.world.file(message.document).decode()
        for message in talk.heard()
        if message.document is not None
    ]


@pytest.mark.parametrize("mark", [plain, bold, quote])
def test_a_name_calls_nobody(mark: object) -> None:
    text = mark("ask @grace, a@b.example or @scope/package").without_mentions()  # type: ignore[operator]
    assert text.text() == "ask @\u2060grace, a@b.example or @scope/package"


def test_names_in_code_stay_as_they_are_since_telegram_calls_nobody_there() -> None:
    text = code("@grace") + pre("@dataclass")
    assert text.without_mentions() == text


def test_a_link_whose_address_holds_a_secret_is_no_link() -> None:
    text = plain("see ") + link("here", "https://a.example/x") + link("there", "https://b.example")
    changed = text.mapped(lambda piece: piece.replace("a.example", "z.example"))
    assert changed.html() == 'see here<a href="https://b.example">there</a>'
    assert replace(changed, spans=changed.spans[-1:]) == link("there", "https://b.example")
