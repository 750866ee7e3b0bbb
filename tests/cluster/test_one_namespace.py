"""Bot and sandboxes in one namespace, where one Secret holds all keys."""

from __future__ import annotations

import pytest

from k8s.names import job_name
from tests.cluster.chat_scene import run_of
from tests.cluster.deployed_talk import talking
from tests.cluster.deployment import BOT_TOKEN, SANDBOXES, Deployed
from tests.cluster.hostile_jobs import REFUSED, usual_job
from tests.cluster.kubectl import KubectlError
from tests.cluster.test_deployed_admission import try_out

pytestmark = pytest.mark.parametrize("deployed", ["one-namespace"], indirect=True)


async def test_the_bot_answers_a_run_beside_its_sandboxes(deployed: Deployed) -> None:
    assert deployed.bot.namespace == deployed.sandboxes.namespace == SANDBOXES
    async with talking(deployed) as talk:
        asked = talk.say('/run demo "do it"')
        assert "Done" in (await talk.told(asked)).text
    (pod,) = deployed.sandboxes.pods_of(job_name(run_of(asked)))
    assert BOT_TOKEN not in str(pod)


@pytest.mark.parametrize(
    "name", ["the bot's token from the same Secret", "a whole Secret", "a folder of the host"]
)
def test_a_job_still_gets_no_more_than_its_own_keys(deployed: Deployed, name: str) -> None:
    change, words = REFUSED[name]
    job = usual_job(deployed.ground.images)
    try_out(deployed.sandboxes, job)
    change(job)
    with pytest.raises(KubectlError, match=words):
        try_out(deployed.sandboxes, job)
