"""Dashboard and alerts: every expression is one that Prometheus takes, and asks for what the bot's page has."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest

from tests.manifests.expressions import DASHBOARD, EXPRESSIONS, MONITORING, PANELS, RULES, filled
from tests.manifests.metric_names import samples
from tests.manifests.overlays import FOLDER, render

OF_THE_SCRAPE = {"pod", "namespace", "job", "instance"}
"""Labels that Prometheus sets itself."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an expression asks for: samples with their matchers, and the labels by which it groups."""

    selectors: tuple[promql.VectorSelector, ...]
    grouped: frozenset[str]


def asked(expression: str) -> Asked:
    """Parse an expression of the dashboard or of an alert."""
    expression = filled(expression, span="1d", repos="shop|other")
    selectors: list[promql.VectorSelector] = []
    grouped: set[str] = set()

    def visit(node: promql.Expr) -> None:
        if isinstance(node, promql.VectorSelector):
            selectors.append(node)
        elif isinstance(node, promql.MatrixSelector):
            selectors.append(node.vector_selector)
        elif isinstance(node, promql.AggregateExpr) and node.modifier is not None:
            grouped.update(node.modifier.labels)

    promql.walk(promql.parse(expression), visit)
    return Asked(tuple(selectors), frozenset(grouped))


def test_an_expression_that_prometheus_refuses_is_found() -> None:
    for broken in ("sum(x", "rate(x)", "sum by le (x)", "x[5m]{a=1}", "x ++"):
        with pytest.raises(ValueError, match=r"."):
            asked(broken)


@pytest.mark.parametrize("title", EXPRESSIONS)
def test_an_expression_asks_for_what_the_page_has(title: str) -> None:
    page = samples()
    found = asked(EXPRESSIONS[title])
    assert found.selectors
    there: set[str] = set(OF_THE_SCRAPE)
    for selector in found.selectors:
        assert selector.name in page, f"{selector.name} isn't on the page"
        labels = page[selector.name]
        there |= set(labels)
        for matcher in selector.matchers.matchers:
            assert matcher.name in {*labels, *OF_THE_SCRAPE}
            if matcher.name in labels and matcher.value not in ("", "200", "2.."):
                values = set(matcher.value.split("|"))
                assert values <= labels[matcher.name], f"{matcher.name} is never {matcher.value}"
    assert found.grouped <= there


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_legend_names_labels_that_are_left(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        left = asked(target["expr"]).grouped | OF_THE_SCRAPE
        assert named <= left - {"le"}


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {
        selector.name
        for panel in PANELS
        for target in panel["targets"]
        for selector in asked(target["expr"]).selectors
    }
    ours = {re.sub("_(bucket|count|sum)$", "", name) for name in samples()}
    shown = {re.sub("_bucket$", "", str(name)) for name in shown}
    assert {name for name in ours if name.startswith("claude_sandbox_")} - shown == set()


def test_no_two_panels_lie_over_each_other_and_each_has_a_number_of_its_own() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart
        assert one["x"] + one["w"] <= 24
    assert all(one["y"] <= other["y"] for one, other in pairwise(p["gridPos"] for p in panels))


def test_there_are_three_alerts_each_with_what_to_do_and_the_document_lists_them() -> None:
    text = (FOLDER.parents[1] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(ClaudeSandbox\w+)`", text, re.M) == [rule["alert"] for rule in RULES]
    assert len(RULES) == 3
    for rule in RULES:
        assert re.fullmatch("[0-9]+m", rule["for"])
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert "Look at" in rule["annotations"]["description"] or "look at" in rule["annotations"]["description"]  # fmt: skip


def test_the_document_names_every_metric_with_its_labels() -> None:
    text = (FOLDER.parents[1] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    named = {
        name: tuple(filter(None, labels.split(",")))
        for row in re.findall(r"^\| (`.*?) \|", text, re.M)
        for name, labels in re.findall(r"`(\w+)(?:{([\w,]+)})?`", row)
        if not name.startswith("ClaudeSandbox")
    }
    real: dict[str, set[str]] = {}
    for name, labels in samples().items():
        base = re.sub("_(bucket|count|sum)$", "", name)
        if base.startswith("claude_sandbox_"):
            short = base.removeprefix("claude_sandbox_")
            real[short] = real.get(short, set()) | (set(labels) - {"le"})
    assert {name: set(labels) for name, labels in named.items()} == real


@pytest.mark.kubectl
@pytest.mark.parametrize("overlay", ["two-namespaces", "one-namespace"])
def test_the_component_fits_the_overlay_and_the_bots_pod(overlay: str, tmp_path: Path) -> None:
    import shutil

    text = (FOLDER.parents[1] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    (mine,) = re.findall(r"^```yaml\n(apiVersion: kustomize.*?)^```", text, re.M | re.S)
    mine = mine.replace("../two-namespaces", f"../{overlay}")
    if overlay == "one-namespace":
        mine += "namespace: claude-sandbox\n"
    shutil.copytree(FOLDER.parent, tmp_path / "manifests")
    folder = tmp_path / "manifests" / "overlays" / "mine"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(mine, encoding="utf-8")
    found = render(folder)
    deployment = found.one("Deployment", "claude-sandbox-bot")
    namespace = deployment["metadata"]["namespace"]
    monitor = found.one("PodMonitor", "claude-sandbox-bot")
    assert monitor["metadata"]["namespace"] == namespace
    wanted = monitor["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    (container,) = found.containers()
    assert [{"port": port["name"]} for port in container["ports"]] == monitor["spec"]["podMetricsEndpoints"]  # fmt: skip
    dashboard = found.one("ConfigMap", "claude-sandbox-dashboard")
    assert dashboard["metadata"]["labels"] == {"grafana_dashboard": "1"}
    assert json.loads(dashboard["data"]["claude-sandbox.json"]) == DASHBOARD
    assert found.one("PrometheusRule", "claude-sandbox")["metadata"]["namespace"] == namespace


@pytest.mark.kubectl
def test_by_itself_it_goes_to_the_bot_that_init_makes() -> None:
    found = render(MONITORING)
    places = {item["metadata"]["namespace"] for item in found.objects}
    assert places == {"claude-sandbox-bot"}
    assert sorted(item["kind"] for item in found.objects) == [
        "ConfigMap",
        "PodMonitor",
        "PrometheusRule",
    ]
