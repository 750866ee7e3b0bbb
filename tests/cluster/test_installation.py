"""A team is running after `init`, and nothing is left after `uninstall`."""

from __future__ import annotations

import json

import pytest

from cli.commands.init import HELLO
from tests.cluster.deployed_talk import Talk
from tests.cluster.deployment import NOTHING, SANDBOXES
from tests.cluster.installed import Installer

pytestmark = pytest.mark.parametrize("deployed", [NOTHING], indirect=True)


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

    checked = await team.say("doctor", "--json")
    assert checked.code == 0, checked.out + checked.err
    results = {each["name"]: each for each in json.loads(checked.out)["checks"]}
    assert "they held for the last run" in results["Network policies"]["what"]
    for name in ("Admission policy", "Bot's rights", "Bot", "Log store", "Repo demo", "Clock"):
        assert results[name]["result"] == "good", results[name]

    await use_the_command_line(team)

    gone = await team.say("uninstall", "--yes")
    assert gone.code == 0, gone.out + gone.err
    assert team.everything() == before


async def use_the_command_line(team: Installer) -> None:
    """Say `remote`, `logs` and `clean`, beside the bot and in its namespace."""
    place = {
        "SANDBOX_NAMESPACE": SANDBOXES,
        "SANDBOX_CONFIG": str(team.deployed.ground.folder / "config.yaml"),
        "CLAUDE_IMAGE": team.deployed.ground.images.sandbox,
    }
    done = await team.say("remote", "add a note", "--repo", "demo", "--watch", "--json", **place)
    assert done.code == 0, done.out + done.err
    run = json.loads(done.out)["run"]
    logs = await team.say("logs", run, **place)
    assert "▶ deliver" in logs.out, logs.out + logs.err
    cleaned = await team.say("clean", run, "--all", "--json", **place)
    assert json.loads(cleaned.out)["removed"] == [run], cleaned.out + cleaned.err
