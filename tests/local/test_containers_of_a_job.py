"""The Pod of a Job as containers, their engine's words, and the compose file: pure, against the real template."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
import yaml

from cli.local.arguments import Made, create, holder, keys_of, prepare
from cli.local.compose import compose_file
from k8s.annotations import Asked
from k8s.containers import Container, Containers, containers_of, expanded
from k8s.manifest import SECRET_KEYS, manifest
from k8s.place import KubernetesPlace
from runs.backend import Refused
from runs.run import Origin
from runs.stacks.table import services_table
from sandbox.task import Task
from tests.k8s.test_manifest import HOSTILE

PLACE = KubernetesPlace("here", "registry:5000/team/sandbox:1", cache_claim="cache")
TASK = Task("https://git.example/repo", "do it", services=("postgres", "redis"))
KEYS = {"GITHUB_TOKEN": "ghp_secret", "ANTHROPIC_API_KEY": "sk-secret", "PATH": "/usr/bin"}


def job(task: Task = TASK, place: KubernetesPlace = PLACE) -> dict[str, Any]:
    return manifest(Asked("key", task, Origin(0, 0, 0), 1.5), place, suspended=False)


def containers(task: Task = TASK, place: KubernetesPlace = PLACE) -> Containers:
    return containers_of(job(task, place))


def made(found: Containers) -> Made:
    return Made(found, PLACE.image, Path("/tmp/report"), "me:77")


def named(found: Containers, name: str) -> Container:
    return next(each for each in found.all if each.name == name)


def values(arguments: Sequence[str], option: str) -> list[str]:
    return [arguments[at + 1] for at, word in enumerate(arguments) if word == option]


def test_the_containers_are_those_of_the_pod_in_its_order() -> None:
    found = containers()
    assert [each.name for each in found.all] == [
        "broker",
        "postgres-sidecar",
        "redis-sidecar",
        "claude",
    ]
    assert [each.stays for each in found.all] == [True, True, True, False]
    assert found.name == "claude-" + found.agent.environment["SANDBOX_RUN"]


def test_every_variable_is_what_a_pod_would_have() -> None:
    task = replace(TASK, variables=(("PRICE", "$5 and $(HOME) and $$"),))
    environment = containers(task).agent.environment
    assert environment["PRICE"] == "$5 and $(HOME) and $$"
    assert environment["DATABASE_URL"] == "postgres://postgres@localhost:5432/sandbox"
    assert environment["SANDBOX_BROKER"] == "http://127.0.0.1:9180"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_task_comes_through_whole(text: str) -> None:
    try:
        asked = job(replace(TASK, prompt=text))
    except Refused:
        return
    found = containers_of(asked)
    assert found.agent.environment["TASK"] == text
    assert f"TASK={text}" in values(create(made(found), found.agent, {}), "--env")
    read = yaml.safe_load(compose_file(made(found)))
    assert read["services"]["claude"]["environment"]["TASK"] == text.replace("$", "$$")


@pytest.mark.parametrize(
    ("text", "is_"),
    [("$$(A)", "$(A)"), ("$(A)", "1"), ("$(B)", "$(B)"), ("$A $", "$A $"), ("$$$$", "$$")],
)
def test_a_value_is_expanded_as_kubernetes_does_it(text: str, is_: str) -> None:
    assert expanded(text, {"A": "1"}) == is_


def test_only_the_broker_has_keys_and_none_stands_in_a_call_or_file() -> None:
    found = containers()
    everything = made(found)
    for container in found.all:
        arguments = create(everything, container, KEYS)
        assert not [word for word in arguments if "secret" in word.replace("secrets", "")]
        passed = set(values(arguments, "--env")) & set(SECRET_KEYS)
        assert passed == (
            {"GITHUB_TOKEN", "ANTHROPIC_API_KEY"} if container.name == "broker" else set()
        )
    assert keys_of(named(found, "broker"), KEYS) == {
        name: KEYS[name] for name in ("GITHUB_TOKEN", "ANTHROPIC_API_KEY")
    }
    file = yaml.safe_load(compose_file(everything))
    keys = file["services"]["broker"]["environment"]
    assert [keys[name] for name in SECRET_KEYS] == [None] * len(SECRET_KEYS)
    assert not file["services"]["claude"]["environment"].keys() & set(SECRET_KEYS)


def test_an_image_with_a_program_of_its_own_gets_the_keys_itself() -> None:
    found = containers(place=replace(PLACE, entrypoints=("*",)))
    assert not [each for each in found.all if each.name == "broker"]
    arguments = create(made(found), found.agent, {"GITHUB_TOKEN": "ghp_secret"})
    assert "GITHUB_TOKEN" in values(arguments, "--env")
    assert "ANTHROPIC_API_KEY=" in values(arguments, "--env")


def test_the_sandbox_program_is_brought_into_another_image_before_the_agent_begins() -> None:
    found = containers(replace(TASK, image="debian:12"))
    program = named(found, "sandbox-program")
    assert (program.stays, program.image) == (False, PLACE.image)
    assert found.agent.entrypoint == ("python3", "-I", "/claude-sandbox")
    assert found.agent.folder == "/workspace"
    services = yaml.safe_load(compose_file(made(found)))["services"]
    assert services["sandbox-program"]["depends_on"]["broker"] == {"condition": "service_healthy"}
    waits = services["claude"]["depends_on"]
    assert waits["sandbox-program"] == {"condition": "service_completed_successfully"}
    assert waits["postgres-sidecar"] == {"condition": "service_started"}
    assert "redis-sidecar" not in services["postgres-sidecar"]["depends_on"]


def test_beside_a_program_that_knows_no_services_each_is_waited_for() -> None:
    found = containers(place=replace(PLACE, entrypoints=("*",)))
    services = yaml.safe_load(compose_file(made(found)))["services"]
    assert services["claude"]["depends_on"]["redis-sidecar"] == {"condition": "service_healthy"}
    check = services["redis-sidecar"]["healthcheck"]["test"]
    assert check == ["CMD-SHELL", "redis-cli -h 127.0.0.1 ping"]
    assert "redis-sidecar" not in services["postgres-sidecar"]["depends_on"]


def test_limits_users_and_rights_are_those_of_the_pod() -> None:
    found = containers(replace(TASK, memory="512Mi", cpu="1500m"))
    arguments = create(made(found), found.agent, {})
    assert values(arguments, "--memory") == [str(512 << 20)]
    assert values(arguments, "--cpus") == ["1.5"]
    assert values(arguments, "--shm-size") == [str(1 << 30)]
    assert values(arguments, "--user") == ["1000:1000"]
    broker = create(made(found), named(found, "broker"), {})
    assert values(broker, "--user") == ["1001:1001"]
    assert "--read-only" in broker
    postgres = create(made(found), named(found, "postgres-sidecar"), {})
    assert values(postgres, "--restart") == ["always"]
    for call in (
        arguments,
        broker,
        postgres,
        holder(made(found)),
        prepare(made(found), with_secret=False),
    ):
        assert values(call, "--cap-drop") == ["ALL"]
        assert values(call, "--security-opt") == ["no-new-privileges"]


def test_dependencies_of_one_repository_are_kept_in_a_volume_of_its_own() -> None:
    found = containers()
    (kept,) = found.kept
    assert kept.startswith("cache-")
    (mount,) = (each for each in found.agent.mounts if each.path == "/cache")
    assert mount.volume == kept
    assert made(found).volume(kept) == kept
    assert yaml.safe_load(compose_file(made(found)))["volumes"][kept] == {"name": kept}


SCHEMA = Path(__file__).parents[1] / "data" / "compose-spec.json"
"""From https://github.com/compose-spec/compose-go (v2.9.1, schema/), Apache License 2.0; newer ones are of a later draft."""


@pytest.mark.parametrize(
    "task",
    [
        TASK,
        replace(TASK, services=()),
        replace(TASK, services=tuple(services_table().services)),
        replace(TASK, image="docker.io/library/python:3.12", memory="512Mi", cpu="1500m"),
        replace(TASK, prompt=HOSTILE[0]),
    ],
    ids=["usual", "no services", "all services", "another image", "a hostile task"],
)
def test_the_compose_file_is_one_by_its_specification(task: Task) -> None:
    valid = fastjsonschema.compile(json.loads(SCHEMA.read_text(encoding="utf-8")))
    file = yaml.safe_load(compose_file(made(containers(task))))
    valid(file)
    file["services"]["claude"]["memory_limit"] = "1g"
    with pytest.raises(fastjsonschema.JsonSchemaException, match="memory_limit"):
        valid(file)


def test_a_template_that_needs_a_cluster_is_refused_in_words() -> None:
    asked = job()
    asked["spec"]["template"]["spec"]["volumes"][0] = {"name": "workspace", "nfs": {"path": "/x"}}
    with pytest.raises(Refused, match=r"what only a cluster has.*workspace \(nfs\)"):
        containers_of(asked)
