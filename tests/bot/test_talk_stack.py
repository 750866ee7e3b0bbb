"""What the chat is told of a repo's stack."""

from __future__ import annotations

from pathlib import Path

from bot.config import Config
from bot.fitting import Offer
from bot.stacks import Stacks
from runs.outcome import Ending, Outcome
from runs.stacks.remote import Reading, Unread
from runs.stacks.stack import Stack, Wanted
from sandbox.report import Cause, Phase, Report
from tests.bot.talk import talking

RUN = '/run owner/shop@next "add a farewell"'
FOUND = Reading("c0ffee", Stack("ruby", "3.3.1", (Wanted("postgres"), Wanted("redis"))))


class Reader:
    """Answers as it is told to, and remembers what it was asked."""

    def __init__(self, answer: Reading | Unread) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str | None]] = []

    async def read(self, url: str, branch: str | None) -> Reading:
        self.asked.append((url, branch))
        if isinstance(self.answer, Unread):
            raise self.answer
        return self.answer


def stacks(reader: Reader) -> Stacks:
    return Stacks(reader, Offer(Config(versions={"ruby": ("3.2", "3.3")}), "team/sandbox:1"))


async def test_the_card_names_the_stack_and_the_run_has_it(tmp_path: Path) -> None:
    reader = Reader(FOUND)
    async with talking(tmp_path, stacks=stacks(reader)) as talk, talk.bot():
        talk.world.say(talk.ada, talk.team, RUN)
        run = await talk.one_run()
        assert run.task.services == ("postgres", "redis")
        assert run.task.image == "team/sandbox:ruby-3.3"
        await talk.said("Running", "Ruby 3.3 · Postgres · Redis")
    assert reader.asked == [("https://github.com/owner/shop.git", "next")]


async def test_a_repo_that_can_not_be_read_runs_all_the_same_and_the_card_says_why(
    tmp_path: Path,
) -> None:
    reader = Reader(Unread("no answer in 5 s"))
    async with talking(tmp_path, stacks=stacks(reader)) as talk, talk.bot():
        talk.world.say(talk.ada, talk.team, RUN)
        run = await talk.one_run()
        assert run.task.services == ("postgres", "redis")
        assert run.task.image is None
        await talk.said("Running", "Postgres · Redis", "only guessed", "no answer in 5 s")


async def test_a_mistake_in_the_repos_file_is_told_on_the_card(tmp_path: Path) -> None:
    reader = Reader(Reading("c0ffee", Stack(), "services: [pstgres]\n"))
    async with talking(tmp_path, stacks=stacks(reader)) as talk, talk.bot():
        talk.world.say(talk.ada, talk.team, RUN)
        await talk.said("Running", ".claude-sandbox.yaml doesn't count, line 1")


async def test_a_retry_looks_at_the_repo_anew(tmp_path: Path) -> None:
    reader = Reader(FOUND)
    async with talking(tmp_path, stacks=stacks(reader)) as talk, talk.bot():
        talk.world.say(talk.ada, talk.team, RUN)
        run = await talk.one_run()
        failed = Outcome(Ending.FAILED, Report(run.id, Phase.AGENT), Cause.AGENT_FAILED)
        talk.place.finish(run.id, failed)
        await talk.said("Failed")
        reader.answer = Reading("beef", Stack("go", "1.22", (Wanted("mongodb"),)))
        talk.world.say(talk.ada, talk.team, "/retry")
        await talk.said("Running", "Go 1.22 · MongoDB")
        newest = list(talk.place.runs.values())[-1]
        assert (newest.task.services, newest.task.image) == (("mongodb",), None)
