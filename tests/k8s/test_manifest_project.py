"""What the Job says of the project: the volume of its dependencies, its services, its image."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from k8s.manifest import manifest
from runs.backend import Limits
from sandbox.dependencies.slots import Slot, decode
from sandbox.services import Service, read_services
from tests.k8s.test_manifest import ASKED, BASELINE, BRINGING, PLACE, TASK, environment


def test_of_the_volume_of_dependencies_a_run_gets_its_repositorys_folder_only() -> None:
    place = replace(PLACE, cache_claim="sandbox-cache")
    mounts = []
    for url in ("https://git.example/a", "https://git.example/b", "https://git.example/a.git"):
        asked = replace(ASKED, task=replace(TASK, repo_url=url))
        job = manifest(asked, place, suspended=False)
        pod = job["spec"]["template"]["spec"]
        claim = {"claimName": "sandbox-cache"}
        assert {"name": "cache", "persistentVolumeClaim": claim} in pod["volumes"]
        mounts += [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "cache"]
        assert environment(job)["SANDBOX_CACHE"] == "/cache"
        beside = json.dumps(pod["initContainers"])
        assert '"cache"' not in beside
    assert [each["mountPath"] for each in mounts] == ["/cache"] * 3
    first, other, same = [each["subPath"] for each in mounts]
    assert first == same != other
    assert "cache" not in json.dumps(BASELINE["spec"]["template"]["spec"]["volumes"])


def test_the_addresses_of_a_bucket_are_with_the_broker_alone() -> None:
    slots = (Slot("https://s3.example/x?Signature=read", "https://s3.example/x?Signature=write"),)
    job = manifest(ASKED, BRINGING, suspended=False, slots=slots)
    pod = job["spec"]["template"]["spec"]
    assert environment(job)["SANDBOX_CACHE"] == "broker"
    (broker,) = [each for each in pod["initContainers"] if "Signature" in json.dumps(each)]
    assert broker["name"] == "broker"
    (variable,) = [each for each in broker["env"] if each["name"] == "SANDBOX_CACHE_URLS"]
    assert decode(variable["value"]) == slots
    assert "Signature" not in json.dumps([pod["containers"], job["metadata"]])


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({}, 6300),
        ({"limits": Limits(runs=2, queue_seconds=60)}, 6360),
        ({"limits": Limits(runs=2)}, 6300 + 86_400),
        ({"kueue": "team"}, 6300 + 86_400),
    ],
)
def test_addresses_are_valid_for_as_long_as_a_run_may_wait_and_work(
    options: dict[str, Any], seconds: int
) -> None:
    assert replace(PLACE, **options).life_seconds(replace(TASK, timeout_seconds=3600)) == seconds


def test_the_operators_files_are_mounted_for_the_agent_only_and_cant_be_written() -> None:
    job = manifest(ASKED, replace(PLACE, agent_files="team-agents"), suspended=False)
    pod = job["spec"]["template"]["spec"]
    source = {"name": "team-agents", "optional": True}
    assert {"name": "agent-files", "configMap": source} in pod["volumes"]
    mount = {"name": "agent-files", "mountPath": "/agent-files", "readOnly": True}
    assert mount in pod["containers"][0]["volumeMounts"]
    assert environment(job)["SANDBOX_AGENT_FILES"] == "/agent-files"
    assert "agent-files" not in json.dumps(pod["initContainers"])
    assert environment(BASELINE)["SANDBOX_AGENT_FILES"] == ""
    assert "agent-files" not in json.dumps(BASELINE["spec"]["template"]["spec"]["volumes"])


def test_the_sandbox_knows_which_services_to_wait_for_and_in_which_image_it_is() -> None:
    found = environment(BASELINE)
    services = [Service("postgres", 5432), Service("redis", 6379)]
    assert read_services(found["SANDBOX_SERVICES"]) == services
    assert found["SANDBOX_SERVICES_SECONDS"] == "180"
    assert found["SANDBOX_IMAGE"] == "image:1"
    none = manifest(replace(ASKED, task=replace(TASK, services=None)), PLACE, suspended=False)
    assert environment(none)["SANDBOX_SERVICES"] == ""
