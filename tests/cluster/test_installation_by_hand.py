"""`init` goes on with what `kubectl apply -k` has begun, and `kubectl apply -k` with what `init` has."""

from __future__ import annotations

import pytest

from tests.cluster.deployed_talk import Talk
from tests.cluster.deployment import NOTHING, SANDBOXES
from tests.cluster.installed import Installer

pytestmark = pytest.mark.parametrize("deployed", [NOTHING], indirect=True)


async def test_init_and_kubectl_go_on_from_each_other_and_uninstall_leaves_nothing(
    team: Installer,
) -> None:
    before = team.everything()
    team.by_kubectl("two-namespaces")
    by_kubectl = team.everything() - before
    for namespace in (SANDBOXES, team.deployed.bot.namespace):
        secrets = team.deployed.ground.cluster.within(namespace)
        given = ("--from-literal=GITHUB_TOKEN=old", "--from-literal=OF_THEIRS=stays")
        secrets.run("create", "secret", "generic", "claude-sandbox-secrets", *given)
    alone = await team.say("uninstall", "--yes")
    assert "kubectl delete -k manifests/overlays/two-namespaces" in alone.err, alone
    assert team.everything() - before >= by_kubectl

    done = await team.init()
    assert done.code == 0, done.out + done.err
    assert "taken over Namespace claude-sandbox-bot\n" in done.out
    assert "stays as somebody set it" not in done.err
    keys = team.deployed.sandboxes.get("secret", "claude-sandbox-secrets")["data"]
    assert set(keys) == {"GITHUB_TOKEN", "ANTHROPIC_API_KEY", "OF_THEIRS"}
    talk = Talk(team.world, team.team, team.ada, team.deployed)
    assert "Done" in (await talk.told(talk.say('/run demo "do it"'))).text

    team.by_kubectl("two-namespaces")
    assert bot_image(team) == "landovsky/claude-sandbox-bot:latest"
    back = await team.init()
    assert back.code == 0, back.out + back.err
    assert "stays as somebody set it" not in back.err
    assert bot_image(team) == team.deployed.ground.images.bot
    again = await team.init()
    assert "nothing to change" in again.out, again.out + again.err

    gone = await team.say("uninstall", "--yes")
    assert gone.code == 0, gone.out + gone.err
    assert team.everything() == before


def bot_image(team: Installer) -> str:
    deployment = team.deployed.bot.get("deployment", "claude-sandbox-bot")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return str(container["image"])
