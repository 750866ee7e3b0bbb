"""What people type wrong: each is told what is wrong, with a line to tap, and nothing starts."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from bot.address import read_configured
from bot.config import Config, Repo
from playground.arguments import Upload
from playground.messages import Message
from tests.bot.talk import Talk, talking

SECRET = "hunter2-pa55"


def demo_config() -> Config:
    """Return a config that names two repos."""
    repos = {
        alias: Repo(alias, read_configured(f"https://github.com/acme/{alias}"))
        for alias in ("demo", "website")
    }
    return Config(repos=repos)


def to_tap(message: Message) -> list[str]:
    """Return the parts of a message that a tap copies."""
    units = message.text.encode("utf-16-le")
    return [
        units[2 * entity.offset : 2 * entity.end].decode("utf-16-le")
        for entity in message.entities
        if entity.type == "code"
    ]


async def test_every_mistake_is_answered_with_a_line_that_works_fault_38_39(tmp_path: Path) -> None:
    wrong = {
        "/run": ("Say which repo", '/run demo "add a farewell"'),
        "/run demo": ("Say what to do", '/run demo "add a farewell"'),
        "/run demmo fix it": ("Did you mean demo?", "/run demo fix it"),
        '/run demo "never closed': ("isn't closed", '/run demo "never closed"'),
        "/run demo --timeot 45m fix": ("Did you mean --timeout?", "/run demo --timeout 45m fix"),
        "/run demo --timeout 45d fix": ("from 1m to 24h", "/run demo --timeout 45m fix"),
        "/run demo --memory 900Gi fix": ("from 256Mi to 64Gi", "/run demo --memory 4Gi fix"),
        "/run demo --cpu 0 fix": ("from 100m to 32", "/run demo --cpu 2 fix"),
        "/run demo --budget 0 fix": ("from 0.01 to 1000", "/run demo --budget 2.50 fix"),
        "/run ../x fix": ("path of a machine", '/run demo "add a farewell"'),
        "/run -oProxyCommand=id fix": ("can't begin with a dash", '/run demo "add a farewell"'),
        "/run ext::sh%20-c%20id fix": ("Only https and ssh", '/run demo "add a farewell"'),
        "/run file:///etc fix": ("can't be run from a chat", '/run demo "add a farewell"'),
        "/run demo@../x fix": ("no branch of such a name", '/run demo "add a farewell"'),
        f"/run https://me:{SECRET}@github.com/a/b fix": (
            "Leave names, passwords",
            '/run demo "add a farewell"',
        ),
        f"/run me:{SECRET}@github.com/a/b fix": (
            "Leave names, passwords",
            '/run demo "add a farewell"',
        ),
        "/run https://gïthub.com/a/b fix": ("plain letters only", '/run demo "add a farewell"'),
        "/run demo --upload-pack=x fix": ("no such option", "/run demo -- --upload-pack=x fix"),
    }
    async with talking(tmp_path, demo_config()) as talk, talk.bot():
        for text, (sentence, example) in wrong.items():
            asked = talk.world.say(talk.grace, talk.team, text)
            answer = await answer_to(talk, asked)
            assert sentence in answer.text, text
            assert to_tap(answer) == [example], text
            assert SECRET not in answer.text
        assert not talk.place.runs
        assert SECRET not in talk.log.text()


async def test_a_nul_is_refused_with_a_sentence(talk: Talk) -> None:
    talk.world.say(talk.ada, talk.team, "/run owner/demo a b")
    update = talk.world.state.updates.pending()[-1]
    talk.world.state.updates.clear()
    message = dict(cast("dict[str, object]", update["message"]), text="/run owner/demo a\x00b")
    talk.world.state.updates.add("message", message)
    async with talk.bot():
        answer = await talk.said("a character that no program can take")
        assert to_tap(answer) == ["/run owner/demo ab"]
        assert not talk.place.runs


async def answer_to(talk: Talk, asked: Message) -> Message:
    """Wait for the bot's answer to a message."""

    def answers() -> list[Message]:
        return [message for message in talk.heard() if message.reply_to_id == asked.id]

    await talk.until(answers, f"an answer to {asked.text!r}")
    return answers()[0]


async def test_a_line_to_tap_starts_what_was_meant(tmp_path: Path) -> None:
    async with talking(tmp_path, demo_config()) as talk, talk.bot():
        asked = talk.world.say(talk.grace, talk.team, "/run demmo fix it")
        (line,) = to_tap(await answer_to(talk, asked))
        talk.world.say(talk.grace, talk.team, line)
        run = await talk.one_run()
        assert (run.task.repo_name, run.task.prompt) == ("demo", "fix it")


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("/run demo “fix the ‘greeter’”", "fix the ‘greeter’"),
        ("/run demo „mach das“", "mach das"),
        ("/run demo\nfirst line\nsecond line", "first line\nsecond line"),
        ("/run@claude_sandbox_bot demo fix it", "fix it"),
        ("/RUN demo fix it", "fix it"),
        ("/run demo $(GITHUB_TOKEN) `id` {{7*7}}", "$(GITHUB_TOKEN) `id` {{7*7}}"),
        ('/run demo -- ": \n- name: EVIL"', '": \n- name: EVIL"'),
        ("/run demo " + "x" * 4086, "x" * 4086),
        ("/run demo \u202eevil \u200bzero", "\u200bzero"),
    ],
)
async def test_a_task_arrives_as_it_was_typed_fault_38_40(
    tmp_path: Path, text: str, prompt: str
) -> None:
    async with talking(tmp_path, demo_config()) as talk, talk.bot():
        talk.world.say(talk.grace, talk.team, text)
        run = await talk.one_run()
        assert run.task.prompt.endswith(prompt)
        card = await talk.said("Running")
        assert "demo" in card.text


async def test_a_command_with_no_space_behind_it_is_answered(talk: Talk) -> None:
    async with talk.bot():
        answer = await answer_to(talk, talk.world.say(talk.ada, talk.team, "/run,demo fix it"))
        assert "Put a space after the command" in answer.text
        assert not talk.place.runs


async def test_a_command_to_another_bot_stays_unanswered_fault_38(talk: Talk) -> None:
    async with talk.bot():
        talk.world.say(talk.ada, talk.team, "/run@other_bot owner/demo fix it")
        talk.world.say(talk.ada, talk.team, "/what is this")
        talk.world.say(talk.ada, talk.team, "just talking about /run")
        await answer_to(talk, talk.world.say(talk.ada, talk.team, "/id"))
        assert len(talk.heard()) == 1
        assert not talk.place.runs


async def test_an_edited_command_starts_nothing_and_changes_nothing_fault_41(talk: Talk) -> None:
    async with talk.bot():
        asked = talk.world.say(talk.ada, talk.team, '/run owner/demo "one"')
        run = await talk.run_of(asked)
        talk.world.edit(asked, '/run owner/demo "two"')
        await talk.said("An edited message starts nothing")
        assert [found.task.prompt for found in talk.place.runs.values()] == ["one"]
        assert talk.place.starts[run.id] == 1


async def test_a_forwarded_command_starts_nothing_fault_41(talk: Talk) -> None:
    async with talk.bot():
        private = talk.world.private(talk.grace)
        asked = talk.world.say(talk.grace, private, '/run owner/demo "one"')
        await talk.run_of(asked)
        talk.world.forward(talk.ada, asked, talk.team)
        await talk.said("A forwarded command starts nothing")
        assert len(talk.place.runs) == 1


async def test_a_command_under_a_file_starts_nothing_and_says_so_fault_41(talk: Talk) -> None:
    async with talk.bot():
        for caption in ("just a picture", "/run owner/demo fix this"):
            picture = Upload("x.png", "application/octet-stream", b"x", caption=caption)
            talk.world.send(talk.ada, talk.team, picture)
        await talk.said("Send the text as a message of its own")
        assert not talk.place.runs
        assert len(talk.heard()) == 1


async def test_a_reply_makes_a_task_of_the_message_that_it_answers(talk: Talk) -> None:
    async with talk.bot():
        wish = talk.world.say(talk.grace, talk.team, "please add\na farewell")
        talk.world.say(talk.ada, talk.team, "/run owner/demo", reply_to=wish)
        run = await talk.one_run()
        assert run.task.prompt == "please add\na farewell"


async def test_an_unknown_command_is_answered_where_it_can_only_be_meant_for_us(
    talk: Talk,
) -> None:
    async with talk.bot():
        private = talk.world.private(talk.ada)
        talk.world.say(talk.ada, private, "/jops")
        await talk.said("I don't know /jops. Did you mean /jobs?", chat=private.id)
        talk.world.say(talk.ada, talk.team, "/qwertyuiop@claude_sandbox_bot")
        await talk.said("I don't know /qwertyuiop. /help lists")


async def test_help_shows_what_there_is_and_more_about_each_command(tmp_path: Path) -> None:
    async with talking(tmp_path, demo_config()) as talk, talk.bot():
        for text, words in {
            "/help": ("/run", "/jobs", "demo, website"),
            "/start": ("/run", "/jobs"),
            "/help run": ("--timeout", "--pr", "another branch"),
            "/help /LOGS": ("start of an id",),
            "/help nonsense": ("I don't know /nonsense", "/help lists"),
        }.items():
            answer = await answer_to(talk, talk.world.say(talk.grace, talk.team, text))
            assert all(word in answer.text for word in words), answer.text


async def test_id_tells_the_numbers_that_the_config_needs(talk: Talk) -> None:
    topic = talk.world.topic(talk.ada, talk.team, "Work")
    async with talk.bot():
        asked = talk.world.say(talk.grace, talk.team, "/id", thread=topic.id)
        answer = await answer_to(talk, asked)
        assert to_tap(answer) == [str(talk.team.id), str(talk.grace.id)]
        assert f"topic {topic.id}" in answer.text
        stranger = talk.world.private(talk.mallory)
        talk.world.say(talk.mallory, stranger, "/id")
        await talk.said(str(talk.mallory.id), chat=stranger.id)
