"""/retry and the Retry button: one new Run for one wish, for those who may, and as the config of today allows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from bot.address import read_configured
from bot.config import Config, Repo, RepoOptions
from playground.messages import Message
from runs.backend import Unavailable
from runs.outcome import Ending, Outcome, Seen
from runs.run import Run, lineage, retry_key, run_id
from sandbox.report import Cause
from tests.bot.talk import Talk, a_runner_and_a_viewer, talking

RUN = '/run owner/demo@dev --timeout 45m "add a farewell"'
FAILED = Outcome(Ending.FAILED, None, Cause.AGENT_FAILED, "no way")
STARVED = Outcome(Ending.FAILED, None, Seen.OUT_OF_MEMORY)
LATE = Outcome(Ending.FAILED, None, Cause.DEADLINE, "the time of 2700 seconds was over")
NO_IMAGE = Outcome(Ending.FAILED, None, Seen.IMAGE_PULL, "claude: not found")


async def failed(talk: Talk, text: str = RUN, outcome: Outcome = FAILED) -> tuple[Run, Message]:
    """Let Grace's Run fail; return it with the message that tells it."""
    run = await talk.run_of(talk.world.say(talk.grace, talk.team, text))
    talk.place.finish(run.id, outcome)
    await talk.told(run)
    return talk.place.runs[run.id], await talk.said("Failed", run.id, "➜")


def retries_of(talk: Talk, run: Run) -> list[Run]:
    """Return the Runs that do this one again."""
    found = [(lineage(other.key), other) for other in talk.place.runs.values()]
    return [other for of, other in found if of is not None and of.parent_id == run.id]


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
            f"It was retried already: {again.id}.",
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
        assert pressed.text == f"It was retried already: {again.id}."
        await talk.quiet()
        assert len(talk.place.runs) == 2


async def test_retry_by_id_by_reply_and_of_the_only_failure(talk: Talk) -> None:
    async with talk.bot():
        talk.world.say(talk.grace, talk.team, "/retry")
        await talk.said("None of your runs failed here")
        run, told = await failed(talk)
        talk.world.say(talk.grace, talk.team, "/retry")
        first = await retry_of(talk, run)
        assert first.origin.message_id != run.origin.message_id
        talk.world.say(talk.grace, talk.team, f"/retry {run.id[:6]}")
        await talk.said(f"{run.id} is being retried already: {first.id}")
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
        linus, viewer = a_runner_and_a_viewer(talk)
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


async def pressed(talk: Talk, told: Message, button: str) -> str:
    """Press a button as Grace; return what was said at once."""
    answer = await talk.world.press(talk.grace, told, button)
    assert answer is not None
    return answer.text or ""


async def test_a_run_that_lacked_memory_is_done_again_with_twice_as_much(talk: Talk) -> None:
    async with talk.bot():
        run, told = await failed(talk, outcome=STARVED)
        rows = [[button.text for button in row] for row in told.keyboard]
        assert rows == [["🔁 Retry", "🔁 with 8 GiB"], ["📄 Logs", "📎 Full log"]]
        presses = (pressed(talk, told, "🔁 with 8 GiB") for _ in range(3))
        again = f"It was retried already: {run_id(retry_key(run.id, 1, 'memory'))}."
        assert set(await asyncio.gather(*presses)) <= {"Started again, with 8 GiB.", again}
        more = await retry_of(talk, run)
        assert more.task == replace(run.task, memory="8Gi")
        assert more.id == run_id(retry_key(run.id, 1, "memory"))
        await talk.said("Running", f"🔁 {run.id} once more, with 8 GiB")
        talk.place.finish(more.id, STARVED)
        told = await talk.said("needed more memory", more.id)
        assert await pressed(talk, told, "🔁 with 16 GiB") == "Started again, with 16 GiB."
        assert (await retry_of(talk, more)).task.memory == "16Gi"


async def test_unfinished_work_goes_on_from_where_it_was_pushed_once(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.grace, talk.team, RUN))
        report = talk.pushed(run, branch=f"claude/{run.id}-x-wip", base="dev")
        talk.place.finish(run.id, replace(LATE, report=report))
        told = await talk.said("Failed", f"claude/{run.id}-x-wip")
        await talk.told(run)
        talk.place.forget(run.id)
        presses = (pressed(talk, told, "▶ Go on from there") for _ in range(2))
        already = f"It was retried already: {run_id(retry_key(run.id, 1, 'on'))}."
        assert set(await asyncio.gather(*presses)) <= {"It goes on from there.", already}
        further = await retry_of(talk, run)
        assert (further.task.branch, further.task.base) == (f"claude/{run.id}-x-wip", "dev")
        assert further.task.prompt.startswith("add a farewell\n\n--- You began that")
        await talk.said("Running", f"▶ goes on from {run.id}")


async def test_another_retry_waits_for_the_one_that_is_under_way(talk: Talk) -> None:
    async with talk.bot():
        run, told = await failed(talk, outcome=LATE)
        assert await pressed(talk, told, "🔁 with 90 min") == "Started again, with 90 min."
        longer = await retry_of(talk, run)
        assert longer.task == replace(run.task, timeout_seconds=5400)
        assert f"being retried already: {longer.id}" in await pressed(talk, told, "🔁 Retry")
        talk.world.say(talk.grace, talk.team, f"/retry {run.id}")
        await talk.said(f"{run.id} is being retried already: {longer.id}")
        talk.place.finish(longer.id, FAILED)
        await talk.told(longer)
        assert await pressed(talk, told, "🔁 Retry") == "Started again."
        assert len(retries_of(talk, run)) == 2


async def test_what_this_place_cannot_apply_is_not_offered(tmp_path: Path) -> None:
    async with talking(tmp_path, ignored=frozenset({"memory"})) as talk, talk.bot():
        _, told = await failed(talk, outcome=STARVED)
        assert [button.text for button in told.keyboard[0]] == ["🔁 Retry"]


async def test_an_image_that_cannot_be_pulled_is_left_out_also_when_it_is_not_allowed_any_more(
    tmp_path: Path,
) -> None:
    async with talking(tmp_path, Config(images=("ghcr.io/acme/*",))) as talk:
        async with talk.bot():
            text = "/run owner/demo --image ghcr.io/acme/x fix it"
            run, told = await failed(talk, text, NO_IMAGE)
            talk.place.forget(run.id)
        talk.config = Config(defaults=RepoOptions(image="ghcr.io/acme/usual"))
        async with talk.bot():
            assert "isn't allowed" in await pressed(talk, told, "🔁 Retry")
            said = await pressed(talk, told, "🔁 usual image")
            assert said == "Started again, usual image."
            assert (await retry_of(talk, run)).task.image == "ghcr.io/acme/usual"


async def test_a_change_that_nobody_offered_does_nothing(talk: Talk) -> None:
    async with talk.bot():
        run, told = await failed(talk, "/run owner/demo --memory 64Gi fix it", STARVED)
        assert [button.text for button in told.keyboard[0]] == ["🔁 Retry"]
        shown = talk.world.message(talk.team, told.id)
        assert shown is not None
        for data, words in (
            (f"retry:{run.id}:1:memory", "There is no more to be had"),
            (f"retry:{run.id}:1:on", "pushed nothing"),
            (f"retry:{run.id}:1:luck", "from an older time"),
            (f"retry:{run.id}:1:memory:x", "from an older time"),
        ):
            row = (replace(told.keyboard[0][0], data=data),)
            forged = talk.world.state.change(replace(shown, keyboard=(row,)))
            assert words in await pressed(talk, forged, data)
        assert len(talk.place.runs) == 1


async def test_the_whole_log_of_a_failure_comes_as_a_file_also_after_its_job_is_gone(
    talk: Talk,
) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.grace, talk.team, RUN))
        talk.place.progress(run.id, log=b"".join(b"line %d\n" % number for number in range(2000)))
        talk.place.finish(run.id, FAILED)
        told = await talk.said("The agent failed.", run.id)
        await talk.told(run)
        talk.place.forget(run.id)
        assert await pressed(talk, told, "📎 Full log") == "Its whole log comes as a file."
        sent = await talk.said("the whole log", run.id)
        assert sent.document is not None
        assert sent.reply_to_id == told.id
        assert talk.world.file(sent.document).count(b"\n") == 2000


async def test_an_empty_log_is_told_and_no_stranger_gets_one(talk: Talk) -> None:
    async with talk.bot():
        _, told = await failed(talk)
        refused = await talk.world.press(talk.mallory, told, "📎 Full log")
        assert refused is not None
        assert "I don't know you" in (refused.text or "")
        await pressed(talk, told, "📎 Full log")
        await talk.said("It printed nothing.")


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
            assert (run.task.trusted_base, run.task.trusts_branch) == ("main", True)
        talk.config = Config(repos={"demo": replace(repo, options=RepoOptions())})
        async with talk.bot():
            await talk.world.press(talk.grace, told, "🔁 Retry")
            again = await retry_of(talk, run)
            assert (again.task.trusted_base, again.task.trusts_branch) == (None, False)
