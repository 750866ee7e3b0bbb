"""The page /metrics, as Prometheus reads it, while people talk with the bot."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict_families
from prometheus_client.parser import text_string_to_metric_families

from bot.address import read_configured
from bot.config import Config, Repo
from bot.metrics import METHODS, Metrics
from bot.settings import Listen
from runs.backend import Limits, Unavailable
from runs.outcome import Ending, Outcome, Seen
from sandbox.report import Phase, Report
from tests.bot.sample_runs import ended
from tests.bot.talk import Talk, talking
from tests.parts.ports import free_port

SHOP = Config(repos={"shop": Repo("shop", read_configured("https://github.com/acme/shop.git"))})
ENDED = "claude_sandbox_runs_ended_total"


@dataclass(frozen=True, slots=True)
class Page:
    """What the page said at one moment."""

    text: str
    values: dict[tuple[str, frozenset[tuple[str, str]]], float]

    def __call__(self, name: str, **labels: str) -> float:
        return self.values[name, frozenset(labels.items())]


async def page(talk: Talk) -> Page:
    """Read the page as Prometheus does, with the client's own parser."""
    assert talk.metrics is not None
    address = f"http://{talk.metrics.address}:{talk.metrics.port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(address) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        text = await response.text()
    values = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    return Page(text, values)


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Talk]:
    """A talk with a bot that is scraped."""
    async with talking(tmp_path, SHOP, metrics=Listen("127.0.0.1", free_port())) as talk:
        yield talk


async def test_a_run_that_was_told_is_counted_by_its_repo_and_its_end(watched: Talk) -> None:
    async with watched.bot():
        run = await watched.run_of(
            watched.world.say(watched.ada, watched.team, '/run shop "s3cret plan"')
        )
        before = await page(watched)
        assert before("claude_sandbox_runs_started_total", repo="shop") == 1
        assert before("claude_sandbox_runs", state="running") == 1
        assert before(ENDED, repo="shop", ending="pushed") == 0
        await watched.quiet(30)
        spent = ((Phase.CLONE, 2.5), (Phase.AGENT, 20.0))
        report = watched.pushed(run, cost_usd=0.25, cache="hit", phase_seconds=spent)
        watched.place.finish(run.id, report=report)
        await watched.told(run)
        await watched.quiet()
        seen = await page(watched)
    assert seen(ENDED, repo="shop", ending="pushed") == 1
    assert seen(ENDED, repo="other", ending="pushed") == 0
    assert seen("claude_sandbox_runs", state="running") == 0
    assert seen("claude_sandbox_delivery_lag_seconds_count") == 1
    assert seen("claude_sandbox_delivery_lag_seconds_sum") < 60
    assert 30 <= seen("claude_sandbox_run_seconds_sum") < 300
    assert seen("claude_sandbox_phase_seconds_sum", phase="agent") == 20
    assert seen("claude_sandbox_phase_seconds_count", phase="deliver") == 0
    assert seen("claude_sandbox_cost_dollars_total", repo="shop") == 0.25
    assert seen("claude_sandbox_dependency_cache_total", result="hit") == 1
    assert seen("claude_sandbox_updates_total", kind="message") == 1
    assert seen("claude_sandbox_telegram_requests_total", method="getMe", answer="200") == 1
    assert seen("claude_sandbox_ends_untold") == 0
    assert not [word for word in ("s3cret", "github", watched.world.token) if word in seen.text]


PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3"
)


async def test_prometheus_itself_asks_for_another_form_and_gets_the_same(watched: Talk) -> None:
    async with watched.bot():
        await watched.run_of(watched.world.say(watched.ada, watched.team, "/run shop one"))
        assert watched.metrics is not None
        address = f"http://{watched.metrics.address}:{watched.metrics.port}/metrics"
        async with aiohttp.ClientSession(headers={"Accept": PROMETHEUS}) as session:
            async with session.get(address) as response:
                assert response.headers["Content-Type"].startswith("application/openmetrics-text")
                families = list(strict_families(await response.text()))
            async with session.post(address) as response:
                assert response.status == 405
            async with session.get(f"{address}/x") as response:
                assert response.status == 404
    running = [
        sample.value
        for family in families
        for sample in family.samples
        if (sample.name, sample.labels) == ("claude_sandbox_runs", {"state": "running"})
    ]
    assert running == [1]


async def test_a_failure_is_counted_by_its_cause_and_a_repo_without_a_name_as_other(
    tmp_path: Path,
) -> None:
    async with talking(tmp_path, metrics=Listen("127.0.0.1", free_port())) as talk, talk.bot():
        run = await talk.run_of(talk.world.say(talk.ada, talk.team, "/run own/er x"))
        talk.place.finish(run.id, Outcome(Ending.FAILED, cause=Seen.OUT_OF_MEMORY))
        await talk.told(run)
        other = await talk.run_of(talk.world.say(talk.ada, talk.team, "/run own/er y"))
        talk.world.say(talk.ada, talk.team, f"/cancel {other.id}")
        await talk.told(other)
        await talk.quiet()
        seen = await page(talk)
    assert seen(ENDED, repo="other", ending="failed") == 1
    assert seen(ENDED, repo="other", ending="cancelled") == 1
    failures = {labels: value for (name, labels), value in seen.values.items() if value and name == "claude_sandbox_failures_total"}  # fmt: skip
    assert failures == {frozenset({("cause", "out-of-memory")}): 1}


async def test_what_waits_is_seen(watched: Talk) -> None:
    watched.place.limits = Limits(runs=1)
    async with watched.bot():
        first = await watched.run_of(watched.world.say(watched.ada, watched.team, "/run shop one"))
        await watched.run_of(watched.world.say(watched.ada, watched.team, "/run shop two"))
        await watched.quiet(100)
        seen = await page(watched)
        assert seen("claude_sandbox_runs", state="queued") == 1
        assert 100 <= seen("claude_sandbox_queue_oldest_seconds") < 300
        watched.world.faults.refuse(
            "sendMessage", 429, "Too Many Requests", parameters={"retry_after": 400}
        )
        watched.place.finish(first.id, report=watched.pushed(first))
        await watched.quiet(60)
        seen = await page(watched)
        assert seen("claude_sandbox_ends_untold") == 1
        assert 50 <= seen("claude_sandbox_ends_untold_oldest_seconds") < 300
        assert seen("claude_sandbox_outbox_waiting", priority="completion") == 1
        assert (
            seen("claude_sandbox_telegram_requests_total", method="sendMessage", answer="429") == 1
        )
        await watched.until(lambda: watched.place.runs[first.id].told, "it is told", seconds=1200)
        await watched.quiet()
        seen = await page(watched)
        assert seen("claude_sandbox_ends_untold_oldest_seconds") == 0
        assert 300 <= seen("claude_sandbox_delivery_lag_seconds_sum") < 1000


async def test_an_end_that_nobody_may_be_told_of_is_seen_all_the_time(watched: Talk) -> None:
    async with watched.bot():
        run = await watched.run_of(watched.world.say(watched.ada, watched.team, "/run shop one"))
        watched.world.allow_sending(watched.team, False)
        watched.place.finish(run.id, report=watched.pushed(run))
        for _ in range(8):
            await watched.quiet(100)
            assert (await page(watched))("claude_sandbox_ends_untold") == 1
        assert (await page(watched))("claude_sandbox_ends_untold_oldest_seconds") > 700
        watched.world.allow_sending(watched.team, True)
        await watched.until(lambda: watched.place.runs[run.id].told, "it is told", seconds=1800)
        await watched.quiet()
        assert (await page(watched))("claude_sandbox_ends_untold") == 0


async def test_telegrams_errors_and_updates_that_nobody_can_read_are_counted(
    tmp_path: Path,
) -> None:
    listen = Listen("127.0.0.1", free_port())
    async with talking(tmp_path, SHOP, errors=1, metrics=listen) as talk:
        talk.world.state.updates.add("message", {"message_id": "garbage", "date": []})
        async with talk.bot():
            talk.world.faults.answer("getUpdates", 502, b"<html>Bad Gateway</html>")
            talk.world.faults.drop("sendMessage", after_effect=False)
            talk.world.say(talk.ada, talk.team, "/id")
            await talk.said("chat")
            await talk.quiet()
            seen = await page(talk)
    requests = "claude_sandbox_telegram_requests_total"
    assert seen(requests, method="getUpdates", answer="502") == 1
    assert seen(requests, method="sendMessage", answer="none") == 1
    assert seen(requests, method="sendMessage", answer="200") == 1
    assert seen("claude_sandbox_updates_total", kind="other") == 1
    assert seen("claude_sandbox_updates_total", kind="message") == 1


async def test_the_sweep_is_measured_and_one_that_was_cut_short_counted(watched: Talk) -> None:
    async with watched.bot():
        await watched.quiet(100)
        watched.place.fail_next(Unavailable("away"), method="list_runs")
        await watched.quiet(100)
        seen = await page(watched)
        now = watched.clock()
    assert seen("claude_sandbox_sweep_seconds_count") >= 5
    assert seen("claude_sandbox_sweeps_failed_total") == 1
    assert now - seen("claude_sandbox_telegram_last_answer_timestamp_seconds") < 300


async def test_a_forged_report_says_nothing_that_cannot_be(watched: Talk) -> None:
    async with watched.bot():
        run = await watched.run_of(watched.world.say(watched.ada, watched.team, "/run shop one"))
        await watched.quiet(10)
        spent = ((Phase.AGENT, 1e15), (Phase.CLONE, -5.0), (Phase.DONE, 1.0))
        forged = watched.pushed(run, cost_usd=-7.0, cache="none of these", phase_seconds=spent)
        watched.place.finish(run.id, report=forged)
        await watched.told(run)
        await watched.quiet()
        seen = await page(watched)
    assert seen("claude_sandbox_phase_seconds_sum", phase="agent") < 300
    assert seen("claude_sandbox_phase_seconds_sum", phase="clone") == 0
    assert seen("claude_sandbox_cost_dollars_total", repo="shop") == 0
    assert "none of these" not in seen.text


@pytest.mark.parametrize(
    ("told", "counted"), [(2.0**53, 10_000.0), (9_999.5, 9_999.5), (float("nan"), 0.0)]
)
def test_no_report_makes_the_cost_more_than_a_run_can_cost(told: float, counted: float) -> None:
    metrics = Metrics()
    report = Report("k7f3q2ab", Phase.DONE, cost_usd=told)
    run = ended(Outcome(Ending.PUSHED, report=report))
    metrics.told(run, "other", told_at=run.created_at + 60)
    seen = metrics.registry.get_sample_value("claude_sandbox_cost_dollars_total", {"repo": "other"})
    assert seen == counted


async def test_a_port_that_is_taken_keeps_nobody_from_talking(watched: Talk) -> None:
    assert watched.metrics is not None
    with socket.create_server((watched.metrics.address, watched.metrics.port)):
        async with watched.bot():
            await watched.run_of(watched.world.say(watched.ada, watched.team, "/run shop one"))
    assert f"no metrics: 127.0.0.1 port {watched.metrics.port}: " in watched.log.text()


async def test_an_ended_bot_gives_its_port_back_and_the_next_has_it(watched: Talk) -> None:
    for _ in range(2):
        async with watched.bot():
            await watched.quiet()
            assert (await page(watched))("claude_sandbox_runs", state="running") == 0
    assert "no metrics" not in watched.log.text()


def test_each_method_that_the_bot_asks_for_is_there_before_it_is_first_asked() -> None:
    sources = [
        path.read_text("utf-8") for path in (Path(__file__).parents[2] / "bot").rglob("*.py")
    ]
    called = set(re.findall(r"bot\.((?:get|send|edit|delete|set|answer)_\w+)\(", "".join(sources)))  # fmt: skip
    assert len(called) > 5
    assert {_camel(name) for name in called} | {"getMe"} == set(METHODS)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
