"""What the Backend on a cluster counts of its own work: answers of the API, and watches that began anew."""

from __future__ import annotations

import pytest
from aiohttp import web

from k8s import api, reflector
from runs.backend import Backend, Unavailable
from tests.k8s.fake_cluster import FakeCluster, Fault, line, refusing, streaming, times
from tests.k8s.fake_place import FakeClusterPlace
from tests.runs.contract import ended, start
from tests.whole.bot_process import until

WATCH = "/{}?labelSelector=app%3Dclaude-sandbox&watch"


@pytest.fixture(autouse=True)
def quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(api, "SILENCE_SECONDS", 0.3)


async def one_run(place: FakeClusterPlace) -> Backend:
    """Return the Backend in which one Run ended."""
    backend: Backend = place.make()
    await ended(backend, await start(backend, place.task("quick")))
    return backend


async def test_answers_are_counted_by_their_status(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    cluster.faults.append(times(3, "GET", "/jobs?label", refusing(503)))
    requests = (await one_run(place)).counted.requests
    assert requests["503"] == 3
    assert requests["201"] == 1
    assert requests["200"] > 3


@pytest.mark.parametrize("kind", ["jobs", "pods"])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (streaming(), "ended"),
        (refusing(410, "Expired", "too old"), "expired"),
        (streaming(line("ERROR", {"kind": "Status", "code": 410})), "expired"),
        (refusing(500), "failed"),
        (streaming(b"<html>\n"), "failed"),
    ],
)
async def test_a_watch_that_began_anew_is_counted_by_why(
    cluster: FakeCluster, place: FakeClusterPlace, kind: str, fault: Fault, reason: str
) -> None:
    cluster.faults.append(times(3, "GET", WATCH.format(kind), fault))
    backend = await one_run(place)
    # The Run can end by the one watch while the other's fault is still to come.
    await until(
        lambda: backend.counted.watch_restarts[kind, reason], f"the watch of {kind} began anew"
    )
    restarts = backend.counted.watch_restarts
    assert {why for (what, why), count in restarts.items() if count and what == kind} <= {
        reason,
        "ended",
    }


def test_what_may_happen_once_is_there_before_it_happens(place: FakeClusterPlace) -> None:
    counted = place.make().counted
    assert set(counted.requests.values()) == {0}
    assert {"200", "201", "403", "409", "500", "none"} <= set(counted.requests)
    assert dict(counted.watch_restarts) == {
        (kind, why): 0 for kind in ("jobs", "pods") for why in ("ended", "expired", "failed")
    }


async def test_a_server_that_is_away_is_counted_as_no_answer(
    cluster: FakeCluster, place: FakeClusterPlace
) -> None:
    cluster.faults.append(times(100, "GET", "/jobs", hanging_up))
    backend = place.make()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await backend.get("k7f3q2ab")
    assert backend.counted.requests == {**dict.fromkeys(api.USUAL_ANSWERS, 0), "none": 2}


async def hanging_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
