"""A team is running after `init`, and nothing is left after `uninstall`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.commands.init import HELLO
from tests.cluster.deployed_talk import Talk
from tests.cluster.deployment import BOT, SANDBOXES, Ground
from tests.cluster.images_of_tests import Images
from tests.cluster.installed import Installer, installer
from tests.cluster.kubectl import Kubectl

MORE_PODS = '{"spec": {"hard": {"pods": "41"}}}'


@pytest.fixture
async def team(
    request: pytest.FixtureRequest,
    cluster: Kubectl,
    images: Images,
    host_address: str,
    tmp_path: Path,
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


@pytest.mark.parametrize("team", [SANDBOXES], indirect=True)
async def test_init_takes_over_what_kubectl_made_and_leaves_it_there(team: Installer) -> None:
    """One namespace, which was there before, and a quota that somebody has changed by hand."""
    cluster = team.deployed.ground.cluster.within("")
    cluster.run("create", "namespace", SANDBOXES)
    team.by_kubectl("one-namespace")
    cluster.run("--namespace=claude-sandbox", "patch", "quota", "sandboxes", "--patch", MORE_PODS)
    before = team.everything()

    done = await team.init("--overlay=one-namespace")
    assert done.code == 0, done.out + done.err
    assert "ResourceQuota sandboxes in claude-sandbox stays as somebody set it" in done.err
    quota = cluster.within(SANDBOXES).get("quota", "sandboxes")
    assert quota["spec"]["hard"]["pods"] == "41"
    made = {line.partition("made ")[2] for line in done.out.splitlines() if "✓ made " in line}
    assert {name.split(" ")[0] for name in made} == {"Secret", "ConfigMap"}

    gone = await team.say("uninstall", "--yes")
    assert gone.code == 0, gone.out + gone.err
    left = {line for line in team.everything() if not line.startswith(("Pod ", "ReplicaSet "))}
    assert left == {line for line in before if not line.startswith(("Pod ", "ReplicaSet "))}
