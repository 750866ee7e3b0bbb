"""Keys: who is given which, and what counts as a secret."""

from __future__ import annotations

import pytest

from sandbox.keys import HELD, past_proxies, read_keys, without_keys

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


def test_what_opens_only_a_service_beside_the_run_is_given_though_it_looks_like_a_key() -> None:
    names = ("AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "GITHUB_TOKEN", "ANTHROPIC_API_KEY")
    given = dict.fromkeys((*names, "OTHER_SECRET"), "x")
    shared = {"SANDBOX_SHARED": " ".join(names)}
    assert without_keys({**given, **shared}) == {"AWS_SECRET_ACCESS_KEY": "x", "DB_PASSWORD": "x"}


BROKER = "http://127.0.0.1:9180/k"


@pytest.mark.parametrize(
    ("url", "through", "past"),
    [
        ("https://github.com/a/b", True, False),
        ("http://git.example:8080/a.git", True, False),
        ("git@github.com:a/b.git", False, True),
        ("ssh://git@github.com/a/b.git", False, True),
        ("file:///srv/a.git", False, False),
        ("/srv/a.git", False, False),
    ],
)
def test_with_a_broker_git_goes_through_it_where_it_can(
    url: str, through: bool, past: bool
) -> None:
    keys = read_keys({"SANDBOX_BROKER": BROKER, "GITHUB_TOKEN": TOKEN})
    assert (keys.brokers(url), keys.passes_by(url)) == (through, past)
    assert (f"url.{BROKER}/git.insteadOf={url}" in keys.git_options(url)) is through
    assert (keys.git_environment(), keys.forge_headers()) == ({}, {})
    assert keys.forge_address("https://api.github.com") == f"{BROKER}/forge"
    assert not read_keys({}).passes_by(url)


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"])
def test_the_stand_in_for_a_key_has_the_name_of_the_real_one(name: str) -> None:
    environment = {"SANDBOX_BROKER": BROKER, "SANDBOX_BROKER_MODEL": name, name: "real-real"}
    assert read_keys(environment).model_environment() == {
        name: HELD,
        "ANTHROPIC_BASE_URL": f"{BROKER}/model",
    }
    assert read_keys({**environment, "SANDBOX_BROKER_MODEL": "PATH"}).model_environment() == {}


def test_what_git_says_names_the_real_address() -> None:
    keys = read_keys({"SANDBOX_BROKER": BROKER})
    url = "https://u@git.example/a.git"
    said = f"fatal: unable to access '{BROKER}/git/': … for 'http://127.0.0.1:9180'"
    assert keys.shown(said, url) == (
        "fatal: unable to access 'https://u@git.example/a.git/': … for 'https://git.example'"
    )


def test_a_proxy_is_no_way_to_the_broker() -> None:
    environment = {"SANDBOX_BROKER": BROKER, "no_proxy": "internal", "https_proxy": "http://p"}
    exempt = "internal,127.0.0.1"
    assert past_proxies(environment) == {"no_proxy": exempt, "NO_PROXY": exempt}
    assert past_proxies({"https_proxy": "http://p"}) == {}
