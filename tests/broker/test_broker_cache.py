"""Dependencies from a bucket, in whole runs of the sandbox program with the real broker beside it."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from runs.s3_cache import S3Cache
from runs.s3_place import S3Place
from sandbox.dependencies.slots import encode
from tests.broker.broker_process import BrokerProcess
from tests.parts.registries import Registry
from tests.parts.s3_fixtures import S3Server
from tests.sandbox.running import Finished, run
from tests.sandbox_project.project_repo import repo_of

StartBroker = Callable[..., BrokerProcess]

TAKES = "curl -s -o /dev/null -w '%{http_code}' -X POST -H 'Content-Length: 0'"
SPEAKS = "node -p 'require(`part-0`)'"


def addresses(server: S3Server, bucket: str, url: str, seconds: float = 3600.0) -> str:
    """Return what the bot gives to the broker."""
    signer = S3Cache(S3Place(bucket), server.variables)
    return encode(asyncio.run(signer.sign(url, seconds)))


def one_run(folder: Path, name: str, script: str, url: str, broker: BrokerProcess) -> Finished:
    variables = {"SANDBOX_BROKER": broker.url, "SANDBOX_CACHE": "broker", "SANDBOX_RUN": name}
    done = run(folder / name, script, url, **variables)
    shutil.rmtree(done.workspace)
    return done


@pytest.mark.npm
@pytest.mark.s3
def test_the_second_run_has_its_dependencies_from_the_bucket_and_its_agent_gets_no_address(
    tmp_path: Path, start_broker: StartBroker, s3_server: S3Server
) -> None:
    bucket = s3_server.make_bucket()
    with Registry() as registry:
        url = repo_of(tmp_path, registry.npm_project({})).file_url
        given = {"SANDBOX_CACHE_URLS": addresses(s3_server, bucket, url)}
        first, second = start_broker(**given), start_broker(**given)
        # The pattern doesn't find itself.
        script = f'echo "$({SPEAKS}) $({TAKES} {first.url}/cache/take) $(env | grep -c X-[A]mz)"'
        one = one_run(tmp_path, "one", script, url, first)
        assert (one.report.cache, registry.asked) == ("miss", 1), one.log
        assert one.report.summary == "part-0 speaks 403 0"
        two = one_run(tmp_path, "two", SPEAKS, url, second)
    assert (two.report.cache, registry.asked) == ("hit", 1), two.log
    assert two.report.summary == "part-0 speaks"
    assert two.report.remark is None
    assert "X-Amz" not in one.log + two.log
    for log, cache in ((one.log, "miss"), (two.log, "hit")):
        assert re.search(rf"^▶ agent \S+, cache {cache}, \d+ s$", log, re.M), log


@pytest.mark.npm
@pytest.mark.s3
def test_addresses_that_have_expired_cost_the_cache_and_not_the_run(
    tmp_path: Path, start_broker: StartBroker, s3_server: S3Server
) -> None:
    bucket = s3_server.make_bucket()
    with Registry() as registry:
        url = repo_of(tmp_path, registry.npm_project({})).file_url
        broker = start_broker(SANDBOX_CACHE_URLS=addresses(s3_server, bucket, url, 0))
        done = one_run(tmp_path, "one", SPEAKS, url, broker)
    assert (done.report.cache, done.report.summary) == ("miss", "part-0 speaks"), done.log
    assert done.report.remark == (
        "The cache couldn't be used: its addresses have expired, so long did the run wait."
    )


def test_a_broker_hands_the_addresses_out_once_and_not_after_a_restart_either(
    start_broker: StartBroker,
) -> None:
    broker = start_broker(SANDBOX_CACHE_URLS="[]")
    asked = (
        b"POST /cache/take HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    assert broker.ask(asked).startswith(b"HTTP/1.1 200")
    assert broker.ask(asked).startswith(b"HTTP/1.1 403")
    broker.kill()
    broker.start()
    assert broker.ask(asked).startswith(b"HTTP/1.1 403")
