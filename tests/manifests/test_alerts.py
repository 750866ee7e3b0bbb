"""The alerts, as Prometheus' own promtool plays them: each fires when somebody has to come, and not when nobody has to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.manifests.expressions import RULE_FILE
from tests.parts.prometheus import promtool

pytestmark = pytest.mark.promtool

SILENT, UNTOLD, FAIL = "ClaudeSandboxBotSilent", "ClaudeSandboxEndsUntold", "ClaudeSandboxRunsFail"
ANSWERED = 'claude_sandbox_telegram_last_answer_timestamp_seconds{namespace="bots",pod="%s"}'
OLDEST = 'claude_sandbox_ends_untold_oldest_seconds{namespace="bots",pod="%s"}'
ENDED = 'claude_sandbox_runs_ended_total{namespace="bots",pod="%s",repo="%s",ending="%s"}'
NEVER = "-999999999"
"""The time of the last answer as a new bot has it, 0, where the time of these scenes begins at 0."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Series with a sample in 30 seconds, and the minutes at which an alert is looked at."""

    alert: str
    series: Mapping[str, str]
    fires: tuple[int, ...] = ()
    quiet: tuple[int, ...] = ()


def ended(pod: str = "a", repo: str = "shop", **values: str) -> dict[str, str]:
    """Return the counters of how Runs ended: all endings that a bot has from its start on, at 0 but those named."""
    names = ("pushed", "failed", "not-pushed", "cancelled", "asks")
    known = {name.replace("_", "-"): value for name, value in values.items()}
    return {ENDED % (pod, repo, name): known.get(name, "0x400") for name in names}


SCENES = {
    "a bot that is answered every half minute": Scene(
        SILENT, {ANSWERED % "a": "0+30x400"}, quiet=(1, 4, 30, 200)
    ),
    "Telegram answers no more from the fifth minute on": Scene(
        SILENT, {ANSWERED % "a": "0+30x10 300x200"}, fires=(17, 40, 100), quiet=(5, 10, 14)
    ),
    "Telegram is away for four minutes": Scene(
        SILENT, {ANSWERED % "a": "0+30x10 300x8 570+30x100"}, quiet=(5, 9, 10, 15, 30)
    ),
    "the bot's Pod goes and no other comes": Scene(
        SILENT,
        {ANSWERED % "a": "0+30x10 stale"},
        fires=(17, 40, 59, 62, 66, 80, 300),
        quiet=(9, 14),
    ),
    "there never was a bot": Scene(SILENT, {}, fires=(6, 60), quiet=(1, 4)),
    "a new bot that waits for its first answer for two minutes": Scene(
        SILENT, {ANSWERED % "a": f"{NEVER}x4 120+30x100"}, quiet=(1, 3, 6, 12)
    ),
    "a new bot that Telegram doesn't answer at all": Scene(
        SILENT, {ANSWERED % "a": f"{NEVER}x200"}, fires=(6, 30)
    ),
    "another Pod takes over after three minutes": Scene(
        SILENT,
        {ANSWERED % "a": "0+30x20 stale", ANSWERED % "b": "_x26 780+30x200"},
        quiet=(11, 12, 14, 20, 40, 80),
    ),
    "a bot that dies again and again before Telegram answers": Scene(
        # Seen for half a minute, gone for four, whatever the alert's `for` is.
        SILENT,
        {ANSWERED % "a": "0+30x4 " + f"stale _x8 {NEVER} " * 12},
        fires=(13, 20, 30, 50, 59),
    ),
    "one of two bots goes": Scene(
        SILENT,
        {
            ANSWERED % "a": "0+30x10 stale",
            (ANSWERED % "b").replace("bots", "others"): "0+30x400",
        },
        fires=(17, 40),
        quiet=(9, 14),
    ),
    "ends are told within four minutes, again and again": Scene(
        UNTOLD, {OLDEST % "a": "0+30x8 0x4 " * 8}, quiet=(4, 10, 20, 40)
    ),
    "an end isn't told": Scene(
        UNTOLD, {OLDEST % "a": "0x4 0+30x60"}, fires=(14, 30), quiet=(2, 6, 11)
    ),
    "an end isn't told, and the bot's Pod changes meanwhile": Scene(
        UNTOLD,
        {OLDEST % "a": "0+30x16 stale", OLDEST % "b": "_x17 540+30x60"},
        fires=(13, 30),
        quiet=(5, 9),
    ),
    "nothing is known of ends": Scene(UNTOLD, {}, quiet=(1, 20)),
    "four runs fail, the first ever of this bot": Scene(
        FAIL, ended(failed="0x9 1x9 2x9 3x9 4x200"), fires=(33,), quiet=(15, 20, 26, 100)
    ),
    "three runs fail and no other ended": Scene(
        FAIL, ended(failed="0x9 1x3 2x3 3x300"), quiet=(8, 20, 30, 33, 36, 60)
    ),
    "as many fail as end well": Scene(
        FAIL, ended(failed="0x9 0+1x3 4x200", pushed="0x9 0+1x3 4x200"), quiet=(10, 20, 30, 60)
    ),
    "more than half fail, or weren't pushed": Scene(
        FAIL,
        ended(failed="0x9 0+1x3 3x200", not_pushed="0x9 2x200", pushed="0x9 0+1x3 3x200"),
        fires=(20, 40),
    ),
    "many were cancelled, and one failed": Scene(
        FAIL, ended(failed="0x9 1x200", cancelled="0x9 9x200"), quiet=(10, 20, 40)
    ),
    "many ask back, which is no failure": Scene(
        FAIL, ended(failed="0x9 1x200", asks="0x9 9x200"), quiet=(10, 20, 40)
    ),
    "many fail before the bot's Pod changes, and none after": Scene(
        FAIL,
        {**ended(failed="0x9 5x10 stale"), **ended(pod="b", failed="_x20 0x200")},
        fires=(18, 40, 60),
        quiet=(5, 80),
    ),
    "failures of several repos come together": Scene(
        FAIL, {**ended(failed="0x9 2x200"), **ended(repo="other", failed="0x9 2x200")}, fires=(20,)
    ),
    "nothing ever ended": Scene(FAIL, ended(), quiet=(1, 30, 100)),
}


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The rules as a plain Prometheus has them."""
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(RULE_FILE), encoding="utf-8")
    return path


def test_the_rules_are_as_prometheus_wants_them(rules: Path) -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", str(rules))


def played(scene: Scene, rules: Path) -> None:
    """Let promtool play a scene; Prometheus looks at other moments than those of its samples."""
    firing = f'group(ALERTS{{alertname="{scene.alert}",alertstate="firing"}})'
    fires = [{"labels": "{}", "value": 1}]
    looks = [(minute, fires) for minute in scene.fires] + [(minute, []) for minute in scene.quiet]
    test = {
        "interval": "30s",
        "input_series": [{"series": name, "values": text} for name, text in scene.series.items()],
        "promql_expr_test": [
            {"expr": firing, "eval_time": f"{minute}m", "exp_samples": expected}
            for minute, expected in looks
        ],
    }
    path = rules.with_name("test.yaml")
    file = {"rule_files": [str(rules)], "evaluation_interval": "37s", "tests": [test]}
    path.write_text(yaml.safe_dump(file), encoding="utf-8")
    promtool("test", "rules", str(path))


@pytest.mark.parametrize("title", SCENES)
def test_an_alert_fires_when_it_should_and_only_then(title: str, rules: Path) -> None:
    played(SCENES[title], rules)
