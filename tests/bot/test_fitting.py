"""A Task between what was asked, the repo's own file, the config, and what was detected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.address import read_configured
from bot.config import Config, Repo, RepoLimits, RepoOptions
from bot.fitting import Offer, fitted, guessed, unfitted
from bot.stack_words import stack_words
from runs.stacks.remote import Reading
from runs.stacks.stack import Stack, Wanted
from sandbox.task import RepoStack, Task

URL = "https://github.com/owner/shop"
TASK = Task(URL, "add a farewell")
RUBY = {"ruby": ("3.2", "3.3", "3.4")}
STACK = Stack("ruby", "3.3.1", (Wanted("postgres"), Wanted("redis")))


def fit(
    stack: Stack = STACK,
    own: str | None = None,
    task: Task = TASK,
    config: Config | None = None,
    image: str = "registry:5000/team/sandbox:latest",
) -> Task:
    offer = Offer(config or Config(versions=RUBY), image)
    return fitted(task, Reading("c0ffee", stack, own), offer)


def notes(task: Task) -> tuple[str, ...]:
    assert task.stack is not None
    return task.stack.notes


def with_repo(**options: object) -> Config:
    repo = Repo("shop", read_configured(URL), RepoOptions(**options))  # type: ignore[arg-type]  # a table's values
    return Config(repos={"shop": repo}, images=("ghcr.io/owner/*",))


def test_a_ruby_shop_gets_its_services_and_the_image_of_its_ruby() -> None:
    task = fit()
    assert task.services == ("postgres", "redis")
    assert task.image == "registry:5000/team/sandbox:ruby-3.3"
    assert stack_words(task) == "Ruby 3.3 · Postgres · Redis"
    assert notes(task) == ()


@pytest.mark.parametrize(
    ("version", "image", "note"),
    [
        ("3.2.9", "ruby-3.2", None),
        ("3", "ruby-3.4", None),
        (None, "ruby-3.4", None),
        ("2.7.8", "ruby-3.4", "Ruby 2.7 can't be had, 3.4 is used"),
    ],
)
def test_a_version_that_can_not_be_had_is_told(
    version: str | None, image: str, note: str | None
) -> None:
    task = fit(replace(STACK, version=version))
    assert task.image == f"registry:5000/team/sandbox:{image}"
    assert notes(task) == ((note,) if note else ())


@pytest.mark.parametrize(
    ("requirement", "version"),
    [
        (">= 2.7.0", "3.4"),
        ("'>= 2.7.0', '< 3.4.0'", "3.3"),
        (">= 3.1, <= 3.2", "3.2"),
        ("> 3.9", "3.4"),
    ],
)
def test_of_a_range_the_newest_that_is_there_is_taken(requirement: str, version: str) -> None:
    task = fit(
        replace(STACK, version="3.9" if "3.9" in requirement else "2.7", requirement=requirement)
    )
    assert task.image == f"registry:5000/team/sandbox:ruby-{version}"
    assert bool(notes(task)) == ("3.9" in requirement)


def test_a_range_goes_along_so_that_the_sandbox_takes_what_fits() -> None:
    stack = Stack("node", "18", requirement=">=18 <23")
    found = fit(stack).stack
    assert found == RepoStack("node", "18", ("services",), requirement=">=18 <23")
    own = "versions: {node: '20'}\n"
    assert fit(stack, own=own).stack == RepoStack("node", "20", ("services",))


@pytest.mark.parametrize(
    ("asked", "used", "told"),
    [
        ("8.1", "8.1", ()),
        ("8.2.10", "8.2.10", ()),
        ("8.3", "8.2", ("PHP 8.3 can't be had, 8.2 is used",)),
        ("7.4", "8.2", ("PHP 7.4 can't be had, 8.2 is used",)),
        (None, None, ()),
    ],
)
def test_a_php_that_the_image_hasnt_is_told_before_the_launch(
    asked: str | None, used: str | None, told: tuple[str, ...]
) -> None:
    task = fit(Stack("php", asked))
    assert task.stack is not None
    assert task.stack.version == used
    assert notes(task) == told
    other = fit(Stack("php", asked), config=Config(versions={"php": ("8.3",)}))
    assert (other.image or "").endswith(":php-8.3")


def test_an_image_that_was_chosen_stays_and_so_does_one_without_such_tags() -> None:
    assert fit(task=replace(TASK, image="mine:1")).image == "mine:1"
    assert fit(config=Config()).image is None
    assert fit(config=Config(), image="landovsky/claude-sandbox:latest").image == (
        "landovsky/claude-sandbox:ruby-3.3"
    )
    assert fit(Stack("go", "1.22")).image is None


@pytest.mark.parametrize(
    ("wanted", "services", "note"),
    [
        (Wanted("postgres", "15.4"), ("postgres:15",), None),
        (Wanted("postgres", "16"), ("postgres",), None),
        (Wanted("postgres", "9.6"), ("postgres",), "Postgres 9.6 can't be had, 16 is used"),
        (Wanted("mysql", "10.6", "mariadb"), ("mariadb:10.6",), None),
        (Wanted("mysql", None, "mariadb"), ("mariadb",), None),
        (Wanted("redis", "7.2"), ("redis",), None),
        (Wanted("minio", "2024"), ("minio",), "MinIO 2024 can't be had, latest is used"),
    ],
)
def test_a_service_has_the_version_that_is_asked_for_where_it_may_be_had(
    wanted: Wanted, services: tuple[str, ...], note: str | None
) -> None:
    task = fit(Stack(services=(wanted,)))
    assert task.services == services
    assert notes(task) == ((note,) if note else ())


def test_the_operators_image_of_a_service_has_the_version_that_it_has() -> None:
    config = Config(service_images={"postgres": "mirror/postgres:16"})
    task = fit(Stack(services=(Wanted("postgres", "15"),)), config=config)
    assert task.services == ("postgres",)
    assert notes(task) == ("Postgres 15 can't be had, 16 is used",)


def test_of_an_image_that_the_operator_pinned_a_repo_chooses_no_version() -> None:
    pinned = {"mysql": "mirror/mysql:8.4@sha256:ab", "redis": "mirror/redis:7"}
    own = "services: [mariadb:10.6, redis:6, memcached:1.6]"
    task = fit(own=own, config=Config(service_images=pinned))
    assert task.services == ("mariadb", "redis:6", "memcached:1.6")
    assert notes(task) == ("MariaDB 10.6 can't be had, 8.4 is used",)


def test_what_the_config_sets_for_a_repo_stands_above_detection() -> None:
    task = fit(task=replace(TASK, services=()), config=with_repo(services=()))
    assert task.services == ()


def test_the_repos_own_file_stands_above_both() -> None:
    own = """services: [mysql:8.0, memcached]
versions: {ruby: "3.2"}
env: {RAILS_ENV: test}
image: ghcr.io/owner/shop:1
resources: {memory: 2Gi, cpu: 1500m}
"""
    task = fit(
        own=own, task=replace(TASK, services=("redis",)), config=with_repo(services=("redis",))
    )
    assert task.services == ("mysql:8.0", "memcached")
    assert task.image == "ghcr.io/owner/shop:1"
    assert (task.memory, task.cpu) == ("2Gi", "1500m")
    assert task.variables == (("RAILS_ENV", "test"),)
    assert stack_words(task) == "Ruby 3.2 · MySQL 8.0 · Memcached"


@pytest.mark.parametrize(
    ("own", "note"),
    [
        ("services: [mysql]\nenv: {DATABASE_URL: mysql2://db/x, MYSQL_HOST: db}", "DATABASE_URL, MYSQL_HOST"),
        ("env: {REDIS_URL: redis://elsewhere}", "REDIS_URL"),
        ("services: ['postgres:15']\nenv: {SPRING_DATASOURCE_URL: jdbc:x}", "SPRING_DATASOURCE_URL"),
        ("services: []\nenv: {DATABASE_URL: sqlite3:x.db}", None),
        ("env: {RAILS_ENV: test}", None),
    ],
)  # fmt: skip
def test_an_address_that_the_repo_sets_itself_counts_and_the_card_says_so(
    own: str, note: str | None
) -> None:
    task = fit(own=own)
    assert notes(task) == ((f"The repo's own {note} counts, not ours",) if note else ())


def test_it_may_not_ask_for_more_than_the_operator_allows() -> None:
    own = "image: evil.example/x\nresources: {memory: 64Gi, cpu: 32}\n"
    task = fit(own=own, config=Config(repo_limits=RepoLimits(memory="8Gi")))
    assert task.image is None
    assert (task.memory, task.cpu) == ("8Gi", "2")
    assert notes(task) == (
        ".claude-sandbox.yaml: 64Gi memory is more than the 8Gi allowed here",
        ".claude-sandbox.yaml: 32 cpu is more than the 2 allowed here",
        ".claude-sandbox.yaml: the image evil.example/x isn't allowed here",
    )


def test_what_a_person_chose_behind_run_stays() -> None:
    own = "resources: {memory: 1Gi}\nimage: ghcr.io/owner/shop:1\n"
    asked = replace(TASK, memory="6Gi", image="ghcr.io/owner/other:2")
    task = fit(own=own, task=asked, config=with_repo())
    assert (task.memory, task.image) == ("6Gi", "ghcr.io/owner/other:2")


def test_a_mistake_in_the_file_is_told_with_its_line_and_nothing_of_it_counts() -> None:
    task = fit(own="services: [postgres]\nservises: [redis]\n")
    assert task.services == ("postgres", "redis")
    assert notes(task) == (
        ".claude-sandbox.yaml doesn't count, line 2: servises isn't known: did you mean services? "
        "For example services: [postgres, redis:7]",
    )


def test_a_repo_that_could_not_be_read_gets_a_guess_and_the_reason() -> None:
    task = guessed(TASK, "no answer in 5 s")
    assert task.services == ("postgres", "redis")
    assert notes(task) == (
        "Postgres and Redis only guessed, the repo wasn't read: no answer in 5 s",
    )
    assert guessed(replace(TASK, services=()), "no answer in 5 s").services == ()


def test_a_task_is_looked_at_anew_when_it_is_tried_again() -> None:
    assert unfitted(fit(), Config()) == TASK
    asked = replace(TASK, services=("redis",), memory="6Gi")
    assert (
        unfitted(
            fit(task=asked, config=with_repo(services=("redis",))), with_repo(services=("redis",))
        )
        == asked
    )
    assert unfitted(guessed(TASK, "x"), Config()) == TASK
    assert unfitted(TASK, Config()) == TASK


def test_nothing_found_is_told_as_nothing() -> None:
    task = fit(Stack())
    assert task.services == ()
    assert task.stack == RepoStack(None, None, ("services",), ())
    assert stack_words(task) == ""
