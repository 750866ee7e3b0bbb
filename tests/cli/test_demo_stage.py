"""What of the caller's environment the demo's bot gets."""

from __future__ import annotations

import pytest

from cli.demo_stage import passed_on

HERE = {
    "PATH": "/bin",
    "GITHUB_TOKEN": "ghp_mine",
    "TELEGRAM_BOT_TOKEN": "1:mine",
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SECRET_ACCESS_KEY": "mine",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
    "AWS_CA_BUNDLE": "/ca.pem",
    "AWS_PROFILE": "",
}


@pytest.mark.parametrize(
    ("store", "more"),
    [
        ("s3://bucket/demo", {name for name in HERE if name.startswith("AWS_") and HERE[name]}),
        ("/var/logs", set()),
    ],
)
def test_the_keys_of_a_bucket_come_along_where_the_logs_are_in_one(
    store: str, more: set[str]
) -> None:
    found = passed_on({**HERE, "SANDBOX_LOG_STORE": store})
    assert set(found) == {"PATH", "SANDBOX_LOG_STORE"} | more
    assert found["SANDBOX_LOG_STORE"] == store


def test_without_a_word_of_logs_no_key_of_a_bucket_comes_along() -> None:
    assert passed_on(HERE) == {"PATH": "/bin"}
