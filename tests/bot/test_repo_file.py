"""`.claude-sandbox.yaml`: what it may say, and what it is told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bot.repo_file import BadRepoFile, RepoFile, parse
from bot.repo_schema import schema

FULL = """\
services: [postgres:15, redis]
versions: {ruby: "3.3", node: "20"}
setup: [bin/setup, bin/rails db:seed]
env:
  RAILS_ENV: test
  EMPTY:
image: ghcr.io/owner/name:1.2
resources: {memory: 4Gi, cpu: 2}
"""


def test_it_says_what_it_says() -> None:
    assert parse(FULL) == RepoFile(
        services=("postgres:15", "redis"),
        versions={"ruby": "3.3", "node": "20"},
        setup=("bin/setup", "bin/rails db:seed"),
        env=(("RAILS_ENV", "test"), ("EMPTY", "")),
        image="ghcr.io/owner/name:1.2",
        memory="4Gi",
        cpu="2",
    )


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_an_empty_file_says_nothing(text: str) -> None:
    assert parse(text) == RepoFile()


@pytest.mark.parametrize("text", ["services: []", "services:"])
def test_no_services_is_something_else_than_nothing_said(text: str) -> None:
    assert parse(text).services == ()


def test_one_command_needs_no_list() -> None:
    assert parse("setup: make deps").setup == ("make deps",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("services: postgres", "line 1: services takes a list"),
        ("services: [oracle]", "line 1: services knows postgres, redis"),
        ("services:\n  - mysql\n  - mariadb", "line 3: services has mysql twice"),
        ("services: ['redis:7 ; rm']", "line 1: services knows"),
        ("env: {GITHUB_TOKEN: x}", "line 1: env.GITHUB_TOKEN can't be set here"),
        ("env: {SANDBOX_TIMEOUT: '1'}", "line 1: env.SANDBOX_TIMEOUT can't be set here"),
        ("env: {http_proxy: x}", "line 1: env.http_proxy can't be set here"),
        ("env: {LD_PRELOAD: x}", "line 1: env.LD_PRELOAD can't be set here"),
        ("env: {'A B': x}", "line 1: env.A B can't be set here"),
        ("env: {A: [x]}", "line 1: env.A takes one value"),
        ("resources: {memory: lots}", "line 1: resources.memory takes an amount of memory"),
        ("image: 'a b'", "line 1: image takes a container image"),
        ("versions: {ruby: latest}", "line 1: versions.ruby takes a version"),
        ("versions: {cobol: '1'}", "line 1: versions.cobol isn't known"),
        ("\nsetup:\n  a: b", "line 3: setup takes one value"),
        ("a: [", "line 1: a bracket is opened and never closed"),
        ("- x", "line 1: a config is made of lines"),
        ("&a services: *a", "line 1"),
        ("x" * 300_000, "line 1: the file is larger than 256 KiB"),
        ("[" * 100, "line 1: this is nested too deeply"),
        ("!!python/object/apply:os.system [id]", "line 1: a config is made of lines"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(BadRepoFile) as bad:
        parse(text)
    assert bad.value.mistakes[0].startswith(told)


def test_the_published_schema_is_the_one_of_the_code() -> None:
    published = Path(__file__).parent.parent.parent / "docs" / "claude-sandbox.schema.json"
    if os.environ.get("UPDATE_GOLDEN"):
        published.write_text(json.dumps(schema(), indent=2) + "\n")
    assert json.loads(published.read_text()) == schema(), "UPDATE_GOLDEN=1 writes it anew"
