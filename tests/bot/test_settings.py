"""The bot's environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import (
    AgentName,
    BackendName,
    Cluster,
    Listen,
    LogFormat,
    SettingsError,
    read,
)
from runs.s3_place import S3Place

TOKEN = "123456789:AAFs3cretS3cretS3cret"
LEAST = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": "-1001234", "HOME": "/home/me"}


def mistakes(**changed: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read({**LEAST, **changed})
    assert str(caught.value) == "\n".join(caught.value.mistakes)
    return caught.value.mistakes


def test_a_token_and_a_chat_are_enough():
    settings = read(LEAST)
    assert settings.telegram_token == TOKEN
    assert settings.home_chat_id == -1001234
    assert settings.telegram_api_url == "https://api.telegram.org"
    assert settings.backend is BackendName.KUBERNETES
    assert settings.agent is AgentName.CLAUDE
    assert settings.config_path is None
    assert settings.state_folder == Path("/home/me/.local/state/claude-sandbox")
    assert settings.log_store == Path("/home/me/.local/state/claude-sandbox/logs")
    assert settings.poll_seconds == 30
    assert settings.log_format is LogFormat.TEXT
    assert settings.metrics is None
    assert settings.forge_url == "https://github.com"


def test_every_variable_is_read():
    settings = read(
        {
            **LEAST,
            "TELEGRAM_CHAT_ID": " 42\n",
            "TELEGRAM_API_URL": "http://127.0.0.1:8081/",
            "SANDBOX_BACKEND": "local",
            "SANDBOX_CONFIG": "/etc/bot.yaml",
            "SANDBOX_NAMESPACE": "sandboxes",
            "SANDBOX_STATE": "/var/state",
            "SANDBOX_LOG_STORE": "/var/logs",
            "SANDBOX_POLL_SECONDS": "2.5",
            "SANDBOX_AGENT": "scripted",
            "SANDBOX_LOG_FORMAT": "json",
            "GITHUB_API_URL": "https://ghe.example/api/v3",
        }
    )
    assert settings.home_chat_id == 42
    assert settings.telegram_api_url == "http://127.0.0.1:8081"
    assert settings.backend is BackendName.LOCAL
    assert settings.config_path == Path("/etc/bot.yaml")
    assert settings.state_folder == Path("/var/state")
    assert settings.log_store == Path("/var/logs")
    assert settings.poll_seconds == 2.5
    assert settings.agent is AgentName.SCRIPTED
    assert settings.log_format is LogFormat.JSON
    assert settings.forge_url == "https://ghe.example"


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("9464", Listen("127.0.0.1", 9464)),
        ("0.0.0.0:80", Listen("0.0.0.0", 80)),
        ("[::]:65535", Listen("::", 65535)),
        ("[fe80::1]:9464", Listen("fe80::1", 9464)),
        (" 9464 ", Listen("127.0.0.1", 9464)),
        ("", None),
    ],
)
def test_metrics_listen_here_unless_another_address_is_named(text, listen):
    assert read({**LEAST, "SANDBOX_METRICS": text}).metrics == listen


def test_empty_variables_count_as_absent():
    empty = dict.fromkeys(
        ("TELEGRAM_API_URL", "SANDBOX_BACKEND", "SANDBOX_CONFIG", "SANDBOX_STATE", "SANDBOX_AGENT",
         "SANDBOX_LOG_STORE", "SANDBOX_POLL_SECONDS", "GITHUB_API_URL", "SANDBOX_POLLSECONDS"),
        "",
    )  # fmt: skip
    assert read({**LEAST, **empty}) == read(LEAST)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_BOT_TOKEN", ""),
        ("TELEGRAM_BOT_TOKEN", "no-token"),
        ("TELEGRAM_BOT_TOKEN", "123:abc/../x"),
        ("TELEGRAM_CHAT_ID", ""),
        ("TELEGRAM_CHAT_ID", "@group"),
        ("TELEGRAM_CHAT_ID", "0"),
        ("TELEGRAM_API_URL", "api.telegram.org"),
        ("TELEGRAM_API_URL", "ftp://x"),
        ("TELEGRAM_API_URL", "https://user:pw@host"),
        ("SANDBOX_BACKEND", "kubernets"),
        ("SANDBOX_AGENT", "Claude"),
        ("SANDBOX_LOG_STORE", "s3://"),
        ("SANDBOX_LOG_STORE", "s3:bucket/logs"),
        ("SANDBOX_LOG_STORE", "s3://key:hunter2@bucket"),
        ("SANDBOX_LOG_STORE", "s3://bucket/../other"),
        ("SANDBOX_LOG_STORE", "s3://Bucket"),
        ("SANDBOX_LOG_STORE", "gs://bucket/logs"),
        ("SANDBOX_POLL_SECONDS", "0"),
        ("SANDBOX_POLL_SECONDS", "3601"),
        ("SANDBOX_POLL_SECONDS", "soon"),
        ("SANDBOX_POLL_SECONDS", "nan"),
        ("SANDBOX_POLL_SECONDS", "-1"),
        ("SANDBOX_LOG_FORMAT", "JSON"),
        ("SANDBOX_METRICS", "on"),
        ("SANDBOX_METRICS", "0"),
        ("SANDBOX_METRICS", "65536"),
        ("SANDBOX_METRICS", "localhost:9464"),
        ("SANDBOX_METRICS", ":9464"),
        ("SANDBOX_METRICS", "::1:9464"),
        ("SANDBOX_METRICS", "999.1.1.1:9464"),
        ("SANDBOX_METRICS", "[:::]:9464"),
        ("GITHUB_API_URL", "github.com"),
        ("GITHUB_API_URL", "https://a..b"),
        ("GITHUB_API_URL", "https://host:99999"),
    ],
)
def test_a_wrong_value_is_named_with_an_example(name, value):
    (mistake,) = mistakes(**{name: value})
    assert mistake.startswith(f"{name} isn't ")
    assert "hunter2" not in mistake
    assert f"Example: {name}=" in mistake


def test_all_mistakes_are_told_together():
    told = mistakes(
        TELEGRAM_BOT_TOKEN="",
        TELEGRAM_CHAT_ID="x",
        SANDBOX_BACKEND="moon",
        SANDBOX_POLL_SECONDS="never",
        SANDBOX_CONFG="/etc/bot.yaml",
    )
    assert [line.split()[0] for line in told] == [
        "TELEGRAM_BOT_TOKEN",
        "TELEGRAM_CHAT_ID",
        "SANDBOX_BACKEND",
        "SANDBOX_POLL_SECONDS",
        "SANDBOX_CONFG",
    ]


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("SANDBOX_BACKEDN", "SANDBOX_BACKEND"),
        ("SANDBOX_POLLSECONDS", "SANDBOX_POLL_SECONDS"),
        ("TELEGRAM_TOKEN", "TELEGRAM_BOT_TOKEN"),
        ("TELEGRAM_CHATID", "TELEGRAM_CHAT_ID"),
    ],
)
def test_a_misspelt_variable_is_told_with_the_nearest(wrong, meant):
    told = mistakes(**{meant: "", wrong: "1"})
    assert told[-1] == f"{wrong} isn't known. Did you mean {meant}?"


def test_a_variable_almost_like_one_that_is_set_passes():
    assert read({**LEAST, "TELEGRAM_TOKEN": "of another program"}) == read(LEAST)


@pytest.mark.parametrize(
    "name",
    ["SANDBOX_SERVICE_HOST", "SANDBOX_PORT", "SANDBOX_PORT_80_TCP", "SANDBOX_TIMEOUT", "SANDBOX_RUN",
     "SANDBOX_REPORT", "SANDBOX_BUDGET", "SANDBOX_DEMO_ONCE", "TELEGRAM_SERVICE_PORT"],
)  # fmt: skip
def test_variables_of_others_pass(name):
    assert read({**LEAST, name: "1"}) == read(LEAST)


@pytest.mark.parametrize(
    ("variables", "cluster"),
    [
        ({}, Cluster(kubeconfig=Path("/home/me/.kube/config"))),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, Cluster()),
        (
            {"KUBECONFIG": "/k", "KUBERNETES_SERVICE_HOST": "10.0.0.1"},
            Cluster(kubeconfig=Path("/k")),
        ),
        (
            {"SANDBOX_NAMESPACE": "boxes", "CLAUDE_IMAGE": "acme/box:1", "KUBECONFIG": "/k"},
            Cluster("boxes", "acme/box:1", Path("/k")),
        ),
        (
            {"SANDBOX_OWNER": "Alice", "KUBECONFIG": "/k"},
            Cluster(image="alice/claude-sandbox:latest", kubeconfig=Path("/k"), owner="Alice"),
        ),
        (
            {"SANDBOX_OWNER": "alice", "CLAUDE_IMAGE": "acme/box:1", "KUBECONFIG": "/k"},
            Cluster(image="acme/box:1", kubeconfig=Path("/k"), owner="alice"),
        ),
    ],
)
def test_the_cluster_is_the_one_that_is_named_or_the_one_around(variables, cluster):
    assert read({**LEAST, **variables}).cluster == cluster


def test_a_namespace_and_an_image_that_cannot_be_are_mistakes():
    found = mistakes(SANDBOX_NAMESPACE="My Boxes", CLAUDE_IMAGE="no image", SANDBOX_OWNER="a/b")
    names = ["SANDBOX_NAMESPACE", "SANDBOX_OWNER", "CLAUDE_IMAGE"]
    assert [text.split(" isn't")[0] for text in found] == names


def test_without_a_home_the_state_folder_is_asked_for():
    assert mistakes(HOME="")[0].startswith("SANDBOX_STATE isn't set")
    assert read({**LEAST, "HOME": "", "XDG_STATE_HOME": "/s"}).state_folder == Path(
        "/s/claude-sandbox"
    )


def test_the_token_is_in_no_text_of_settings_or_mistakes():
    assert TOKEN not in repr(read(LEAST))
    told = mistakes(TELEGRAM_BOT_TOKEN=f"{TOKEN} oops", TELEGRAM_API_URL=f"https://{TOKEN}@x")
    assert len(told) == 2
    assert "s3cret" not in "\n".join(told)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("s3://bucket", S3Place("bucket")),
        ("s3://my.bucket-1/", S3Place("my.bucket-1")),
        ("s3://bucket/team/logs/", S3Place("bucket", "team/logs")),
    ],
)
def test_the_log_store_may_be_a_bucket(value, place):
    assert read({**LEAST, "SANDBOX_LOG_STORE": value}).log_store == place


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL", "minio:9000"),
        ("AWS_ENDPOINT_URL_S3", "http://key:hunter2@minio:9000"),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_ACCESS_KEY_ID", ""),
    ],
)
def test_what_a_bucket_needs_is_looked_at_where_it_is_used(name, value):
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", name: value}
    (mistake,) = mistakes(SANDBOX_LOG_STORE="s3://bucket", **keys)
    assert mistake.startswith(f"{name} isn't ")
    assert "hunter2" not in mistake
    read({**LEAST, **keys})
