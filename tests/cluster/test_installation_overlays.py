"""Each overlay on the cluster: `init`, what `doctor` says of it, a run, and nothing left after `uninstall`."""

from __future__ import annotations

import json

import pytest

from k8s.names import job_name
from tests.cluster.chat_scene import run_of
from tests.cluster.deployed_talk import Talk
from tests.cluster.deployment import NOTHING, SANDBOXES
from tests.cluster.installed import LIMIT_SECONDS, Installer
from tests.cluster.kubectl import Object
from tests.cluster.kueue import is_there, kueue
from tests.whole.bot_process import until

pytestmark = pytest.mark.parametrize("deployed", [NOTHING], indirect=True)

RUNTIME: Object = {
    "apiVersion": "node.k8s.io/v1",
    "kind": "RuntimeClass",
    "metadata": {"name": "gvisor"},
    "handler": "runc",
}
"""In gVisor's place: what every node has."""


def talk_with(team: Installer) -> Talk:
    return Talk(team.world, team.team, team.ada, team.deployed)


async def checked(team: Installer) -> dict[str, Object]:
    """Return what `doctor` says, by check."""
    done = await team.say("doctor", "--json")
    return {each["name"]: each for each in json.loads(done.out)["checks"]}


async def uninstalled(team: Installer, before: set[str]) -> None:
    gone = await team.say("uninstall", "--yes")
    assert gone.code == 0, gone.out + gone.err
    assert team.everything() == before


@pytest.mark.parametrize("team", [SANDBOXES], indirect=True)
async def test_one_namespace_is_installed_answers_and_goes(team: Installer) -> None:
    before = team.everything()
    done = await team.init("--overlay=one-namespace")
    assert done.code == 0, done.out + done.err
    talk = talk_with(team)
    assert "Done" in (await talk.told(talk.say('/run demo "do it"'))).text
    again = await team.init()
    assert "nothing to change" in again.out, again.out + again.err
    await uninstalled(team, before)


async def test_kueue_lets_runs_in_after_init_and_its_queue_goes(team: Installer) -> None:
    cluster = team.deployed.ground.cluster
    if not is_there(cluster):
        nothing = await team.init("--overlay=kueue")
        assert nothing.code == 3, nothing.out + nothing.err
        assert "Install Kueue 0.15 or newer" in nothing.err

    async with kueue(cluster, SANDBOXES):
        before = team.everything()
        team.configure("kueue")
        done = await team.init("--overlay=kueue")
        assert done.code == 0, done.out + done.err
        assert (await checked(team))["Queue"]["result"] == "good"
        talk = talk_with(team)
        asked = talk.say('/run demo "do it"')
        assert "Done" in (await talk.told(asked)).text
        job = team.deployed.sandboxes.get("job", job_name(run_of(asked)))
        assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "sandboxes"
        await uninstalled(team, before)


async def test_a_node_without_the_runtime_says_so_and_the_waiting_run_goes(team: Installer) -> None:
    before = team.everything()
    team.configure("gvisor")
    done = await team.init("--overlay=gvisor")
    assert "Runtime: no node" in done.out, done.out + done.err
    talk = talk_with(team)
    talk.say('/run demo "do it"')
    reason = "--field-selector=reason=FailedCreatePodSandBox"
    await until(
        lambda: '"runsc"' in team.deployed.sandboxes.run("get", "events", reason),
        "the node's words, which the run's end quotes (tests/k8s/test_patience.py)",
        LIMIT_SECONDS,
    )
    await uninstalled(team, before)


async def test_a_run_is_of_the_runtime_class_and_somebodys_own_one_stays(team: Installer) -> None:
    cluster = team.deployed.ground.cluster
    cluster.create(RUNTIME)
    try:
        before = team.everything()
        team.configure("gvisor")
        done = await team.init("--overlay=gvisor")
        assert "! RuntimeClass gvisor stays as somebody set it" in done.err, done.out + done.err
        talk = talk_with(team)
        asked = talk.say('/run demo "do it"')
        assert "Done" in (await talk.told(asked)).text
        (pod,) = team.deployed.sandboxes.pods_of(job_name(run_of(asked)))
        assert pod["spec"]["runtimeClassName"] == "gvisor"
        await uninstalled(team, before)
    finally:
        cluster.run("delete", "runtimeclass", "gvisor", "--ignore-not-found")
