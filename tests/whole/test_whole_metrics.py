"""A real Prometheus reads a real bot's page, while runs go through it: every panel and every alert has something to show."""

from __future__ import annotations

import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.manifests.expressions import EXPRESSIONS, RULE_FILE, RULES, filled
from tests.parts.git_server import OriginRepo
from tests.parts.ports import free_port
from tests.parts.prometheus import Prometheus, promtool, scraping
from tests.whole.bot_process import until
from tests.whole.scene import Scene

pytestmark = pytest.mark.promtool

PATIENT_SECONDS = 120.0
ONLY_ON_A_CLUSTER = {
    "The cluster's refusals and silences A",
    "Watches that began anew A",
    "Requests B",
}


@dataclass(frozen=True, slots=True)
class Watched:
    """A bot, and the Prometheus that reads its page."""

    scene: Scene
    page: str
    prometheus: Prometheus

    async def says(self, expression: str) -> float:
        """Wait until Prometheus has a number for an expression."""

        def found() -> list[float]:
            return self.prometheus.ask(expression)

        return (await until(found, f"Prometheus answers {expression}", PATIENT_SECONDS))[0]


@pytest.fixture
async def watched(scene: Scene, tmp_path: Path) -> AsyncIterator[Watched]:
    """A bot of which Prometheus has two pages, so that it sees whatever begins now."""
    address = f"127.0.0.1:{free_port()}"
    scene.variables["SANDBOX_METRICS"] = address
    await scene.start()
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with scraping(address, RULE_FILE, folder) as prometheus:
        watched = Watched(scene, f"http://{address}/metrics", prometheus)
        await watched.says("count_over_time(claude_sandbox_ends_untold[5m]) > 1")
        yield watched


async def test_every_panel_and_alert_has_something_to_show_and_a_bot_that_is_gone_is_noticed(
    watched: Watched, file_repo: OriginRepo
) -> None:
    scene = watched.scene
    scene.world.faults.answer("getUpdates", 502, b"<html>Bad Gateway</html>")
    for text in ("/run small note x", "/run small fail"):
        asked = scene.say(text)
        await scene.reply(asked, PATIENT_SECONDS)
        await scene.acknowledged(asked)
    await watched.says("sum(claude_sandbox_runs_ended_total) == 2")
    # The first of its kind: seen only since the series was there before, at 0.
    await watched.says('increase(claude_sandbox_telegram_requests_total{answer="502"}[10m]) > 0')
    for title, expression in EXPRESSIONS.items():
        asks = filled(expression, span="10m", repos=".*")
        if title in ONLY_ON_A_CLUSTER:
            assert watched.prometheus.ask(asks) == []
        elif title not in {rule["alert"] for rule in RULES}:
            await watched.says(asks)
    assert await watched.says('increase(claude_sandbox_runs_ended_total{repo="small",ending="pushed"}[10m])') > 0.9  # fmt: skip
    assert await watched.says('claude_sandbox_failures_total{cause="agent-failed"}') == 1
    assert await watched.says('claude_sandbox_phase_seconds_count{phase="agent"}') == 2
    await check_alerts(watched.prometheus)
    check_page(watched.page)
    await check_absence(watched)


async def check_alerts(prometheus: Prometheus) -> None:
    """See that Prometheus plays every alert, and that a bot that is well wakes nobody."""
    well = {rule["alert"]: ("ok", "inactive") for rule in RULES}

    def states() -> dict[str, tuple[str, str]]:
        (group,) = prometheus.read("rules")["groups"]
        return {rule["name"]: (rule["health"], rule["state"]) for rule in group["rules"]}

    await until(lambda: states() == well, "every alert is played, and is quiet", PATIENT_SECONDS)


def check_page(page: str) -> None:
    """See that promtool finds nothing to say about names, types and help."""
    with urllib.request.urlopen(page, timeout=60) as answer:
        promtool("check", "metrics", given=answer.read().decode())


async def check_absence(watched: Watched) -> None:
    """See that the alert of a silent bot finds one that is gone, over seconds instead of an hour."""
    watched.scene.bots[0].end()
    await watched.says("up == 0")
    (silent,) = (rule["expr"] for rule in RULES if rule["alert"] == "ClaudeSandboxBotSilent")
    quick = silent.replace("[50m]", "[2s]").replace("[1h]", "[2s]")
    assert quick != silent
    assert await watched.says(quick) == 1
