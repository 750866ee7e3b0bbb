"""The services of the table as containers of a Pod."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from k8s.annotations import Asked
from k8s.manifest import manifest
from k8s.place import TEMPLATE, KubernetesPlace
from runs.run import Origin
from runs.stacks.table import services_table
from sandbox.keys import without_keys
from sandbox.services import read_services
from sandbox.task import RepoStack, Task

PLACE = KubernetesPlace("sandboxes", "image:1")
TASK = Task("https://git.example/repo", "plain")
NAMES = tuple(services_table().services)


def pod(task: Task, place: KubernetesPlace = PLACE) -> dict[str, Any]:
    asked = Asked("key", task, Origin(-100123, 5, 7, "Ada"), 1.5)
    found: dict[str, Any] = manifest(asked, place, suspended=False)["spec"]["template"]["spec"]
    return found


def sidecars(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in found["initContainers"] if each["name"].endswith("-sidecar")]


def environment(found: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in found["containers"][0]["env"]}


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_a_restricted_native_sidecar_with_limits(name: str) -> None:
    found = pod(replace(TASK, services=(name,)))
    (sidecar,) = sidecars(found)
    assert sidecar["name"] == f"{name}-sidecar"
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["securityContext"]["allowPrivilegeEscalation"] is False
    assert sidecar["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert sidecar["resources"]["limits"].keys() == {"memory", "cpu"}
    mounted = [mount["name"] for mount in sidecar["volumeMounts"] or ()]
    assert len(set(mounted)) == len(mounted)
    assert set(mounted) <= {volume["name"] for volume in found["volumes"]}


@pytest.mark.parametrize(
    ("image", "own_program"),
    [(None, False), ("node:22", False), ("theirs/agent:2", True)],
)
def test_services_wait_for_each_other_only_beside_a_program_that_does_not_wait_for_them(
    image: str | None, own_program: bool
) -> None:
    place = replace(PLACE, entrypoints=("theirs/*",))
    found = sidecars(pod(replace(TASK, services=NAMES, image=image), place))
    for name, sidecar in zip(NAMES, found, strict=True):
        probe = {"command": services_table().services[name].run["probe"]}
        assert sidecar.get("startupProbe", {}).get("exec") == (probe if own_program else None)
        assert "readinessProbe" not in sidecar


def test_all_services_fit_into_one_pod_and_their_names_do_not_clash() -> None:
    found = pod(replace(TASK, services=NAMES))
    assert [each["name"] for each in sidecars(found)] == [f"{n}-sidecar" for n in NAMES]
    volumes = [volume["name"] for volume in found["volumes"]]
    assert len(set(volumes)) == len(volumes)
    values = environment(found)
    assert values["DATABASE_URL"].startswith("postgres://")
    assert values["MYSQL_URL"].startswith("mysql://")
    assert values["MONGODB_URL"] == "mongodb://localhost:27017/sandbox"
    assert values["AMQP_URL"] == "amqp://guest:guest@localhost:5672"
    expected = [(each.name, each.port) for each in read_services(values["SANDBOX_SERVICES"])]
    assert expected == [(name, services_table().services[name].run["port"]) for name in NAMES]


@pytest.mark.parametrize("language", [None, "ruby", "python", "java", "php", "elixir", "go"])
@pytest.mark.parametrize("name", NAMES)
def test_the_agent_gets_each_address_also_where_its_name_is_that_of_a_key(
    name: str, language: str | None
) -> None:
    task = replace(TASK, services=(name,), stack=RepoStack(language))
    given = without_keys(environment(pod(task)))
    known = services_table().services[name]
    assert {**known.variables, **known.forms.get(language or "", {})}.items() <= given.items()


def test_of_what_looks_like_a_key_the_agent_gets_only_what_the_job_itself_says() -> None:
    own = (("SECRET_KEY_BASE", "for tests"), ("AWS_ACCESS_KEY_ID", "theirs"))
    place = replace(PLACE, environment={"AWS_SECRET_ACCESS_KEY": "the operator's"})
    found = environment(pod(replace(TASK, services=("minio",), variables=own), place))
    shared = set(found["SANDBOX_SHARED"].split())
    assert shared == {"SECRET_KEY_BASE", "AWS_ACCESS_KEY_ID", "MINIO_ROOT_PASSWORD"}
    assert without_keys(found)["AWS_ACCESS_KEY_ID"] == "theirs"


@pytest.mark.parametrize(
    ("language", "services", "first", "second"),
    [
        (None, ("postgres", "mysql"), "postgres", ("MYSQL_URL", "mysql")),
        (None, ("mariadb", "postgres"), "mysql", ("POSTGRES_URL", "postgres")),
        ("ruby", ("postgres", "mysql"), "postgres", ("MYSQL_URL", "mysql2")),
        ("python", ("mysql", "postgres"), "mysql", ("POSTGRES_URL", "postgresql")),
        ("elixir", ("mysql", "postgres"), "ecto", ("POSTGRES_URL", "ecto")),
    ],
)
def test_of_two_databases_the_first_is_the_usual_one_and_each_has_a_name_of_its_own(
    language: str | None, services: tuple[str, ...], first: str, second: tuple[str, str]
) -> None:
    task = replace(TASK, services=services, stack=RepoStack(language))
    values = environment(pod(task))
    name, scheme = second
    assert values["DATABASE_URL"].startswith(f"{first}://")
    assert values[name].startswith(f"{scheme}://")
    assert values["DATABASE_URL"] != values[name]
    assert values["DATABASE_URL"] in (values["POSTGRES_URL"], values["MYSQL_URL"])


@pytest.mark.parametrize(
    ("wanted", "own", "image"),
    [
        ("mysql", {}, "mysql:8.4"),
        ("mariadb", {}, "mariadb:11.4"),
        ("mariadb:10.6", {}, "mariadb:10.6"),
        ("postgres:15", {}, "postgres:15"),
        ("mysql", {"mysql": "mirror:5000/mysql:8"}, "mirror:5000/mysql:8"),
        ("mariadb", {"mysql": "mirror:5000/mysql:8"}, "mirror:5000/mysql:8"),
        ("redis:6", {"redis": "mirror:5000/redis"}, "mirror:5000/redis:6"),
        ("redis:6", {"redis": "mirror:5000/redis:7@sha256:ab"}, "mirror:5000/redis:7@sha256:ab"),
        ("opensearch", {}, "opensearchproject/opensearch:2"),
    ],
)
def test_an_image_is_the_operators_or_the_usual_one(
    wanted: str, own: dict[str, str], image: str
) -> None:
    place = replace(PLACE, service_images=own)
    assert sidecars(pod(replace(TASK, services=(wanted,)), place))[0]["image"] == image


def test_a_service_that_is_wanted_twice_is_there_once() -> None:
    found = pod(replace(TASK, services=("redis", "redis:6", "valkey")))
    assert [each["image"] for each in sidecars(found)] == ["redis:7"]


@pytest.mark.parametrize(
    ("language", "service", "variables"),
    [
        ("ruby", "mysql", {"DATABASE_URL": "mysql2://root@127.0.0.1:3306/sandbox"}),
        ("python", "postgres", {"DATABASE_URL": "postgresql://postgres@localhost:5432/sandbox"}),
        ("java", "postgres", {"SPRING_DATASOURCE_URL": "jdbc:postgresql://localhost:5432/sandbox"}),
        ("php", "mysql", {"DB_CONNECTION": "mysql", "DB_HOST": "127.0.0.1"}),
        ("elixir", "postgres", {"DATABASE_URL": "ecto://postgres:postgres@localhost:5432/sandbox"}),
        (None, "redis", {"REDIS_URL": "redis://localhost:6379/0", "DATABASE_URL": ""}),
    ],
)
def test_an_address_has_the_form_that_the_language_reads(
    language: str | None, service: str, variables: dict[str, str]
) -> None:
    task = replace(TASK, services=(service,), stack=RepoStack(language))
    values = environment(pod(task))
    assert {name: values[name] for name in variables} == variables


def test_the_repos_own_variables_win_over_a_services_but_not_over_the_contract() -> None:
    own = (("DATABASE_URL", "postgres://theirs/$x"), ("REPO_URL", "evil"), ("RAILS_ENV", "test"))
    values = environment(pod(replace(TASK, services=("postgres",), variables=own)))
    assert values["DATABASE_URL"] == "postgres://theirs/$$x"
    assert values["REPO_URL"] == "https://git.example/repo"
    assert values["RAILS_ENV"] == "test"


def test_the_admission_policy_lets_the_usual_images_through() -> None:
    path = TEMPLATE.parent / "base" / "admission" / "allowed.yaml"
    patterns = yaml.safe_load(path.read_text())["data"]["images"].split()
    for service in services_table().services.values():
        for image in service.images.values():
            assert any(fnmatchcase(image, pattern) for pattern in patterns), image
