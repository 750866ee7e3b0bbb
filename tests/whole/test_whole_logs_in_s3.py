"""The real bot with its log store in a bucket: what it keeps there, what it reads there, and what it says when it can't."""

from __future__ import annotations

import shutil

import pytest

from runs.s3 import S3Objects
from runs.s3_place import S3Place
from runs.store import LogStore
from tests.parts.s3_fixtures import SECRET, S3Server
from tests.whole.bot_process import until
from tests.whole.scene import Scene, run_of

pytestmark = pytest.mark.s3


def use(scene: Scene, server: S3Server, bucket: str) -> LogStore:
    """Let the next bot use a bucket; return a store over it."""
    address = {"SANDBOX_LOG_STORE": f"s3://{bucket}/logs"}
    scene.variables.update(server.variables | address)
    return LogStore(S3Objects(S3Place(bucket, "logs"), server.variables))


async def test_a_log_is_read_in_the_bucket_when_its_run_is_gone(
    scene: Scene, s3_server: S3Server
) -> None:
    store = use(scene, s3_server, s3_server.make_bucket())
    bot = await scene.start()
    asked = scene.say('/run small "fail"')
    await scene.acknowledged(asked)
    await scene.card_closed(asked)
    run = run_of(asked)
    assert b"done failed" in await store.read_log(run)
    assert (await store.read_record(run)).run.ended
    bot.end()
    shutil.rmtree(scene.run_folder(asked))
    await scene.start()
    assert "all of it" in await scene.reply(scene.say(f"/logs {run}"))
    assert "of the phase clone" in await scene.reply(scene.say(f"/logs {run[:5]} phase clone"))
    assert not scene.store.exists()
    assert "Traceback" not in scene.log


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "another-secret"}, "refuses the bot's keys"),
        ({"SANDBOX_LOG_STORE": "s3://no-such-bucket"}, "There is no bucket no-such-bucket"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "doesn't answer (http://127.0.0.1:9)"),
    ],
)
async def test_a_bucket_that_cannot_be_used_is_told_at_the_start_and_stops_nothing(
    scene: Scene, s3_server: S3Server, changed: dict[str, str], words: str
) -> None:
    use(scene, s3_server, s3_server.make_bucket())
    scene.variables.update(changed)
    await scene.start()
    await until(
        lambda: any(
            words in line and "no log outlives its run" in line for line in scene.log.splitlines()
        ),
        "what is wrong stands in the bot's log",
    )
    asked = scene.say('/run small "do it"')
    assert "Done" in await scene.reply(asked)
    await scene.acknowledged(asked)
    assert "all of it" in await scene.reply(scene.say(f"/logs {run_of(asked)}"))
    assert SECRET not in scene.log
    assert "Traceback" not in scene.log
