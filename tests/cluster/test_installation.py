"""A team is running after `init`, and nothing is left after `uninstall`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.commands.init import HELLO
from tests.cluster.deployed_talk import Talk
from tests.cluster.deployment import BOT, NOTHING, Ground
from tests.cluster.images_of_tests import Images
from tests.cluster.installed import Installer, installer
from tests.cluster.kubectl import Kubectl

pytestmark = pytest.mark.parametrize("deployed", [NOTHING], indirect=True)


@pytest.fixture
async def team(
    request: pytest.FixtureRequest,
    cluster: Kubectl,
    images: Images,
    host_address: str,
    tmp_path: Path,
    deployed: None,
) -> AsyncIterator[Installer]:
    """A team with a cluster on which nothing of ours is; where the bot is to be is a parameter."""
    own = images.prefix == "localhost/"
    place = Ground(cluster, images, host_address, own, tmp_path)
    async with installer(place, getattr(request, "param", BOT)) as found:
        yield found


def hellos(team: Installer) -> int:
    return [message.text for message in team.world.messages(team.team.id)].count(HELLO)


async def test_a_team_runs_after_init_and_nothing_is_left_after_uninstall(team: Installer) -> None:
    before = team.everything()
    deployed = team.deployed

    done = await team.init()
    assert done.code == 0, done.out + done.err
    assert deployed.ready()
    assert hellos(team) == 1

    talk = Talk(team.world, team.team, team.ada, deployed)
    assert "Done" in (await talk.told(talk.say('/run demo "do it"'))).text

    pod = deployed.bot_pod()
    again = await team.init()
    assert again.code == 0, again.out + again.err
    assert "nothing to change" in again.out
    assert deployed.bot_pod() == pod
    assert hellos(team) == 1

    gone = await team.say("uninstall", "--yes")
    assert gone.code == 0, gone.out + gone.err
    assert team.everything() == before
