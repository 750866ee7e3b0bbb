"""The bot's process is killed between two steps, on the cluster: one Job, one report, no card left running."""

from __future__ import annotations

import pytest

from tests.cluster.chat_scene import LIMIT_SECONDS, ChatScene
from tests.cluster.dying_cluster_bot import PLACES
from tests.whole.bot_process import until

MESSAGES = {"being sent": 2}
"""Where the kill falls into the send itself, nobody knows whether it went through."""
CARDS = {"card sent": 2}
"""A card whose number was never noted can't be found again: the next bot opens another, if the Run goes on."""


@pytest.mark.parametrize("last", PLACES)
async def test_a_kill_between_two_steps_loses_and_doubles_nothing_fault_26(
    scene: ChatScene, last: str
) -> None:
    asked = scene.say('/run demo "do it"')
    bot = await scene.start(last)
    await until(lambda: bot.exit_code is not None, f"the bot dies: {last}", LIMIT_SECONDS)
    scene.let_claim_age(asked)
    await scene.start()
    await scene.settled(asked)
    assert len(scene.kubectl.list("jobs")) == len(scene.kubectl.list("pods")) == 1
    assert len(scene.tellings(asked)) == MESSAGES.get(last, 1)
    assert len(scene.cards(asked)) <= CARDS.get(last, 1)
    noted = scene.marks(asked)["card_id"]
    assert all("Done" in card.text for card in scene.cards(asked) if card.id == noted)
    # One that ended before the next bot was there needs no card any more.
    assert noted is not None or last in ("job created", "card sent")
    assert not scene.world.state.updates.pending()


async def test_a_kill_between_the_offset_and_the_card_loses_nothing_fault_26(
    scene: ChatScene,
) -> None:
    scene.world.faults.hang("sendMessage", 60, times=9)  # the card, or an end before it
    bot = await scene.start()
    asked = scene.say('/run demo "do it"')
    await until(lambda: not scene.world.state.updates.pending(), "the update is confirmed")
    assert not scene.cards(asked)
    bot.end()
    scene.world.faults.clear()
    await scene.start()
    await scene.settled(asked)
    assert len(scene.kubectl.list("jobs")) == 1
    assert len(scene.tellings(asked)) == 1
    assert len(scene.cards(asked)) <= 1
