"""/retry and the Retry button: one new Run for one wish, for those who may, and as the config of today allows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from bot.address import read_configured
from bot.config import Config, Repo, RepoOptions, Role
from playground.messages import Message
from runs.backend import Unavailable
from runs.outcome import Ending, Outcome
from runs.run import Run, retried, retry_key, run_id
from sandbox.report import Cause
from tests.bot.talk import Talk, talking

RUN = '/run owner/demo@dev --timeout 45m "add a farewell"'
FAILED = Outcome(Ending.FAILED, None, Cause.AGENT_FAILED, "no way")


async def failed(talk: Talk, text: str = RUN) -> tuple[Run, Message]:
    """Let Grace's Run fail; return it with the message that tells it."""
    run = await talk.run_of(talk.world.say(talk.grace, talk.team, text))
    talk.place.finish(run.id, FAILED)
    await talk.told(run)
    return talk.place.runs[run.id], await talk.said("The agent failed.", run.id)


def retries_of(talk: Talk, run: Run) -> list[Run]:
    """Return the Runs that do this one again."""
    found = [(retried(other.key), other) for other in talk.place.runs.values()]
    return [other for of, other in found if of is not None and of[0] == run.id]


async def retry_of(talk: Talk, run: Run, count: int = 1) -> Run:
    """Wait for the newest Run that does this one again."""
    await talk.until(lambda: len(retries_of(talk, run)) == count, "the retry")
    return retries_of(talk, run)[-1]


async def test_a_failure_has_a_button_that_starts_it_again_once_however_often_it_is_pressed(
    talk: Talk,
) -> None:
    async with talk.bot():
        run, told = await failed(talk)
        presses = [talk.world.press(talk.grace, told, "🔁 Retry") for _ in range(3)]
        answers = await asyncio.gather(*presses)
        again = await retry_of(talk, run)
        assert {answer.text for answer in answers if answer} <= {
            "Started again.",
            f"It was tried again already: {again.id}.",
        }
        assert again.task == run.task
        assert again.id == run_id(retry_key(run.id, 1))
        assert again.origin == run.origin
        card = await talk.said("Running", f"🔁 {run.id} once more")
        assert card.reply_to_id == run.origin.message_id
        talk.place.finish(again.id, report=talk.pushed(again))
        done = await talk.said("Added a farewell.", again.id)
        assert [button.text for row in done.keyboard for button in row] == ["📄 Logs"]
        pressed = await talk.world.press(talk.grace, told, "🔁 Retry")
        assert pressed is not None
        assert pressed.text == f"It was tried again already: {again.id}."
        await talk.quiet()
        assert len(talk.place.runs) == 2


async def test_retry_by_id_by_reply_and_of_the_only_failure(talk: Talk) -> None:
    async with talk.bot():
        talk.world.say(talk.grace, talk.team, "/retry")
        await talk.said("No run of yours failed here")
        run, told = await failed(talk)
        talk.world.say(talk.grace, talk.team, "/retry")
        first = await retry_of(talk, run)
        assert first.origin.message_id != run.origin.message_id
        talk.world.say(talk.grace, talk.team, f"/retry {run.id[:6]}")
        await talk.said(f"{run.id} is tried again already: {first.id}")
        talk.place.finish(first.id, FAILED)
        await talk.told(first)
        talk.world.say(talk.grace, talk.team, "/retry", reply_to=told)
        second = await retry_of(talk, run, 2)
        assert second.key == retry_key(run.id, 2)
        talk.world.say(talk.grace, talk.team, f"/retry {second.id}")
        await talk.said("hasn't ended", f"/cancel {second.id}")
        talk.world.say(talk.grace, talk.team, "/retry")
        await talk.said("Which one?", f"/retry {run.id}", f"/retry {first.id}")
        talk.world.say(talk.grace, talk.team, "/retry zzzz")
        await talk.said("There is no run zzzz here")


async def test_a_run_whose_job_is_gone_is_done_again_from_its_record(talk: Talk) -> None:
    async with talk.bot():
        run, told = await failed(talk)
        talk.place.forget(run.id)
        talk.world.say(talk.grace, talk.team, f"/retry {run.id}")
        again = await retry_of(talk, run)
        assert again.task == run.task
        talk.place.finish(again.id, FAILED)
        await talk.told(again)
        talk.place.forget(again.id)
        pressed = await talk.world.press(talk.grace, told, "🔁 Retry")
        assert pressed is not None
        assert "already" in pressed.text
        (talk.folder / "logs" / f"{run.id}.json").unlink()
        pressed = await talk.world.press(talk.grace, told, "🔁 Retry")
        assert pressed is not None
        assert pressed.text == "That run is gone."
        assert not talk.place.runs


async def test_a_run_of_somebody_else_is_done_again_by_an_admin_only(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        linus, viewer = talk.world.person("Linus"), talk.world.person("Vera")
        for person in (linus, viewer):
            talk.world.set_status(person, talk.team, "member")
        talk.config = Config(
            people={
                talk.ada.id: Role.ADMIN,
                talk.grace.id: Role.RUNNER,
                linus.id: Role.RUNNER,
                viewer.id: Role.VIEWER,
            }
        )
        async with talk.bot():
            run, told = await failed(talk)
            for person, words in (
                (linus, "somebody else's"),
                (viewer, "You may look"),
                (talk.mallory, "I don't know you"),
            ):
                pressed = await talk.world.press(person, told, "🔁 Retry")
                assert pressed is not None
                assert words in pressed.text
            talk.world.say(linus, talk.team, f"/retry {run.id}")
            await talk.said("somebody else's")
            talk.world.say(viewer, talk.team, f"/retry {run.id}")
            await talk.said("You may look")
            assert len(talk.place.runs) == 1
            await talk.world.press(talk.ada, told, "🔁 Retry")
            again = await retry_of(talk, run)
            assert again.origin.person_id == talk.ada.id
            assert again.origin.message_id == told.id


async def test_a_repo_that_may_not_run_any_more_is_not_run_again(tmp_path: Path) -> None:
    repo = Repo("demo", read_configured("file:///srv/demo.git"), RepoOptions())
    async with talking(tmp_path, Config(repos={"demo": repo})) as talk:
        async with talk.bot():
            run, told = await failed(talk, "/run demo fix it")
        talk.config = Config(repos={"demo": replace(repo, options=RepoOptions(protected=True))})
        async with talk.bot():
            pressed = await talk.world.press(talk.grace, told, "🔁 Retry")
            assert pressed is not None
            assert "You may not run that repo" in pressed.text
            talk.world.say(talk.grace, talk.team, f"/retry {run.id}")
            await talk.said("You may not run that repo")
        talk.config = Config(repos={"demo": repo})
        async with talk.bot():
            await talk.world.press(talk.grace, told, "🔁 Retry")
            again = await retry_of(talk, run)
            assert again.task.repo_url == "file:///srv/demo.git"


async def test_a_slow_place_is_said_at_once_and_the_outcome_as_a_message(talk: Talk) -> None:
    async with talk.bot():
        run, told = await failed(talk)
        talk.place.hold("start")
        pressed = await talk.world.press(talk.grace, told, "🔁 Retry")
        assert pressed is not None
        assert pressed.text == "One moment …"
        talk.place.release("start")
        await retry_of(talk, run)
        await talk.said("Started again.")


async def test_a_place_that_is_away_is_waited_for(talk: Talk) -> None:
    async with talk.bot():
        run, _ = await failed(talk)
        for _ in range(3):
            talk.place.fail_next(Unavailable("away"))
        talk.world.say(talk.grace, talk.team, f"/retry {run.id}")
        await talk.said("your task starts as soon as it does")
        await retry_of(talk, run)


async def test_a_branch_that_the_config_trusts_no_more_is_not_trusted_again(tmp_path: Path) -> None:
    trusting = RepoOptions(branch="main", trusts_branch=True)
    repo = Repo("demo", read_configured("file:///srv/demo.git"), trusting)
    async with talking(tmp_path, Config(repos={"demo": repo})) as talk:
        async with talk.bot():
            run, told = await failed(talk, "/run demo@dev fix it")
            assert (run.task.base, run.task.trusts_branch) == ("main", True)
        talk.config = Config(repos={"demo": replace(repo, options=RepoOptions())})
        async with talk.bot():
            await talk.world.press(talk.grace, told, "🔁 Retry")
            again = await retry_of(talk, run)
            assert (again.task.base, again.task.trusts_branch) == (None, False)
