"""The bot dies or is ended at any moment: no command lost, no Run doubled, no end untold."""

from __future__ import annotations

import random
import signal
import sys
from pathlib import Path

from playground.messages import Message
from runs import durable
from tests.parts.git_server import OriginRepo
from tests.whole.bot_process import BotProcess, until
from tests.whole.scene import Scene, run_of
from tests.whole.slow_wire import slow_wire

ROOT = Path(__file__).parents[2]
TASK = "/run small do it"
DEATHS = 8
STEPS = 70
"""About as many as a bot takes from its start to the end of a Run."""
NEVER = 10_000


async def goes_on(scene: Scene, *all_asked: Message) -> None:
    """Start the next bot, and see every Run of these commands through."""
    scene.world.faults.clear()
    scene.let_claims_age()
    await scene.start()
    await see_through(scene, *all_asked)


async def see_through(scene: Scene, *all_asked: Message) -> None:
    """Wait until the end of every Run is told; all of them, and no others, were started once."""
    for asked in all_asked:
        await scene.acknowledged(asked)
        await scene.card_closed(asked)
        assert scene.starts(asked) == 1
    assert len(list((scene.state / "runs").iterdir())) == len(all_asked)


async def test_a_run_under_way_outlives_a_killed_bot_and_is_told_once(
    scene: Scene, file_repo: OriginRepo
) -> None:
    bot = await scene.start()
    asked = scene.say('/run small "wait 2"')
    await scene.under_way(asked)
    bot.end()
    await goes_on(scene, asked)
    assert "✅ Done" in await scene.reply(asked)
    assert (len(scene.tellings(asked)), len(scene.cards(asked))) == (1, 1)
    assert sorted(file_repo.branches()) == [f"claude/{run_of(asked)}-wait-2", "main"]


async def test_a_bot_killed_between_update_and_run_starts_the_run_after_all_fault_2(
    scene: Scene,
) -> None:
    bot = await scene.start()
    scene.world.faults.hang("getChatMember", 60)
    polls = len(scene.world.calls("getUpdates"))
    asked = scene.say(TASK)
    await until(lambda: len(scene.world.calls("getUpdates")) > polls + 1, "the update is in hand")
    assert not scene.run_folder(asked).exists()
    bot.end()
    await goes_on(scene, asked)
    assert (len(scene.tellings(asked)), len(scene.cards(asked))) == (1, 1)


async def test_a_bot_killed_between_run_and_card_leaves_one_of_each_fault_2(scene: Scene) -> None:
    bot = await scene.start()
    scene.world.faults.hang("sendMessage", 60)  # the card
    asked = scene.say("/run small wait 60")
    await until(lambda: scene.starts(asked), "the run starts")
    assert not scene.cards(asked)
    bot.end()
    await scene.start()
    await until(lambda: scene.card_is_noted(asked), "the card is noted")
    scene.whisper(f"/cancel {run_of(asked)}")
    await see_through(scene, asked)
    assert (len(scene.tellings(asked)), len(scene.cards(asked))) == (1, 1)


async def test_a_bot_killed_between_card_and_offset_knows_its_run_again_fault_2(
    scene: Scene,
) -> None:
    bot = await scene.start()
    scene.world.faults.drop("getUpdates", after_effect=False, times=100)
    asked = scene.say(TASK)
    await until(lambda: scene.card_is_noted(asked), "the card is noted")
    assert scene.world.state.updates.pending()
    bot.end()
    await goes_on(scene, asked)
    assert not scene.world.state.updates.pending()
    assert (len(scene.tellings(asked)), len(scene.cards(asked))) == (1, 1)


async def test_a_message_is_repeated_once_if_the_kill_fell_into_its_send_fault_2(
    scene: Scene,
) -> None:
    async with slow_wire(scene.playground.root) as wire:
        bot = await scene.start(wire.root)
        asked = scene.say('/run small "wait 2"')
        await scene.under_way(asked)
        wire.hold("sendMessage")
        await until(wire.caught.is_set, "the end is being sent")
        assert len(scene.tellings(asked)) == 1
        bot.end()
    await goes_on(scene, asked)
    assert (len(scene.tellings(asked)), len(scene.cards(asked))) == (2, 1)


async def test_a_bot_that_is_asked_to_end_does_so_and_the_next_one_tells_the_run(
    scene: Scene,
) -> None:
    bot = await scene.start()
    asked = scene.say("/run small wait 60")
    await scene.under_way(asked)
    bot.send(signal.SIGTERM)
    assert await bot.ended() == 0
    assert durable.is_held(scene.run_folder(asked) / "lock"), "the run ended with the bot"
    assert "Traceback" not in bot.log
    await scene.start()
    scene.whisper(f"/cancel {run_of(asked)}")
    await see_through(scene, asked)
    assert "⏹ Stopped by Ada" in await scene.reply(asked)
    assert (len(scene.tellings(asked)), len(scene.cards(asked))) == (1, 1)


async def test_a_bot_asked_to_end_in_mid_sweep_ends_without_a_word_of_failure(
    scene: Scene,
) -> None:
    bot = await scene.start()
    await scene.reply(scene.say("/id"))
    await until((scene.state / "runs").is_dir, "the first sweep")
    with durable.guarded(scene.state / "admission"):
        await until(lambda: waits_for_a_lock(bot), "the sweep waits for the files")
        polls = len(scene.world.calls("getUpdates"))
        bot.send(signal.SIGTERM)
        await until(lambda: len(scene.world.calls("getUpdates")) > polls, "its last poll")
    assert await bot.ended() == 0
    assert "Traceback" not in bot.log


def waits_for_a_lock(bot: BotProcess) -> bool:
    """Say whether a process waits for a lock on a file, as proc_locks(5) tells it."""
    rows = (row.split() for row in Path("/proc/locks").read_text("utf-8").splitlines())
    return any(row[1] == "->" and str(bot.pid) in row for row in rows)


async def test_a_bot_asked_to_end_in_mid_send_finishes_it_and_nothing_repeats_fault_25(
    scene: Scene,
) -> None:
    async with slow_wire(scene.playground.root) as wire:
        bot = await scene.start(wire.root)
        asked = scene.say('/run small "wait 2"')
        await scene.under_way(asked)
        wire.hold("sendMessage")
        await until(wire.caught.is_set, "the end is being sent")
        polls = len(scene.world.calls("getUpdates"))
        bot.send(signal.SIGTERM)
        await until(lambda: len(scene.world.calls("getUpdates")) > polls, "its last poll")
        assert bot.exit_code is None and not scene.told(asked)
        wire.release()
        assert await bot.ended() == 0
        assert scene.told(asked)
    await goes_on(scene, asked)
    assert (len(scene.tellings(asked)), len(scene.cards(asked))) == (1, 1)
    assert "Traceback" not in scene.log


async def test_kills_at_any_step_lose_nothing_and_double_nothing_fault_26(
    scene: Scene, file_repo: OriginRepo
) -> None:
    chance = random.Random(26)
    asked: list[Message] = []
    most: dict[tuple[str, str], int] = {}
    scene.variables["PYTHONPATH"] = str(ROOT)
    steps = [chance.randrange(STEPS) for _ in range(DEATHS)]
    for number, step in enumerate([*steps, NEVER]):
        if number % 3 == 0:
            asked.append(scene.say(f"{TASK} {number}"))
        bot = await introduced(scene, step)
        # By now all that the bot before it sent has arrived, and this one has sent nothing.
        most |= with_repeats(scene, asked)
        await dead_or_done(scene, bot, asked)
        if step != NEVER:
            bot.end()
            scene.let_claims_age()
    await see_through(scene, *asked)
    for each in asked:
        assert 1 <= len(scene.tellings(each)) <= most.get(("end", run_of(each)), 1)
        assert len(scene.cards(each)) <= most.get(("card", run_of(each)), 1)
    assert len(file_repo.branches()) == 1 + len(asked)


async def introduced(scene: Scene, step: int) -> BotProcess:
    """Start a bot that dies at a step, and wait until it has introduced itself to the Bot API or died already."""
    known = len(scene.world.calls("getMe"))
    bot = scene.launch(sys.executable, "-m", "tests.whole.dying_bot", str(step))
    await until(
        lambda: len(scene.world.calls("getMe")) > known or bot.exit_code is not None,
        "the bot introduces itself",
    )
    return bot


async def dead_or_done(scene: Scene, bot: BotProcess, asked: list[Message]) -> None:
    """Wait until a bot has died at its step, or has nothing to do any more."""
    await until(
        lambda: bot.exit_code is not None or all(scene.told(each) for each in asked),
        "the bot dies, or all is told",
    )
    assert bot.exit_code in (None, -signal.SIGKILL), bot.log


def with_repeats(scene: Scene, asked: list[Message]) -> dict[tuple[str, str], int]:
    """Say how often a message may stand in the chat in the end: once more where the Backend doesn't know of it."""
    found = {}
    for each in asked:
        marks = scene.run_file(each, "marks.json")
        if scene.tellings(each) and not marks.get("told_at"):
            found["end", run_of(each)] = len(scene.tellings(each)) + 1
        if scene.cards(each) and not marks.get("card_id"):
            found["card", run_of(each)] = len(scene.cards(each)) + 1
    return found
