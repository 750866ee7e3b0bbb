"""Repositories after the habits of well-known open projects of each ecosystem: what each needs, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from cli.stack import read_folder
from runs.stacks.stack import Stack

ROOT = Path(__file__).parent.parent / "data" / "stacks"

PROJECTS = [
    ("rails-forum", "ruby", "3.3.1", "postgres redis"),
    ("rails-social", "ruby", "3.4.2", "postgres:14 redis:7 elasticsearch"),
    ("rails-new", "ruby", "3.4.1", ""),
    ("rails-heroku", "ruby", "2.7.8", ""),
    ("rails-tracker", "ruby", "2.7.0", ""),
    ("rails-shop-mysql", "ruby", "3.2.2", "redis mysql rabbitmq memcached"),
    ("rails-two-databases", "ruby", None, "postgres mysql"),
    ("rails-adapter-by-variable", "ruby", None, ""),
    ("ruby-gem-client", "ruby", None, "redis"),
    ("ruby-gem-plain", "ruby", None, ""),
    ("jekyll-site", "ruby", None, ""),
    ("ruby-jruby-platforms", "ruby", None, "mongodb"),
    ("node-headless-cms", "node", "20.11.1", "redis:7.0 mysql:8.0.35"),
    ("node-chat", "node", "20.15.1", "mongodb rabbitmq"),
    ("node-queue-app", "node", "20", "postgres redis"),
    ("node-prisma-saas", "node", "20", "postgres"),
    ("node-prisma-sqlite", "node", None, ""),
    ("node-orm-library", "node", None, "redis"),
    ("node-query-builder", "node", None, ""),
    ("node-static-site", "node", "22.3.0", ""),
    ("node-cli-tool", "node", None, ""),
    ("node-nest-search", "node", None, "mongodb:6 elasticsearch:8.13.0 minio memcached"),
    ("node-typeorm-no-driver", "node", None, ""),
    ("node-drizzle", "node", None, "postgres"),
    ("node-broken-json", "node", None, ""),
    ("django-cookiecutter", "python", None, "postgres redis:6"),
    ("django-tutorial", "python", "3.11.4", ""),
    ("django-postgres", "python", "3.12.2", "postgres memcached"),
    ("django-mysql-rabbit", "python", "3.10", "mysql rabbitmq"),
    ("fastapi-template", "python", "3.10", "postgres:12"),
    ("flask-blog", "python", None, "redis elasticsearch"),
    ("python-http-library", "python", "3.8", ""),
    ("python-data-science", "python", None, ""),
    ("python-scraper-mongo", "python", None, "mongodb rabbitmq"),
    ("python-celery-redis", "python", "3.12", "postgres redis"),
    ("python-pipenv", "python", "3.9", "mysql"),
    ("python-requirements-choice", "python", None, ""),
    ("python-minio-lake", "python", None, "valkey opensearch minio"),
    ("python-tool-uv", "python", "3.9", ""),
    ("go-forge", "go", "1.22", ""),
    ("go-chat-server", "go", "1.21", "postgres elasticsearch"),
    ("go-microservice", "go", "1.23.1", "postgres rabbitmq"),
    ("go-mock-only", "go", "1.20", ""),
    ("go-cli", "go", "1.22", ""),
    ("go-gorm-sqlite", "go", "1.22", ""),
    ("go-asynq", "go", "1.22", "redis:7.2 mongodb:6.0.5"),
    ("rust-axum", "rust", "1.75", "postgres redis"),
    ("rust-forum", "rust", "1.81", "postgres"),
    ("rust-optional-backends", "rust", None, ""),
    ("rust-default-feature", "rust", None, "rabbitmq"),
    ("rust-vault", "rust", "1.82.0", ""),
    ("rust-cli", "rust", "1.72", ""),
    ("spring-clinic", "java", "17", ""),
    ("spring-shop", "java", "21", "postgres redis rabbitmq"),
    ("spring-kotlin-gradle", "java", "21", "mariadb mongodb"),
    ("jvm-groovy-gradle", "java", "11", "rabbitmq elasticsearch"),
    ("jvm-library", "java", "17.0", ""),
    ("spring-yaml-settings", "java", None, "redis mysql"),
    ("laravel-new", "php", "8.2", ""),
    ("laravel-shop", "php", "8.2", "redis mysql"),
    ("laravel-memcached", "php", "8.0", "postgres memcached"),
    ("symfony-demo", "php", "8.2", ""),
    ("symfony-api", "php", "8.3", "postgres:16 rabbitmq"),
    ("php-library", "php", "7.4", ""),
    ("phoenix-app", "elixir", "1.14", "postgres"),
    ("elixir-broadway", "elixir", "1.16.2", "redis mongodb rabbitmq"),
    ("elixir-library", "elixir", "1.12", ""),
    ("elixir-sqlite", "elixir", None, ""),
    ("compose-oldest-form", None, None, "mariadb:10.6 memcached"),
    ("compose-anchors-extends", None, None, "postgres:15 redis:7.2 rabbitmq:3.12"),
    ("compose-variables", None, None, "postgres:14 redis:7.2 opensearch:2.11.0"),
    ("compose-production-only", "node", None, ""),
    ("compose-monitoring-beside", "node", None, "mysql:8.0"),
    ("ci-github-services", "ruby", None, "postgres:13 memcached:1.6"),
    ("ci-matrix-of-databases", "ruby", None, ""),
    ("ci-circle", "python", None, "postgres:14.5 redis:6.2"),
    ("ci-travis", "python", None, "postgres redis"),
    ("monorepo-two-levels", "node", None, "postgres rabbitmq"),
    ("devcontainer-compose", "node", None, "postgres:16.2"),
    ("env-example-switches", "node", None, "mongodb rabbitmq minio"),
    ("docs-only", None, None, ""),
    ("empty", None, None, ""),
    ("shell-scripts", None, None, ""),
    ("static-html", "node", None, ""),
]


def told(stack: Stack) -> str:
    """Write services as `flavour:version`, without the usual flavour and where no version is asked for."""
    return " ".join(
        (wanted.flavour or wanted.service) + (f":{wanted.version}" if wanted.version else "")
        for wanted in stack.services
    )


def shown(project: tuple[str, str | None, str | None, str]) -> ParameterSet:
    """Mark a project with the cells of docs/stacks.md that it proves."""
    _, language, version, services = project
    names = [wanted.partition(":")[0] for wanted in services.split()]
    versioned = [wanted.partition(":")[0] for wanted in services.split() if ":" in wanted]
    rows = {
        "recognised": [*names, *([language] if language else [])],
        "version": [*versioned, *([language] if language and version else [])],
    }
    marks = [pytest.mark.shows(column, *of) for column, of in rows.items() if of]
    return pytest.param(*project, marks=marks, id=project[0])


@pytest.mark.parametrize(("name", "language", "version", "services"), [*map(shown, PROJECTS)])
def test_a_project_gets_what_it_needs_and_no_more(
    name: str, language: str | None, version: str | None, services: str
) -> None:
    stack = read_folder(ROOT / name).stack
    assert (stack.language, stack.version, told(stack)) == (language, version, services)


@pytest.mark.parametrize("name", [project[0] for project in PROJECTS])
def test_every_finding_names_a_line_that_exists(name: str) -> None:
    stack = read_folder(ROOT / name).stack
    for reason in stack.reasons:
        lines = (ROOT / name / reason.file).read_text().splitlines()
        assert 1 <= reason.line <= len(lines), reason
    subjects = {reason.subject for reason in stack.reasons}
    assert {wanted.service for wanted in stack.services} <= subjects


def test_all_projects_stand_in_the_table_and_enough_of_them_need_nothing() -> None:
    assert {project[0] for project in PROJECTS} == {path.name for path in ROOT.iterdir()}
    assert len(PROJECTS) >= 60
    assert sum(not project[3] for project in PROJECTS) >= 15
