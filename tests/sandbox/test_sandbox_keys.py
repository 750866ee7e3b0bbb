"""Keys: who is given which, and what counts as a secret."""

from __future__ import annotations

import pytest

from sandbox.keys import read_keys, without_keys

TOKEN = "ghp_0123456789"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("https://github.com/a/b.git", "https://github.com"),
        ("http://127.0.0.1:8080/a.git", "http://127.0.0.1:8080"),
        ("https://user@Host.example:444/a", "https://host.example:444"),
        ("http://[::1]:80/a", "http://[::1]:80"),
        ("git@github.com:a/b.git", None),
        ("ssh://git@github.com/a/b.git", None),
        ("file:///srv/a.git", None),
    ],
)
def test_the_helper_is_for_the_repositorys_server_only(url: str, server: str | None) -> None:
    options = read_keys({"GITHUB_TOKEN": TOKEN}).git_options(url)
    assert options[:2] == ["-c", "credential.helper="]
    names = [option.partition("=")[0] for option in options[3:]]
    assert names == ([] if server is None else [f"credential.{server}.helper"])
    assert TOKEN not in " ".join(options)


def test_without_a_token_there_is_no_helper() -> None:
    keys = read_keys({"GITHUB_TOKEN": ""})
    assert keys.git_options("https://github.com/a/b") == ["-c", "credential.helper="]
    assert (keys.git_environment(), keys.forge_headers()) == ({}, {})


def test_of_several_keys_of_the_model_one_is_used() -> None:
    both = {"CLAUDE_CODE_OAUTH_TOKEN": "oauth-oauth", "ANTHROPIC_API_KEY": "api-api-api"}
    assert read_keys(both).model_environment() == {"ANTHROPIC_API_KEY": "api-api-api"}
    assert read_keys({**both, "ANTHROPIC_API_KEY": ""}).model_environment() == {
        "CLAUDE_CODE_OAUTH_TOKEN": "oauth-oauth"
    }
    assert read_keys({}).model_environment() == {}


def test_keys_dont_show_when_printed() -> None:
    keys = read_keys({"GITHUB_TOKEN": TOKEN, "ANTHROPIC_API_KEY": "sk-ant-0123456789"})
    assert TOKEN not in repr(keys)
    assert "sk-ant" not in repr(keys)


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("GITHUB_TOKEN", "abcdefgh", True),
        ("npm_config_authtoken", "abcdefgh", True),
        ("AWS_SECRET_ACCESS_KEY", "abcdefgh", True),
        ("PGPASSWORD", "abcdefgh", True),
        ("GITHUB_TOKEN", "short", False),
        ("MAX_THINKING_TOKENS", "1000000000", False),
        ("HOME", "/home/ada", False),
        ("DATABASE_URL", "postgres://ada:abcdefgh@localhost/x", True),
        ("REDIS_URL", "redis://localhost:6379", False),
        ("BROKEN_URL", "http://[@", False),
    ],
)
def test_what_counts_as_a_secret(name: str, value: str, secret: bool) -> None:
    assert bool(read_keys({name: value}).secrets) is secret


def test_an_agent_keeps_what_its_work_needs() -> None:
    kept = {
        "PATH": "/bin",
        "HOME": "/h",
        "DATABASE_URL": "postgres://x",
        "https_proxy": "http://p",
        "ANTHROPIC_BASE_URL": "http://m",
        "JAVA_HOME": "/j",
    }
    lost = [
        "SSH_AUTH_SOCK",
        "GIT_ASKPASS",
        "KUBERNETES_SERVICE_HOST",
        "KUBECONFIG",
        "TASK",
        "GH_TOKEN",
    ]
    lost += [
        "SANDBOX_REPORT",
        "TELEGRAM_CHAT_ID",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "ANTHROPIC_API_KEY",
    ]
    assert without_keys({**kept, **dict.fromkeys(lost, "x")}) == kept
