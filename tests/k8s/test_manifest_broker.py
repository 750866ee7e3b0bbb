"""The broker's container in the Job: the keys are in it alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from k8s.manifest import SECRET_KEYS, manifest
from k8s.place import TEMPLATE
from runs.backend import Refused
from runs.run import run_id
from tests.k8s.test_manifest import ASKED, BRINGING, PLACE, TASK


@pytest.mark.parametrize("image", [None, "other:1"])
def test_the_keys_are_the_brokers_alone(image: str | None) -> None:
    task = replace(TASK, image=image, budget_usd=1.5)
    place = replace(BRINGING, environment={"ANTHROPIC_BASE_URL": "https://model.example/$x"})
    pod = manifest(replace(ASKED, task=task), place, suspended=False)["spec"]["template"]["spec"]
    broker, *others = pod["initContainers"]
    assert (broker["name"], broker["image"]) == ("broker", BRINGING.image)
    assert (broker["restartPolicy"], broker["command"][-1]) == ("Always", "sandbox.broker")
    held = [entry["name"] for entry in broker["env"] if "valueFrom" in entry]
    assert held == list(SECRET_KEYS)
    plain = {entry["name"]: entry["value"] for entry in broker["env"] if "value" in entry}
    assert (plain["REPO_URL"], plain["SANDBOX_RUN"]) == (TASK.repo_url, run_id("key"))
    assert (plain["SANDBOX_BUDGET"], plain["ANTHROPIC_BASE_URL"]) == (
        "1.5",
        "https://model.example/$$x",
    )
    rest = json.dumps([others, pod["containers"]])
    assert "secretKeyRef" not in rest and "/secrets" not in rest and "age-key" not in rest
    found = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
    assert found["SANDBOX_BROKER"] == "http://127.0.0.1:9180"
    assert found["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:9180/model"
    assert not set(SECRET_KEYS) & found.keys()
    mounts = [
        mount["name"] for each in [*others, *pod["containers"]] for mount in each["volumeMounts"]
    ]
    assert "broker" not in mounts


def test_a_template_without_a_broker_is_refused(tmp_path: Path) -> None:
    template = tmp_path / "job.yaml.j2"
    template.write_text(TEMPLATE.read_text().replace("{% if broker %}", "{% if False %}"))
    with pytest.raises(Refused, match="has no broker"):
        manifest(ASKED, replace(BRINGING, template=template), suspended=False)
    manifest(ASKED, replace(PLACE, template=template), suspended=False)
