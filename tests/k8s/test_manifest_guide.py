"""What the guide says of a Job stands in its manifest; where we do otherwise, docs/guide.md says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from k8s.annotations import Asked
from k8s.manifest import manifest
from k8s.place import KubernetesPlace
from runs.run import Origin
from sandbox.task import Task
from tests.parts.guide import commands

PLACE = KubernetesPlace("sandboxes", "image:1")


def pod(*services: str, place: KubernetesPlace = PLACE, **asked: str) -> dict[str, Any]:
    """Return the Pod of a Task with some services and options."""
    task = replace(Task("https://git.example/repo", "plain", services=services), **asked)
    found: dict[str, Any] = manifest(
        Asked("key", task, Origin(-1, 5, 7), 1.5), place, suspended=False
    )["spec"]["template"]["spec"]
    return found


def test_the_agent_has_the_guides_resources() -> None:
    (agent,) = pod()["containers"]
    assert {"resources": agent["resources"]} == yaml.safe_load(commands("Resource Limits"))


def test_a_task_has_the_resources_that_it_asks_for() -> None:
    (agent,) = pod(memory="8Gi", cpu="4")["containers"]
    assert agent["resources"]["limits"] == agent["resources"]["requests"]
    assert agent["resources"]["limits"] == {"memory": "8Gi", "cpu": "4"}


def test_the_pod_has_the_guides_security_context() -> None:
    (wanted,) = yaml.safe_load(commands("Pod Security Standards")).values()
    assert wanted.items() <= pod()["securityContext"].items()


def test_nothing_in_a_pod_outlives_it() -> None:
    volumes = pod("postgres", "redis")["volumes"]
    assert all({"emptyDir", "secret"} & set(volume) for volume in volumes)
    (agent,) = pod()["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in agent["volumeMounts"]}
    assert {"/workspace", "/dev/shm"} <= set(mounts)
    (memory,) = (volume for volume in volumes if volume["name"] == mounts["/dev/shm"])
    assert memory["emptyDir"]["medium"] == "Memory"


def test_a_pod_has_one_container_and_a_native_sidecar_for_each_service() -> None:
    for services in ((), ("postgres",), ("redis",), ("postgres", "redis")):
        found = pod(*services)
        assert [container["name"] for container in found["containers"]] == ["claude"]
        beside = [
            container["name"]
            for container in found["initContainers"]
            if container["name"] != "broker"
        ]
        assert beside == [f"{service}-sidecar" for service in services]
        assert all(each["restartPolicy"] == "Always" for each in found["initContainers"])
        names = {variable["name"]: variable["value"] for variable in found["containers"][0]["env"]}
        assert bool(names["DATABASE_URL"]) is ("postgres" in services)
        assert bool(names["REDIS_URL"]) is ("redis" in services)
