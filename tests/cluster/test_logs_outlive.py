"""Logs outlive what printed them: /logs in all its forms, when nothing of a failed Run is left on the cluster."""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from k8s.names import job_name
from playground.messages import Message
from tests.cluster.backend_place import ClusterPlace, template
from tests.cluster.chat_scene import LIMIT_SECONDS, ChatScene, run_of
from tests.cluster.kubectl import Kubectl
from tests.parts.s3_fixtures import S3Server
from tests.runs.contract import start
from tests.whole.bot_process import until

FORMS = {
    "": "all of it",
    "5": "the last 5 lines",
    "errors": "these are the last",
    "grep ▶": "with “▶”",
    "phase clone": "of the phase clone",
    "file": "the whole log",
    "follow": "it has ended",
    "sidecar redis": "the last lines of redis",
}


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def store(request: pytest.FixtureRequest, scene: ChatScene) -> str:
    """Set the log store of the scene's bots: a folder, or a bucket that no Pod reaches."""
    kind = str(request.param)
    if kind == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        place = f"s3://{server.make_bucket()}/team/logs"
        scene.variables.update(server.variables | {"SANDBOX_LOG_STORE": place})
    return kind


def give_redis(scene: ChatScene, place: ClusterPlace) -> None:
    demo = {"url": place.repo_url, "memory": "512Mi", "cpu": "200m", "services": ["redis"]}
    config: dict[str, Any] = {"repos": {"demo": demo}, "gate": "off"}
    config["serviceImages"] = {"redis": place.images.redis}
    Path(scene.variables["SANDBOX_CONFIG"]).write_text(json.dumps(config), "utf-8")


def answers(scene: ChatScene, asked: Message) -> list[Message]:
    return [each for each in scene.world.messages(scene.team.id) if each.reply_to_id == asked.id]


@pytest.mark.usefixtures("store")
async def test_every_form_of_logs_answers_when_pod_and_job_are_gone_fault_22(
    scene: ChatScene, place: ClusterPlace
) -> None:
    give_redis(scene, place)
    bot = await scene.start()
    asked = scene.say('/run demo "fail"')
    await scene.settled(asked)
    (told,) = scene.tellings(asked)
    assert "Failed" in told.text
    bot.end()
    scene.kubectl.run("delete", "job", job_name(run_of(asked)))
    scene.kubectl.run("delete", "pods", "--all", "--now")
    assert not scene.kubectl.pods_of(job_name(run_of(asked)))
    await scene.start()
    for form, words in FORMS.items():
        asking = scene.say(f"/logs {run_of(asked)} {form}")
        (answer,) = await until(
            lambda asking=asking: answers(scene, asking),  # type: ignore[misc]  # a default of a lambda
            f"/logs {form} is answered",
            LIMIT_SECONDS,
        )
        assert words in answer.text, form
        if form == "file":
            assert answer.document is not None
            data = scene.world.file(answer.document)
            log = gzip.decompress(data) if answer.document.name.endswith(".gz") else data
            assert log.startswith("▶ ".encode())
            assert "▶ done failed" in log.decode()


async def test_a_log_that_the_kubelet_has_rotated_begins_with_saying_so_fault_22(
    place: ClusterPlace, kubectl: Kubectl
) -> None:
    script = "yes an old line that is gone | head -c 12000000; sleep 25; echo the new end"
    command = f'image: {{{{ image }}}}\n          command: [sh, -ec, "{script}"]'
    setting = template(place, ("image: {{ image }}", command))
    backend = place.make(entrypoints=("*/plain:*",), **setting)
    run = await start(backend, replace(place.task("quick"), image=place.images.plain))
    await asyncio.to_thread(kubectl.wait_for_end, job_name(run.id))
    log = (await backend.read_log(run.id)).decode()
    first, *rest = log.splitlines()
    assert first.startswith("[claude-sandbox] The cluster keeps the newest part of a long log")
    assert rest == ["the new end"]
