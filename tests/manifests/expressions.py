"""What the dashboard and the alerts ask Prometheus for."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.manifests.overlays import FOLDER

MONITORING = FOLDER.parent / "monitoring"
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
RULE_FILE = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))["spec"]
"""The alerts as a plain Prometheus has them."""

RULES: list[dict[str, Any]] = [rule for group in RULE_FILE["groups"] for rule in group["rules"]]
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS: dict[str, str] = {
    **{rule["alert"]: rule["expr"] for rule in RULES},
    **{
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in PANELS
        for target in panel["targets"]
    },
}
"""By the alert's name, or the panel's title and the letter of the query."""


def filled(expression: str, span: str, repos: str) -> str:
    """Put into an expression what Grafana would: `span` for each time, and a pattern of repos."""
    for variable in ("$__rate_interval", "$__interval", "$__range"):
        expression = expression.replace(variable, span)
    expression = expression.replace("$repo", repos)
    assert "$" not in expression
    return expression
