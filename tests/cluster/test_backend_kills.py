"""The bot's process is killed between two steps, on the cluster: one Job, one report, no card left running."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from playground.server import Playground
from playground.world import World
from tests.cluster.backend_place import ClusterPlace
from tests.cluster.chat_scene import LIMIT_SECONDS, ChatScene
from tests.cluster.dying_cluster_bot import PLACES
from tests.cluster.kubectl import Kubectl
from tests.cluster.test_backend_chat import environment
from tests.whole.bot_process import until

ROOT = Path(__file__).parents[2]
MESSAGES = {"being sent": 2}
"""Where the kill falls into the send itself, nobody knows whether it went through."""
CARDS = {"card sent": 2}
"""A card whose number was never noted can't be found again: the next bot opens another."""


@pytest.fixture
async def scene(
    place: ClusterPlace,
    playground: Callable[[World], Awaitable[Playground]],
    kubectl: Kubectl,
) -> AsyncIterator[ChatScene]:
    """A chat whose bots let Runs run in a namespace of their own."""
    world = World(privacy=False)
    ada = world.person("Ada")
    team = world.supergroup("Team", [(ada, "administrator")])
    server = await playground(world)
    more = {"PYTHONPATH": str(ROOT), "SANDBOX_POLL_SECONDS": "2"}
    variables = environment(place, world, server.root, team.id) | more
    found = ChatScene(world, team, ada, kubectl, place.folder, variables)
    yield found
    found.close()


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
    assert len(scene.cards(asked)) == CARDS.get(last, 1)
    assert "Done" in scene.cards(asked)[-1].text
    assert not scene.world.state.updates.pending()


async def test_a_kill_between_the_offset_and_the_card_loses_nothing_fault_26(
    scene: ChatScene,
) -> None:
    scene.world.faults.hang("setMessageReaction", 60)  # comes just before the card
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
