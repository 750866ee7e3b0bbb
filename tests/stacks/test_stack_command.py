"""`claude-sandbox stack`, as a person and as a script see it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cli.stack import Answer, rows, run_stack
from tests.parts.git_server import TOKEN, GitServer


def test_a_folder_is_told_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Gemfile").write_text('ruby "3.3.1"\ngem "pg"\ngem "sidekiq"\n')
    assert run_stack(os.environ, str(tmp_path), None, as_json=False) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Ruby 3.3 · Postgres · Redis",
        "  ruby: Gemfile:1  a Gemfile",
        '  ruby: Gemfile:1  ruby "3.3.1"',
        "  postgres: Gemfile:2  gem pg",
        "  redis: Gemfile:3  gem sidekiq",
    ]


@pytest.mark.parametrize(
    ("own", "line"),
    [(None, "MariaDB"), ("services: []\n", "nothing found"), ("services: [redis:6]\n", "Redis 6")],
)
def test_a_service_is_called_as_on_the_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], own: str | None, line: str
) -> None:
    (tmp_path / "compose.yaml").write_text("services: {db: {image: mariadb}}\n")
    if own is not None:
        (tmp_path / ".claude-sandbox.yaml").write_text(own)
    assert run_stack(os.environ, str(tmp_path), None, as_json=False) == 0
    assert capsys.readouterr().out.splitlines()[0] == line


def test_what_stands_in_the_place_of_a_service_and_its_version_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compose = "services: {a: {image: 'postgres:14-alpine'}, b: {image: 'valkey/valkey:8'}}\n"
    (tmp_path / "compose.yaml").write_text(compose)
    assert run_stack(os.environ, str(tmp_path), None, as_json=False) == 0
    assert capsys.readouterr().out.splitlines()[0] == "Postgres 14 · Valkey 8"


def test_names_of_a_strangers_repository_can_not_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a\x1b[31mred\nline"
    folder.mkdir()
    (folder / "Gemfile").write_text('gem "pg"\n')
    compose = 'services: {"d\\e]0;title\\ab": {image: "redis:7"}}\n'
    (tmp_path / "compose.yaml").write_text(compose)
    own = 'services: ["x\\e[2J"]\n'
    (tmp_path / ".claude-sandbox.yaml").write_text(own)
    assert run_stack(os.environ, str(tmp_path), None, as_json=False) == 0
    printed = capsys.readouterr()
    assert "\x1b" not in printed.out + printed.err
    assert printed.out.splitlines() == [
        "Ruby · Postgres · Redis 7",
        "  ruby: aredline/Gemfile:1  a Gemfile",
        "  postgres: aredline/Gemfile:1  gem pg",
        "  redis: compose.yaml:1  db: redis:7",
    ]


def test_on_a_narrow_terminal_what_belongs_together_stands_together() -> None:
    what = "org.springframework.boot:spring-boot-starter-data-redis"
    reason = {"subject": "redis", "file": "services/orders/pom.xml", "line": 10, "what": what}
    answer = Answer("java", "21", ("redis",), (reason,), asked=("Redis",), setup=("bin/setup",))
    assert [*rows(answer, 60)] == [
        "Java 21 · Redis",
        "  redis: services/orders/pom.xml:10",
        f"    {what}",
        "  setup: .claude-sandbox.yaml  bin/setup",
    ]
    assert max(map(len, rows(answer, 60))) <= 60


def test_a_url_is_told_as_json_and_the_repos_own_list_wins(
    git_server: GitServer, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "package.json": '{"dependencies": {"pg": "8"}, "engines": {"node": "20.1.0"}}',
        ".claude-sandbox.yaml": "services: [mariadb, rabbitmq]\n",
    }
    repo = git_server.create("own", files)
    environment = {**os.environ, "GITHUB_TOKEN": TOKEN}
    assert run_stack(environment, repo.url, "main", as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["language"], found["version"]) == ("node", "20.1.0")
    assert found["services"] == ["mysql", "rabbitmq"]
    assert found["reasons"][0]["file"] == ".claude-sandbox.yaml"


def test_a_mistake_in_the_repos_file_is_told_beside_what_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".claude-sandbox.yaml").write_text("\nservices: [x]\n")
    assert run_stack(os.environ, str(tmp_path), None, as_json=True) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["services"] == []
    assert printed.err.startswith(".claude-sandbox.yaml, line 2: services knows postgres")


def test_what_can_not_be_read_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_stack(os.environ, "file:///nowhere/x.git", None, as_json=True) == 3
    printed = capsys.readouterr()
    error, advice = printed.err.splitlines()
    assert error == "file:///nowhere/x.git: the server doesn't know it"
    assert advice.startswith("➜ Look at the address and the branch")
    assert json.loads(printed.out)["error"] == error


def test_a_folder_that_is_not_there_is_told_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_stack(os.environ, "nowhere", None, as_json=False) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("There is no folder nowhere.\n➜ ")


def test_a_symbolic_link_in_a_folder_is_not_followed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text('gem "pg"\n')
    repo = tmp_path / "repo"
    repo.mkdir()
    (repo / "Gemfile").symlink_to(secret)
    (repo / "loop").symlink_to(repo)
    assert run_stack(os.environ, str(repo), None, as_json=False) == 0
    assert capsys.readouterr().out == "nothing found\n"
