"""/logs in all its forms, the Logs button, and a log that is followed."""

from __future__ import annotations

import gzip

import pytest

from bot.commands import logs as logs_command
from playground.messages import Message
from runs.backend import Unavailable
from runs.outcome import Ending, Outcome
from runs.run import Run
from sandbox.report import Cause
from tests.bot.talk import Talk

RUN = '/run owner/demo "add a farewell"'
LOG = """▶ clone https://github.com/owner/demo
▶ agent scripted
│ $ pytest
│ E   assert [a-z]* == <b>
│ 1 failed
▶ done failed
""".encode()


async def printed(talk: Talk, log: bytes = LOG) -> Run:
    """Start a Run that has printed something."""
    run = await talk.run_of(talk.world.say(talk.ada, talk.team, RUN))
    talk.place.progress(run.id, log=log)
    return run


async def test_parts_of_a_log_are_shown_by_word_by_phase_and_by_what_went_wrong(talk: Talk) -> None:
    async with talk.bot():
        run = await printed(talk)
        talk.world.say(talk.grace, talk.team, f"/logs {run.id} grep [a-z]*")
        answer = await talk.said("1 line with “[a-z]*”")
        assert "E   assert [a-z]* == <b>" in answer.text
        assert "pytest" not in answer.text
        talk.world.say(talk.grace, talk.team, f"/logs {run.id[:6]} phase clone")
        answer = await talk.said("1 line of the phase clone")
        assert "agent" not in answer.text
        talk.world.say(talk.grace, talk.team, f"/logs {run.id} errors")
        await talk.said("1 failed", "went wrong")
        fine = await printed(talk, b"all is well\n")
        talk.world.say(talk.grace, talk.team, f"/logs {fine.id} errors")
        await talk.said("all is well", "no line looks like trouble")
        talk.world.say(talk.grace, talk.team, f"/logs {run.id} grep <script>")
        await talk.said("No line with “<script>”.", run.id)
        talk.world.say(talk.grace, talk.team, f"/logs {run.id} phase deliver")
        await talk.said("It has no phase deliver so far")


async def test_every_form_works_in_answer_to_a_message_and_on_a_run_that_is_gone(
    talk: Talk,
) -> None:
    async with talk.bot():
        run = await printed(talk)
        talk.place.finish(run.id, report=talk.pushed(run))
        told = await talk.said("Added a farewell.", run.id)
        await talk.told(run)
        talk.place.forget(run.id)
        newer = await printed(talk, b"the newer one\n")
        for words, found in {
            "": "all of it",
            "1": "▶ done failed",
            "errors": "1 failed",
            "grep pytest": "1 line with “pytest”",
            "phase agent": "4 lines of the phase agent",
            "file": "the whole log",
            "follow": "it has ended",
        }.items():
            talk.world.say(talk.grace, talk.team, f"/logs {words}", reply_to=told)
            answer = await talk.said(found)
            assert run.id in answer.text
            assert newer.id not in answer.text
        talk.world.say(talk.grace, talk.team, "/logs sidecar postgres", reply_to=told)
        await talk.said("Nothing is left of postgres", "kept when their run fails")


async def test_what_ran_beside_a_failed_run_is_read_when_all_of_it_is_gone(talk: Talk) -> None:
    token = "ghp_" + "Zk3vQ9xT7bLm2RwY8nPc5HdJ4sGf6KaE1uXo"
    async with talk.bot():
        run = await printed(talk)
        talk.place.service_logs[run.id] = {
            "postgres": b"a line of it\n" * 9000 + f"FATAL: no space, {token}\n".encode(),
            "redis": b"",
        }
        talk.place.finish(run.id, Outcome(Ending.FAILED, cause=Cause.AGENT_FAILED, error="No."))
        told = await talk.said("No.", run.id)
        await talk.told(run)
        talk.place.forget(run.id)
        talk.world.say(talk.grace, talk.team, "/logs sidecar postgres", reply_to=told)
        await talk.said("FATAL: no space, [redacted]", "the last lines of postgres")
        talk.world.say(talk.grace, talk.team, "/logs sidecar redis", reply_to=told)
        await talk.said("Nothing is left of redis")
    kept = (talk.folder / "logs" / f"{run.id}.postgres.log").read_text()
    assert 60_000 < len(kept) < 70_000
    assert not (talk.folder / "logs" / f"{run.id}.redis.log").exists()


async def test_of_a_run_that_ended_well_no_log_of_a_service_is_kept(talk: Talk) -> None:
    async with talk.bot():
        run = await printed(talk)
        talk.place.service_logs[run.id] = {"postgres": b"ready\n"}
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.told(run)
        talk.world.say(talk.grace, talk.team, f"/logs {run.id} sidecar postgres")
        await talk.said("ready", "the last lines of postgres")
    assert not (talk.folder / "logs" / f"{run.id}.postgres.log").exists()


async def test_a_log_is_read_although_the_node_that_has_it_does_not_answer_fault_22(
    talk: Talk,
) -> None:
    async with talk.bot():
        run = await printed(talk)
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.told(run)
        talk.place.hold("read_log")
        talk.world.say(talk.grace, talk.team, f"/logs {run.id}")
        await talk.said("1 failed", "all of it")
        talk.place.release("read_log")


async def test_by_its_whole_id_a_log_is_found_although_no_run_can_be_listed(talk: Talk) -> None:
    async with talk.bot():
        run = await printed(talk)
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.told(run)
        for method in ("get", "list_runs"):
            for _ in range(3):
                talk.place.fail_next(Unavailable("away"), method=method)
        talk.world.say(talk.grace, talk.team, f"/logs {run.id}")
        await talk.said("1 failed", "all of it")


async def test_a_log_store_that_is_away_hides_no_log_that_is_elsewhere_fault_30(talk: Talk) -> None:
    (talk.folder / "logs").write_text("a file where the folder should be")
    async with talk.bot():
        run = await printed(talk)
        talk.world.say(talk.grace, talk.team, f"/logs {run.id} grep pytest")
        await talk.said("1 line with “pytest”")
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.told(run)
        talk.world.say(talk.grace, talk.team, f"/logs {run.id}")
        await talk.said("1 failed", "all of it")
        talk.place.logs[run.id] = b""
        talk.world.say(talk.grace, talk.team, f"/logs {run.id} grep pytest")
        await talk.said("The log store doesn't answer right now")
    assert "Until then no log outlives its run" in talk.log.text()


async def test_a_whole_log_comes_as_a_file_with_every_line(talk: Talk) -> None:
    log = "".join(f"line {number} é <&>\n" for number in range(30_000)).encode() + b"\xff\x00"
    async with talk.bot():
        run = await printed(talk, log)
        talk.world.say(talk.grace, talk.team, f"/logs {run.id} file")
        sent = await talk.said("the whole log", run.id)
        assert sent.document is not None
        assert sent.document.name == f"{run.id}.log"
        shown = log.removesuffix(b"\xff\x00") + "\N{REPLACEMENT CHARACTER}".encode()
        assert talk.world.file(sent.document) == shown


async def test_a_log_that_is_too_large_to_be_sent_comes_compressed(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs_command, "PLAIN_FILE_BYTES", 1000)
    log = b"the same line again\n" * 1000
    token = b"ghp_" + b"Zk3vQ9xT7bLm2RwY8nPc5HdJ4sGf6KaE1uXo"
    async with talk.bot():
        run = await printed(talk, log + token)
        talk.world.say(talk.grace, talk.team, f"/logs {run.id} file")
        sent = await talk.said("the whole log, 20 kB")
        assert sent.document is not None
        assert sent.document.name == f"{run.id}.log.gz"
        unpacked = gzip.decompress(talk.world.file(sent.document))
        assert unpacked.startswith(log)
        assert token not in unpacked


async def test_an_empty_log_is_no_file(talk: Talk) -> None:
    async with talk.bot():
        run = await printed(talk, b"")
        talk.world.say(talk.grace, talk.team, f"/logs {run.id} file")
        answer = await talk.said("It has printed nothing so far")
        assert answer.document is None
        assert not talk.world.calls("sendDocument")


async def test_the_log_of_a_service_is_shown_or_it_is_said_that_there_is_none(talk: Talk) -> None:
    async with talk.bot():
        run = await printed(talk)
        talk.place.service_logs[run.id] = {"postgres": b"ready to accept connections\n"}
        talk.world.say(talk.grace, talk.team, f"/logs {run.id} sidecar postgres-sidecar")
        await talk.said("ready to accept connections", "the last lines of postgres")
        talk.world.say(talk.grace, talk.team, f"/logs {run.id} sidecar redis")
        await talk.said("No redis runs beside run")


async def followed(talk: Talk, run: Run) -> Message:
    talk.world.say(talk.grace, talk.team, f"/logs {run.id} follow")
    return await talk.said("👁 following", run.id)


def shows(talk: Talk, message: Message, *words: str) -> bool:
    current = talk.world.message(talk.team, message.id)
    return current is not None and all(word in current.text for word in words)


async def test_a_followed_log_is_one_message_that_moves_until_the_end(talk: Talk) -> None:
    async with talk.bot():
        run = await printed(talk)
        message = await followed(talk, run)
        for number in range(3):
            talk.place.progress(run.id, log=f"│ step {number}\n".encode())
            await talk.until(lambda n=number: shows(talk, message, f"step {n}"), "the step")  # type: ignore[misc]  # a default of a lambda
        talk.place.progress(run.id, log=b"the last words\n")
        talk.place.finish(run.id, report=talk.pushed(run))
        await talk.until(lambda: shows(talk, message, "the last words", "it has ended"), "the end")
        current = talk.world.message(talk.team, message.id)
        assert current is not None
        assert current.keyboard == ()
        await talk.quiet(60)
        edits = len(talk.world.calls("editMessageText"))
        await talk.quiet(3600)
        assert len(talk.world.calls("editMessageText")) == edits


async def test_the_stop_button_ends_the_following_and_not_the_run(talk: Talk) -> None:
    async with talk.bot():
        run = await printed(talk)
        message = await followed(talk, run)
        pressed = await talk.world.press(talk.ada, message, "⏏ Stop following")
        assert pressed is not None
        assert "stays as it is" in pressed.text
        await talk.until(lambda: shows(talk, message, "no longer followed"), "the end")
        talk.place.progress(run.id, log=b"more\n")
        await talk.quiet(60)
        assert not shows(talk, message, "more\n")
        assert not talk.place.runs[run.id].ended


async def test_following_again_stops_the_first_and_a_fourth_the_oldest(talk: Talk) -> None:
    async with talk.bot():
        run = await printed(talk)
        first = await followed(talk, run)
        talk.world.say(talk.grace, talk.team, f"/logs {run.id} follow")
        await talk.until(lambda: shows(talk, first, "no longer followed"), "the first's end")
        others = [await printed(talk) for _ in range(3)]
        messages = [await followed(talk, other) for other in others]
        await talk.until(lambda: len(talk.heard("👁 following")) == 3, "the oldest's end")
        assert all(shows(talk, message, "👁 following") for message in messages)


async def test_a_button_of_a_following_before_a_restart_says_so(talk: Talk) -> None:
    async with talk.bot():
        run = await printed(talk)
        message = await followed(talk, run)
    async with talk.bot():
        pressed = await talk.world.press(talk.ada, message, "⏏ Stop following")
        assert pressed is not None
        assert "isn't followed any more" in pressed.text


async def test_a_place_that_is_away_and_a_message_that_is_deleted_end_no_bot(talk: Talk) -> None:
    async with talk.bot():
        run = await printed(talk)
        message = await followed(talk, run)
        for _ in range(3):
            talk.place.fail_next(Unavailable("away"), method="get")
        talk.place.progress(run.id, log=b"after that\n")
        await talk.until(lambda: shows(talk, message, "after that"), "the line")
        talk.world.delete(talk.ada, message)
        talk.place.progress(run.id, log=b"unseen\n")
        await talk.quiet(60)
        talk.world.say(talk.grace, talk.team, "/logs")
        await talk.said("unseen", "all of it")


async def test_two_taps_on_full_log_bring_one_file_and_a_later_one_another(talk: Talk) -> None:
    async with talk.bot():
        run, told = await failed(talk)
        await talk.world.press(talk.ada, told, "📎 Full log")
        await talk.world.press(talk.grace, told, "📎 Full log")
        await talk.said("the whole log", run.id)
        await talk.quiet()
        assert len(talk.heard("the whole log", run.id)) == 1
        await talk.quiet(logs_command.FILE_AGAIN_SECONDS)
        await talk.world.press(talk.ada, told, "📎 Full log")
        await talk.said("the whole log", run.id, count=2)


async def test_two_taps_on_logs_bring_the_lines_once(talk: Talk) -> None:
    async with talk.bot():
        _, told = await failed(talk)
        for _ in range(2):
            await talk.world.press(talk.ada, told, "📄 Logs")
        await talk.said("1 failed", "all of it")
        await talk.quiet(logs_command.LINES_AGAIN_SECONDS)
        assert len(talk.heard("1 failed", "all of it")) == 1
        await talk.world.press(talk.ada, told, "📄 Logs")
        await talk.said("1 failed", "all of it", count=2)


async def test_a_tap_that_failed_may_be_repeated_at_once(talk: Talk) -> None:
    async with talk.bot():
        run, told = await failed(talk)
        kept, folder = talk.folder / "kept", talk.folder / "logs"
        folder.rename(kept)
        folder.write_text("a file where the folder should be")
        talk.place.logs[run.id] = b""
        await talk.world.press(talk.ada, told, "📎 Full log")
        folder.unlink()
        kept.rename(folder)
        await talk.world.press(talk.ada, told, "📎 Full log")
        await talk.said("the whole log", run.id)


async def failed(talk: Talk) -> tuple[Run, Message]:
    """Return a Run that failed, and the message that tells it."""
    run = await printed(talk)
    outcome = Outcome(Ending.FAILED, cause=Cause.AGENT_FAILED, error="1 failed")
    talk.place.finish(run.id, outcome)
    await talk.told(run)
    return run, await talk.said("Failed", run.id)
