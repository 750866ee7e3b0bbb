"""/jobs, /logs, /cancel and /clean, over Runs in every state."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot import router
from bot.access import Action
from bot.address import read_configured
from bot.config import Config, Repo
from playground.messages import Message
from runs.backend import Unavailable
from runs.run import Run
from sandbox.report import Phase, Report
from tests.bot.talk import Talk, talking

RUN = '/run owner/demo "add a farewell"'


async def ended(talk: Talk, asked: Message, log: bytes = b"") -> tuple[Run, Message]:
    """Let the Run of a message end well, and return it with the message that tells it."""
    run = await talk.run_of(asked)
    talk.place.progress(run.id, log=log)
    talk.place.finish(run.id, report=talk.pushed(run))
    await talk.told(run)
    return talk.place.runs[run.id], await talk.said("Added a farewell.", run.id)


def current(talk: Talk, message: Message) -> Message:
    """Return a message as it stands now."""
    found = talk.world.message(talk.team, message.id)
    assert found is not None
    return found


def labels(message: Message) -> list[str]:
    """Return what stands on the buttons of a message."""
    return [button.text for row in message.keyboard for button in row]


async def test_jobs_shows_what_runs_waits_and_ended_here_only(talk: Talk) -> None:
    private = talk.world.private(talk.grace)
    async with talk.bot():
        talk.world.say(talk.ada, talk.team, "/jobs")
        await talk.said("No runs here", "/run")
        done, _ = await ended(talk, talk.world.say(talk.ada, talk.team, RUN))
        running = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        hers = await talk.run_of(talk.world.say(talk.grace, private, RUN))
        talk.world.say(talk.ada, talk.team, "/jobs")
        answer = await talk.said("1 running or waiting, 1 ended")
        assert done.id in answer.text
        assert running.id in answer.text
        assert hers.id not in answer.text


async def test_the_table_of_jobs_keeps_itself_up_to_date(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.grace, talk.team, RUN))
        talk.world.say(talk.ada, talk.team, "/jobs")
        message = await talk.said("1 running or waiting, 0 ended")
        talk.place.progress(run.id, Report(run.id, Phase.AGENT))
        await talk.until(lambda: "the agent is working" in current(talk, message).text, "the phase")
        pressed = await talk.world.press(talk.grace, current(talk, message), "⏹ 1")
        assert pressed is not None
        assert "Stopping" in pressed.text
        await talk.until(lambda: "0 running or waiting, 1 ended" in current(talk, message).text, "")
        assert "🔁 1" in labels(current(talk, message))
        more = [await talk.run_of(talk.world.say(talk.grace, talk.team, RUN)) for _ in range(5)]
        await talk.until(lambda: "page 1 of 2" in current(talk, message).text, "a second page")
        await talk.world.press(talk.ada, current(talk, message), "▶")
        await talk.until(lambda: "page 2 of 2" in current(talk, message).text, "the page")
        assert run.id in current(talk, message).text
        pressed = await talk.world.press(talk.ada, current(talk, message), "📄 1")
        assert pressed is not None
        await talk.said("It printed nothing", run.id)
        assert more


async def test_what_was_cleaned_leaves_the_table_without_waiting_for_a_sweep(talk: Talk) -> None:
    talk.poll_seconds = 3600.0
    async with talk.bot():
        cleaned, _ = await ended(talk, talk.world.say(talk.ada, talk.team, RUN))
        kept, _ = await ended(talk, talk.world.say(talk.grace, talk.team, RUN))
        talk.world.say(talk.ada, talk.team, "/jobs")
        message = await talk.said("0 running or waiting, 2 ended")
        talk.world.say(talk.ada, talk.team, f"/clean {cleaned.id}")
        await talk.said("Removed 1 run", cleaned.id)
        await talk.until(lambda: "0 running or waiting, 1 ended" in current(talk, message).text, "")
        assert kept.id in current(talk, message).text
        assert labels(current(talk, message)) == ["📄 1", "🔄"]


async def test_a_newer_table_and_a_restart_leave_the_old_one_as_it_stands(talk: Talk) -> None:
    async with talk.bot():
        talk.world.say(talk.ada, talk.team, RUN)
        await talk.one_run()
        talk.world.say(talk.ada, talk.team, "/jobs")
        first = await talk.said("1 running or waiting")
        talk.world.say(talk.ada, talk.team, "/jobs")
        second = await talk.said("1 running or waiting", count=2)
        await talk.until(lambda: "not kept up to date" in current(talk, first).text, "the note")
        run = await talk.one_run()
    async with talk.bot():
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.told(run)
        await talk.quiet(30)
        assert "1 running or waiting" in current(talk, second).text
        await talk.world.press(talk.ada, current(talk, second), "🔄")
        await talk.until(lambda: "1 ended" in current(talk, second).text, "the table")


async def test_a_table_moves_for_an_hour_and_then_costs_nothing(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.told(run)
        talk.world.say(talk.ada, talk.team, "/jobs")
        message = await talk.said("0 running or waiting, 1 ended")
        await talk.quiet(3700)
        edits = len(talk.world.calls("editMessageText"))
        await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        await talk.until(lambda: "not kept up to date" in current(talk, message).text, "the note")
        await talk.quiet(60)
        assert len(talk.world.calls("editMessageText")) > edits


async def test_an_admin_sees_the_runs_of_all_chats_in_private(talk: Talk) -> None:
    private = talk.world.private(talk.ada)
    async with talk.bot():
        run, _ = await ended(talk, talk.world.say(talk.grace, talk.team, RUN))
        talk.world.say(talk.ada, private, "/jobs")
        await talk.said(run.id, chat=private.id)
        talk.world.say(talk.ada, private, "/clean")
        await talk.said("There is nothing to clean", chat=private.id)
        assert run.id in talk.place.runs
        talk.world.say(talk.ada, private, f"/clean {run.id}")
        await talk.said("Removed 1 run", chat=private.id)


async def test_logs_finds_a_run_by_id_beginning_and_every_message_of_it(talk: Talk) -> None:
    async with talk.bot():
        asked = talk.world.say(talk.grace, talk.team, RUN)
        run, told = await ended(talk, asked, b"one\ntwo\nthree\n")
        newer = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        card = talk.world.message(talk.team, run.marks.card_id or 0)
        assert card is not None
        ways = [
            (f"/logs {run.id}", None),
            (f"/logs {run.id[:5].upper()}", None),
            ("/logs", card),
            ("/logs", asked),
            ("/logs", told),
            ("/logs 50", told),
        ]
        for count, (text, reply_to) in enumerate(ways, 1):
            talk.world.say(talk.ada, talk.team, text, reply_to=reply_to)
            answer = await talk.said("one\ntwo\nthree", "all of it", count=count)
            assert run.id in answer.text
        talk.world.say(talk.ada, talk.team, "/logs 2", reply_to=told)
        answer = await talk.said("the last 2 lines")
        assert "one" not in answer.text
        talk.world.say(talk.ada, talk.team, "/logs")
        await talk.said("has printed nothing so far", newer.id)


async def test_logs_refuses_what_it_cannot_find_fault_42(talk: Talk) -> None:
    private = talk.world.private(talk.grace)
    async with talk.bot():
        talk.world.say(talk.ada, talk.team, "/logs")
        await talk.said("There is no run here yet")
        hers = await talk.run_of(talk.world.say(talk.grace, private, RUN))
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        for other in ("aabbccdd", "aabbeeff"):
            talk.place.logs[other] = b""
            talk.place.put(replace(run, id=other, key=other))
        for text, words in {
            f"/logs {hers.id}": f"There is no run {hers.id} here",
            "/logs 22222222": "There is no run 22222222 here",
            "/logs ../../etc": "Name a run by its id",
            "/logs aabb": "Several runs begin with aabb: aabbccdd, aabbeeff",
            f"/logs {run.id} 0": "from 1 to 2000",
            f"/logs {run.id} many": "from 1 to 2000",
        }.items():
            talk.world.say(talk.ada, talk.team, text)
            await talk.said(words)


async def test_a_long_log_is_cut_to_whole_lines_or_comes_as_a_file(talk: Talk) -> None:
    rows = [f"line {number} " + "x" * 80 for number in range(3000)]
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.progress(run.id, log="\n".join(rows).encode())
        talk.world.say(talk.ada, talk.team, f"/logs {run.id}")
        answer = await talk.said("line 2999", "the last 30 lines")
        assert "line 2970" in answer.text
        talk.world.say(talk.ada, talk.team, f"/logs {run.id} 2000")
        sent = await talk.said("The last 2000 lines")
        assert sent.document is not None
        data = talk.world.file(sent.document).decode()
        assert sent.document.name == f"{run.id}.log"
        assert data.split("\n") == rows[-2000:]


async def test_a_log_of_one_endless_line_shows_its_end_and_does_not_claim_to_be_all(
    talk: Talk,
) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.progress(run.id, log=b"begin" + b"x" * 100_000 + b"end")
        talk.world.say(talk.ada, talk.team, f"/logs {run.id}")
        answer = await talk.said("xend")
        assert "all of it" not in answer.text


async def test_few_lines_out_of_many_long_ones_do_not_claim_to_be_all(talk: Talk) -> None:
    rows = [f"line {number} " + "x" * 1000 for number in range(60)]
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.progress(run.id, log="\n".join(rows).encode())
        talk.world.say(talk.ada, talk.team, f"/logs {run.id}")
        answer = await talk.said("line 59", "the last 3 lines")
        assert "all of it" not in answer.text


async def test_cancel_answers_a_reply_an_id_and_the_only_own_run(talk: Talk) -> None:
    async with talk.bot():
        talk.world.say(talk.grace, talk.team, "/cancel")
        await talk.said("Nothing of yours is running")
        done, told = await ended(talk, talk.world.say(talk.grace, talk.team, RUN))
        one = await talk.run_of(talk.world.say(talk.grace, talk.team, RUN))
        talk.world.say(talk.grace, talk.team, "/cancel", reply_to=told)
        await talk.said(done.id, "has ended already")
        assert not talk.place.runs[one.id].ended
        two = await talk.run_of(talk.world.say(talk.grace, talk.team, RUN))
        talk.world.say(talk.grace, talk.team, "/cancel")
        await talk.said("Which one?", f"/cancel {one.id}", f"/cancel {two.id}")
        card = talk.world.message(talk.team, one.marks.card_id or 0)
        talk.world.say(talk.grace, talk.team, "/cancel", reply_to=card)
        await talk.until(lambda: talk.place.runs[one.id].ended, "the first")
        talk.world.say(talk.grace, talk.team, "/cancel")
        await talk.until(lambda: talk.place.runs[two.id].ended, "the second")
        talk.world.say(talk.ada, talk.team, "/cancel zzzz")
        await talk.said("There is no run zzzz here")


async def test_a_reply_to_a_message_of_several_runs_asks_which(talk: Talk) -> None:
    async with talk.bot():
        one = await talk.run_of(talk.world.say(talk.grace, talk.team, RUN))
        two = await talk.run_of(talk.world.say(talk.grace, talk.team, RUN))
        talk.world.say(talk.grace, talk.team, "/jobs")
        table = await talk.said("2 running or waiting")
        talk.world.say(talk.grace, talk.team, "/cancel", reply_to=table)
        await talk.said("names several runs", one.id, two.id)
        assert not any(run.ended for run in talk.place.runs.values())


async def test_an_id_in_a_persons_own_message_chooses_no_run(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        newer = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        talk.place.progress(newer.id, log=b"the newer one")
        said = talk.world.say(talk.grace, talk.team, f"see {run.id}")
        talk.world.say(talk.grace, talk.team, "/logs", reply_to=said)
        await talk.said("the newer one", newer.id, "all of it")


async def test_clean_removes_own_told_ends_and_explains_the_rest_fault_43(talk: Talk) -> None:
    async with talk.bot():
        hers, _ = await ended(talk, talk.world.say(talk.grace, talk.team, RUN))
        his, _ = await ended(talk, talk.world.say(talk.ada, talk.team, RUN))
        running = await talk.run_of(talk.world.say(talk.grace, talk.team, RUN))
        named = f"/clean {his.id} {running.id}"
        talk.world.say(talk.grace, talk.team, named)
        answer = await talk.said(his.id, "somebody else's")
        assert f"{running.id} stays: it hasn't ended" in answer.text
        talk.world.say(talk.grace, talk.team, "/clean")
        await talk.said("Removed 1 run", hers.id)
        assert set(talk.place.runs) == {his.id, running.id}
        talk.world.say(talk.ada, talk.team, "/clean")
        await talk.said("Removed 1 run", his.id)
        assert set(talk.place.runs) == {running.id}
        talk.world.say(talk.ada, talk.team, "/clean")
        await talk.said("There is nothing to clean")


async def test_clean_keeps_an_end_that_was_not_told_fault_43(talk: Talk) -> None:
    async with talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        for _ in range(4):
            talk.place.fail_next(Unavailable("away"), method="acknowledge")
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.said("Added a farewell.")
        talk.world.say(talk.ada, talk.team, f"/clean {run.id}")
        await talk.said(f"{run.id} stays: its end hasn't been told yet")
        await talk.told(run)
        talk.world.say(talk.ada, talk.team, f"/clean {run.id}")
        await talk.said("Removed 1 run")


async def test_a_cleaned_run_is_still_found_by_logs(talk: Talk) -> None:
    async with talk.bot():
        run, told = await ended(talk, talk.world.say(talk.ada, talk.team, RUN), b"what it did\n")
        talk.world.say(talk.ada, talk.team, "/clean")
        await talk.said("Removed 1 run")
    async with talk.bot():
        talk.world.say(talk.ada, talk.team, f"/logs {run.id}")
        await talk.said("what it did")
        talk.world.say(talk.ada, talk.team, "/logs", reply_to=told)
        await talk.said("what it did", count=2)
        talk.world.say(talk.ada, talk.team, f"/cancel {run.id}")
        await talk.said(f"There is no run {run.id} here")


async def test_a_place_that_is_away_is_said_so_and_clean_tells_what_went(talk: Talk) -> None:
    async with talk.bot():
        one, _ = await ended(talk, talk.world.say(talk.ada, talk.team, RUN))
        two, _ = await ended(talk, talk.world.say(talk.ada, talk.team, RUN))
        talk.place.fail_next(Unavailable("away"), method="list_runs")
        talk.world.say(talk.ada, talk.team, "/jobs")
        await talk.said("doesn't answer right now")
        talk.place.fail_next(Unavailable("away"), method="clean")
        talk.world.say(talk.ada, talk.team, f"/clean {one.id} {two.id}")
        await talk.said("Removed 1 run", two.id, f"{one.id} stays: it can't be removed now")


async def test_options_that_this_place_cannot_apply_are_said_on_the_card(tmp_path: Path) -> None:
    async with (
        talking(tmp_path, Config(), ignored=frozenset({"memory", "cpu"})) as talk,
        talk.bot(),
    ):
        talk.world.say(talk.ada, talk.team, "/run owner/demo --memory 8Gi --cpu 2 fix it")
        await talk.said("memory and cpu can't be set on this machine")


async def test_every_button_of_a_run_that_is_gone_says_so(talk: Talk) -> None:
    talk.poll_seconds = 3600  # no sweep that writes its Record anew
    async with talk.bot():
        run, told = await ended(talk, talk.world.say(talk.ada, talk.team, RUN))
        going = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
        card = await talk.said("Running", going.id)
        await talk.until(lambda: len(list((talk.folder / "logs").glob("*.json"))) == 2, "records")
        for gone in (run, going):
            talk.place.forget(gone.id)
        pressed = await talk.world.press(talk.ada, card, "⏹ Stop")
        assert pressed is not None
        assert pressed.text == "That run is gone."
        for record in (talk.folder / "logs").iterdir():
            record.unlink()
        for message, button in ((card, "⏹ Stop"), (card, "📄 Logs"), (told, "📄 Logs")):
            pressed = await talk.world.press(talk.ada, message, button)
            assert pressed is not None
            assert pressed.text == "That run is gone."


async def test_a_button_of_a_deleted_message_breaks_nothing(tmp_path: Path) -> None:
    config = Config(
        repos={
            f"repo{n:02}": Repo(f"repo{n:02}", read_configured(f"https://github.com/a/b{n}"))
            for n in range(20)
        }
    )
    async with talking(tmp_path, config) as talk, talk.bot():
        talk.world.say(talk.ada, talk.team, "/repos")
        message = await talk.said("repo00")
        talk.world.faults.refuse("editMessageText", 400, "Bad Request: message to edit not found")
        await talk.world.press(talk.ada, message, "▶")
        await talk.quiet()
        await talk.world.press(talk.ada, message, "▶")
        await talk.until(lambda: "repo08" in current(talk, message).text, "the page")


async def test_a_bug_of_ours_is_told_to_who_met_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> str:
        raise RuntimeError("a bug")

    async with talking(tmp_path, errors=2) as talk, talk.bot():
        talk.world.say(talk.ada, talk.team, "/jobs")
        table = await talk.said("No runs here")
        monkeypatch.setitem(router.BUTTONS, "jobs", broken)
        monkeypatch.setitem(router.BEHAVIOURS, "repos", router.Behaviour(broken, Action.READ))
        pressed = await talk.world.press(talk.ada, table, "🔄")
        assert pressed is not None
        assert "Something went wrong" in pressed.text
        talk.world.say(talk.ada, talk.team, "/repos")
        await talk.said("Something went wrong on my side")
        assert len(talk.heard("Something went wrong")) == 1
