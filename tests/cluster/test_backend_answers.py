"""What a reply and a button start on the cluster: a Job of its own, from what is left of the Run that was answered."""

from __future__ import annotations

from typing import Any

from k8s.names import job_name
from playground.messages import Message
from runs.run import reply_key, retry_key, run_id
from tests.cluster.chat_scene import LIMIT_SECONDS, ChatScene, run_of
from tests.whole.bot_process import until


def variables_of(job: dict[str, Any]) -> dict[str, str]:
    """Return what the container of the agent gets as plain text."""
    container = next(
        each for each in job["spec"]["template"]["spec"]["containers"] if each["name"] == "claude"
    )
    return {each["name"]: each.get("value", "") for each in container["env"]}


async def test_a_reply_to_a_question_goes_on_after_job_and_bot_are_gone(scene: ChatScene) -> None:
    bot = await scene.start()
    asked = scene.say("/run demo ask before you note it")
    await scene.settled(asked)
    (told,) = scene.tellings(asked)
    assert "Asks back" in told.text
    job = scene.job(asked)
    assert job is not None
    assert job["metadata"]["labels"]["status"] == "complete"
    scene.kubectl.run("delete", "job", job_name(run_of(asked)), "--wait")
    bot.end()
    reply = scene.world.say(scene.ada, scene.team, "casually", reply_to=told)
    await scene.start()
    after = job_name(run_id(reply_key(run_of(asked), reply.chat_id, reply.id)))
    await until(lambda: "Done" in said(scene, reply), "the end", LIMIT_SECONDS)
    variables = variables_of(scene.kubectl.get("job", after))
    places = [variables["TASK"].index(part) for part in ("ask before", "Which one", "casually")]
    assert places == sorted(places)
    assert len(scene.kubectl.list("jobs")) == 1


async def test_more_time_at_a_press_is_a_job_with_a_later_deadline(scene: ChatScene) -> None:
    await scene.start()
    asked = scene.say("/run demo --timeout 1m wait 300")
    await scene.settled(asked)
    (told,) = scene.tellings(asked)
    assert "wip" in told.text
    pressed = await scene.world.press(scene.ada, told, "🔁 with 2 min", wait_seconds=LIMIT_SECONDS)
    assert pressed is not None
    more = scene.kubectl.get("job", job_name(run_id(retry_key(run_of(asked), 1, "time"))))
    assert variables_of(more)["SANDBOX_TIMEOUT"] == "120"
    pressed = await scene.world.press(scene.ada, told, "▶ Go on from there")
    assert pressed is not None
    assert "retried already" in (pressed.text or "")
    assert len(scene.kubectl.list("jobs")) == 2


def said(scene: ChatScene, reply: Message) -> str:
    """Return what was said under a reply, the card left out."""
    return "\n".join(message.text for message in scene.replies(reply))
