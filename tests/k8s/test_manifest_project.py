"""What the Job says of the project: the volume of its dependencies, its services, its image."""

from __future__ import annotations

import json
from dataclasses import replace

from k8s.manifest import manifest
from sandbox.services import Service, read_services
from tests.k8s.test_manifest import ASKED, BASELINE, PLACE, TASK, environment


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


def test_the_sandbox_knows_which_services_to_wait_for_and_in_which_image_it_is() -> None:
    found = environment(BASELINE)
    services = [Service("postgres", 5432), Service("redis", 6379)]
    assert read_services(found["SANDBOX_SERVICES"]) == services
    assert found["SANDBOX_SERVICES_SECONDS"] == "180"
    assert found["SANDBOX_IMAGE"] == "image:1"
    none = manifest(replace(ASKED, task=replace(TASK, services=None)), PLACE, suspended=False)
    assert environment(none)["SANDBOX_SERVICES"] == ""
