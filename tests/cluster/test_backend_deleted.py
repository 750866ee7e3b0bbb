"""Jobs that somebody deletes, Jobs of somebody else, and two bots at once: each end is told once."""

from __future__ import annotations

import asyncio

import pytest

from k8s.names import job_name
from tests.cluster.chat_scene import LIMIT_SECONDS, ChatScene, run_of
from tests.cluster.kubectl import Kubectl
from tests.whole.bot_process import until

DELETED = "Somebody deleted"
SLOW = '/run demo "wait 120"'


@pytest.mark.parametrize("up", [True, False])
async def test_a_job_deleted_by_hand_is_told_once_fault_23(scene: ChatScene, up: bool) -> None:
    bot = await scene.start()
    asked = scene.say(SLOW)
    await scene.works(asked)
    await until(
        lambda: scene.record(asked).get("marks", {}).get("card_id"), "the Record knows the card"
    )
    if not up:
        bot.end()
    scene.kubectl.run("delete", "job", job_name(run_of(asked)))
    if not up:
        await scene.start()
    await until(lambda: scene.tellings(asked), "the end is told", LIMIT_SECONDS)
    await until(
        lambda: scene.record(asked).get("marks", {}).get("card_closed"), "the card is closed"
    )
    scene.bots[-1].end()
    await scene.start()
    await quiet(scene)
    (told,) = scene.tellings(asked)
    (card,) = scene.cards(asked)
    assert DELETED in told.text
    assert "Failed" in card.text


async def test_an_end_whose_job_went_before_it_was_told_is_told_as_it_was_fault_23(
    scene: ChatScene,
) -> None:
    scene.world.faults.hang("sendMessage", 60, times=100)
    bot = await scene.start()
    asked = scene.say('/run demo "do it"')
    await until(lambda: scene.record(asked).get("state") == "ended", "the end is kept")
    bot.end()
    scene.kubectl.run("delete", "job", job_name(run_of(asked)))
    scene.world.faults.clear()
    await scene.start()
    await until(lambda: scene.tellings(asked), "the end is told", LIMIT_SECONDS)
    await quiet(scene)
    (told,) = scene.tellings(asked)
    assert "Done" in told.text
    assert DELETED not in told.text


async def test_a_namespace_that_is_deleted_takes_no_end_with_it_fault_23(
    scene: ChatScene, cluster: Kubectl
) -> None:
    await scene.start()
    asked = [scene.say(SLOW), scene.say('/run demo "wait 121"')]
    for each in asked:
        await scene.works(each)
    cluster.run("delete", "namespace", scene.kubectl.namespace, "--wait=false")
    for each in asked:
        await until(lambda each=each: scene.tellings(each), "the end is told", LIMIT_SECONDS)  # type: ignore[misc]  # a default of a lambda
    refused = scene.say('/run demo "too late"')
    await until(lambda: scene.replies(refused), "the refusal")
    await quiet(scene)
    assert [len(scene.tellings(each)) for each in asked] == [1, 1]


async def test_another_namespace_is_not_an_empty_one_fault_23(
    scene: ChatScene, cluster: Kubectl
) -> None:
    bot = await scene.start()
    asked = scene.say('/run demo "wait 4"')
    await scene.works(asked)
    bot.end()
    here = scene.variables["SANDBOX_NAMESPACE"]
    scene.variables["SANDBOX_NAMESPACE"] = "default"
    bot = await scene.start()
    await quiet(scene)
    bot.end()
    assert not scene.tellings(asked)
    scene.variables["SANDBOX_NAMESPACE"] = here
    await scene.start()
    await scene.settled(asked)
    (told,) = scene.tellings(asked)
    assert "Done" in told.text


async def test_two_bots_on_one_namespace_tell_each_end_once_fault_16_fault_27(
    scene: ChatScene,
) -> None:
    await asyncio.gather(scene.start(), scene.start())
    asked = [scene.say(f'/run demo "task {number}"') for number in range(3)]
    asked.append(scene.say(SLOW))
    await scene.works(asked[-1])
    scene.kubectl.run("delete", "job", job_name(run_of(asked[-1])))
    for each in asked[:-1]:
        await scene.settled(each)
    await until(lambda: scene.tellings(asked[-1]), "the deletion is told", LIMIT_SECONDS)
    await quiet(scene)
    assert len(scene.kubectl.list("jobs")) == 3
    assert len(scene.kubectl.list("pods")) == 3
    assert [len(scene.tellings(each)) for each in asked] == [1, 1, 1, 1]
    assert all(len(scene.cards(each)) == 1 for each in asked)


async def test_jobs_that_are_no_runs_are_named_once_and_stop_nobody_fault_31(
    scene: ChatScene,
) -> None:
    scene.kubectl.create(foreign("nightly"), foreign("claude-aaaaaaaa"))
    bot = await scene.start()
    damaged = scene.say(SLOW)
    await scene.works(damaged)
    texts = [f"claude-sandbox/{name}={{" for name in ("asked", "marks", "end", "cancelled")]
    name = job_name(run_of(damaged))
    scene.kubectl.run("annotate", "--overwrite", "job", name, *texts)
    asked = scene.say('/run demo "do it"')
    await scene.settled(asked)
    await quiet(scene)
    assert len(scene.tellings(asked)) == 1
    assert not scene.tellings(damaged), "its Job is still there"
    for each in ("nightly", "claude-aaaaaaaa", name):
        assert bot.log.count(f"the Job {each} has our label, but can't be read") == 1
    assert "Traceback" not in bot.log


def foreign(name: str) -> dict[str, object]:
    """Return a Job of somebody else with our label."""
    container = {"name": "claude", "image": "localhost/nobody/has:this"}
    template = {
        "metadata": {"labels": {"app": "claude-sandbox"}},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": {"app": "claude-sandbox"}},
        "spec": {"suspend": True, "template": template},
    }


async def quiet(scene: ChatScene) -> None:
    """Wait until the newest bot has swept twice more: what it would say by then is said."""
    question = scene.say("/id")
    await until(lambda: scene.replies(question), "an answer", LIMIT_SECONDS)
    await asyncio.sleep(2.5)
    again = scene.say("/id")
    await until(lambda: scene.replies(again), "an answer", LIMIT_SECONDS)
