"""/start, /help, /repos and commands that nobody knows: what a newcomer does first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bot.address import read_configured
from bot.config import Config, Repo, RepoOptions
from tests.bot.talk import Talk, talking
from tests.bot.test_talk_input import answer_to, to_tap


def config_of(count: int) -> Config:
    """Return a config with so many repos, the last of them for admins."""
    repos = {}
    for number in range(count):
        alias = f"repo{number:02}"
        options = RepoOptions(protected=number == count - 1)
        repos[alias] = Repo(alias, read_configured(f"https://github.com/acme/{alias}"), options)
    return Config(repos=repos)


async def test_start_greets_and_gives_a_line_that_works_in_private_and_in_a_group(
    talk: Talk,
) -> None:
    private = talk.world.private(talk.grace)
    async with talk.bot():
        talk.world.say(talk.grace, private, "/start")
        answer = await talk.said("Hello Grace!", "/help", chat=private.id)
        talk.world.say(talk.grace, private, to_tap(answer)[0])
        await talk.said("Running", chat=private.id)
        talk.world.say(talk.grace, talk.team, "/start@" + talk.world.bot.username)
        answer = await talk.said("Hello! Give me a task")
        talk.world.say(talk.grace, talk.team, to_tap(answer)[0])
        await talk.said("Running")


async def test_a_stranger_is_greeted_with_their_id_only(talk: Talk) -> None:
    private = talk.world.private(talk.mallory)
    async with talk.bot():
        talk.world.say(talk.mallory, private, "/start")
        await talk.said("I don't know you", str(talk.mallory.id), chat=private.id)
        await talk.quiet()
        assert len(talk.heard(chat=private.id)) == 1


async def test_every_example_of_the_repos_can_be_tapped_and_runs(tmp_path: Path) -> None:
    async with talking(tmp_path, config_of(3)) as talk, talk.bot():
        talk.world.say(talk.grace, talk.team, "/repos")
        answer = await talk.said("github.com/acme/repo00", "🔒 admins only")
        taps = to_tap(answer)
        assert len(taps) == 2
        assert answer.keyboard == ()
        for tap in taps:
            await talk.run_of(talk.world.say(talk.grace, talk.team, tap))


async def test_every_example_of_help_does_something_when_it_is_tapped(tmp_path: Path) -> None:
    named = zip(("shop", "a-locked-one"), config_of(2).repos.values(), strict=True)
    repos = {alias: replace(repo, alias=alias) for alias, repo in named}
    async with talking(tmp_path, Config(repos=repos)) as talk, talk.bot():
        await talk.run_of(talk.world.say(talk.grace, talk.team, "/run shop wait"))
        for name in ("run", "repos", "jobs", "logs", "retry", "cancel", "clean", "id", "help"):
            told = await answer_to(talk, talk.world.say(talk.grace, talk.team, f"/help {name}"))
            example = to_tap(told)[-1]
            answer = await answer_to(talk, talk.world.say(talk.grace, talk.team, example))
            assert example.startswith(f"/{name}")
            assert not any(
                words in answer.text
                for words in ("There is no r", "I don't", "Only admins", "Say ")
            ), f"{example}: {answer.text}"


async def test_many_repos_are_turned_over_in_pages(tmp_path: Path) -> None:
    async with talking(tmp_path, config_of(20)) as talk, talk.bot():
        talk.world.say(talk.grace, talk.team, "/repos")
        message = await talk.said("repo07")
        assert "repo08" not in message.text
        for button, words in (("▶", "repo08"), ("▶", "repo19"), ("◀", "repo15")):
            current = talk.world.message(talk.team, message.id)
            assert current is not None
            await talk.world.press(talk.grace, current, button)

            def turned(words: str = words) -> bool:
                now = talk.world.message(talk.team, message.id)
                return now is not None and words in now.text

            await talk.until(turned, "the page")
        current = talk.world.message(talk.team, message.id)
        assert current is not None
        assert current.keyboard[0][0].text == "◀"


async def test_help_of_a_wrong_word_and_a_wrong_command_lead_to_the_nearest(talk: Talk) -> None:
    private = talk.world.private(talk.grace)
    async with talk.bot():
        for text, words in {
            "/help retri": "/help retry",
            "/help logs now": "/logs: ",
            "/retri": "Did you mean /retry?",
            "/repo": "Did you mean /repos?",
        }.items():
            talk.world.say(talk.grace, private, text)
            await talk.said(words, chat=private.id)
