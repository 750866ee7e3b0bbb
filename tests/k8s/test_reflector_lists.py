"""What a long list may not do: hold up others, or bring back what was deleted meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web

from k8s.api import Api
from k8s.reflector import Collection, Reflector
from k8s.structs import Job
from tests.k8s.fake_cluster import NAMESPACE, FakeCluster, Object, serve, times

JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
LIMIT_SECONDS = 120.0


class Heard:
    """A Reflector of all Jobs, what it told, and an event for each deletion."""

    def __init__(self, api: Api) -> None:
        self.ticks = 0
        self.changed_at: list[int] = []
        self.gone = asyncio.Event()
        self.reflector = Reflector(
            api, Collection(JOBS, "app=claude-sandbox", Job), self._changed, self._gone
        )

    def _changed(self, _job: Job) -> None:
        self.changed_at.append(self.ticks)

    def _gone(self, _job: Job) -> None:
        self.gone.set()


@pytest.fixture
async def heard(cluster: FakeCluster, tmp_path: Path) -> AsyncIterator[Heard]:
    async with serve(cluster, tmp_path) as kubeconfig:
        api = Api(kubeconfig)
        yield Heard(api)
        await api.close()


def job(number: int) -> Object:
    labels = {"app": "claude-sandbox"}
    return {"metadata": {"name": f"claude-{number}", "uid": f"u{number}", "labels": labels}}


async def test_others_get_their_turn_while_a_long_list_is_taken(
    cluster: FakeCluster, heard: Heard
) -> None:
    for number in range(500):
        cluster.put("jobs", job(number), "ADDED")

    async def tick() -> None:
        while True:
            heard.ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    await heard.reflector.read_all()
    ticking.cancel()
    assert len(heard.changed_at) == 500
    # One answer had all of them: between its first and its last, others had their turn.
    assert heard.changed_at[-1] - heard.changed_at[0] >= 5


async def test_what_is_deleted_while_it_is_listed_stays_deleted_fault_15(
    cluster: FakeCluster, heard: Heard
) -> None:
    cluster.put("jobs", job(1), "ADDED")
    following = asyncio.create_task(heard.reflector.run())
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            await heard.reflector.synced.wait()

            async def slow(_request: web.Request) -> web.Response:
                old = json.loads(json.dumps(list(cluster.objects["jobs"].values())))
                version = str(cluster.version)
                cluster.remove("jobs", "claude-1")
                await heard.gone.wait()
                return web.json_response({"metadata": {"resourceVersion": version}, "items": old})

            cluster.faults.append(times(1, "GET", "&limit=500", slow))
            await heard.reflector.read_all()
        assert heard.reflector.objects == {}
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
