"""What the API server can do to a watch and to a list, and that nothing is lost by it."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import pytest
from aiohttp import web

from k8s import api, reflector
from k8s.names import job_name
from runs.outcome import Ending
from runs.run import Marks, State
from tests.k8s.fake_cluster import FakeCluster, line, refusing, status, streaming, times
from tests.k8s.fake_place import FakeClusterPlace
from tests.runs.contract import ended, reached, start

GONE = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
WATCH_FAULTS = {
    "eof at once": streaming(),
    "500": refusing(500, "InternalError", "etcd"),
    "403": refusing(403, "Forbidden", "no rights"),
    "401": refusing(401, "Unauthorized", "expired"),
    "429": refusing(429, "TooManyRequests", "later"),
    "html": refusing(502),
    "410": refusing(410, "Expired", "too old"),
    "410 inside": streaming(line("ERROR", GONE)),
    "error inside": streaming(line("ERROR", {"code": 500, "message": "oh"})),
    "half a line": streaming(b'{"type": "MODIFIED", "obj'),
    "garbage": streaming(b"<html>\n"),
    "an unknown kind of news": streaming(line("LATER", {"metadata": {"name": "x", "resourceVersion": "1"}})),
    "an empty line": streaming(b"\n\n"),
    "bytes that are no text": streaming(b'{"type": "\xff\xfe"}\n'),
    "silence": streaming(silent=True),
}  # fmt: skip


@pytest.fixture(autouse=True)
def quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(api, "SILENCE_SECONDS", 0.3)


@pytest.mark.parametrize("kind", ["jobs", "pods"])
@pytest.mark.parametrize("name", WATCH_FAULTS)
async def test_a_broken_watch_loses_nothing_fault_13(
    cluster: FakeCluster, place: FakeClusterPlace, name: str, kind: str
) -> None:
    cluster.faults.append(
        times(3, "GET", f"/{kind}?labelSelector=app%3Dclaude-sandbox&watch", WATCH_FAULTS[name])
    )
    backend = place.make()
    run = await ended(backend, await start(backend, place.task("quick")))
    assert run.outcome is not None
    assert run.outcome.ending is Ending.PUSHED


@pytest.mark.parametrize("code", [500, 403, 401, 410])
async def test_a_list_that_fails_is_read_again_fault_17(
    cluster: FakeCluster, place: FakeClusterPlace, code: int
) -> None:
    backend = place.make()
    run = await start(backend, place.task("quick"))
    cluster.faults.append(times(8, "GET", "&limit=500", refusing(code)))
    assert (await ended(backend, run)).ended


async def test_a_list_whose_pages_expired_begins_anew_fault_14(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    cluster.page_size = 1
    backend = place.make()
    runs = [await start(backend, place.task("quick"), number) for number in range(3)]
    cluster.faults.append(times(2, "GET", "continue=2", refusing(410, "Expired", "expired")))
    assert [run.id for run in await backend.list_runs()] == [run.id for run in runs]


async def test_a_stale_list_changes_nothing_fault_15(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make()
    run = await start(backend, place.task("quick"))
    old = [json.loads(json.dumps(item)) for item in cluster.objects["jobs"].values()]
    run = await ended(backend, run)

    async def stale(request: web.Request) -> web.Response:
        return web.json_response({"metadata": {"resourceVersion": "11"}, "items": old})

    async def empty(request: web.Request) -> web.Response:
        return web.json_response({"metadata": {"resourceVersion": "11"}, "items": []})

    cluster.faults.append(times(1, "GET", "/jobs?labelSelector=app%3Dclaude-sandbox&limit", stale))
    cluster.faults.append(times(1, "GET", "/jobs?labelSelector=app%3Dclaude-sandbox&limit", empty))
    assert await backend.list_runs() == [run]
    assert await backend.list_runs() == [run]


async def test_a_line_of_megabytes_is_read_fault_13(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make()
    run = await start(backend, place.task("slow"))
    await reached(backend, run, lambda seen: seen.report is not None)

    def blow_up(job: dict[str, dict[str, dict[str, str]]]) -> None:
        job["metadata"]["annotations"]["other"] = "x" * 3_000_000
        job["metadata"]["annotations"]["claude-sandbox/marks"] = '{"card_id": 77}'

    cluster.edit("jobs", job_name(run.id), blow_up)
    assert (await reached(backend, run, lambda seen: seen.marks.card_id == 77)).marks == Marks(77)


async def test_a_poison_job_does_not_stop_the_others_fault_31(
    cluster: FakeCluster, place: FakeClusterPlace, caplog: pytest.LogCaptureFixture
) -> None:
    labels = {"app": "claude-sandbox"}
    poison = {
        "metadata": {"name": "claude-poison", "uid": "p", "labels": labels},
        "spec": {"suspend": "perhaps"},
    }
    foreign = {"metadata": {"name": "foreign", "uid": "f", "labels": labels}, "spec": {}}
    cluster.put("jobs", poison, "ADDED")
    cluster.put("jobs", foreign, "ADDED")
    backend = place.make()
    run = await start(backend, place.task("quick"), 1)
    following = asyncio.create_task(ended(backend, run))
    cluster.put("jobs", poison)
    run = await following
    for _ in range(3):
        await backend.sweep()
        assert await backend.list_runs() == [run]
    assert caplog.text.count("can't be read: ") == 1
    assert caplog.text.count("can't be read as a run") == 1


async def test_an_api_server_that_was_away_is_caught_up_with_fault_24(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    backend = place.make()
    runs = [await start(backend, place.task("slow"), number) for number in range(5)]
    await asyncio.gather(
        *(reached(backend, run, lambda seen: seen.report is not None) for run in runs)
    )
    away = True

    async def down(request: web.Request) -> web.StreamResponse | None:
        return status(503, "ServiceUnavailable", "away") if away else None

    cluster.faults.append(down)
    for run in runs:
        await cluster.end(job_name(run.id))
    cluster.oldest_version = cluster.version  # the watches' history is gone meanwhile
    cluster.drop_watches()
    await asyncio.sleep(0.05)
    away = False
    found = await asyncio.gather(*(ended(backend, run) for run in runs))
    assert {run.state for run in found} == {State.ENDED}


def test_pauses_grow_with_jitter_and_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector, "FIRST_PAUSE_SECONDS", 0.8)
    pause = reflector.Pause()
    longest = [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]
    found = [pause.next() for _ in longest]
    assert all(most / 2 <= seconds <= most for seconds, most in zip(found, longest, strict=True))
    assert len({second / first for first, second in pairwise(found)}) > 1
