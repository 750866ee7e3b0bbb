"""Decrypting through the broker: by the real sops, for this run's own files, and only until the repository's code runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.broker.client import decrypt, end_decrypting
from sandbox.report import Cause, Verdict
from sandbox.sops import NotDecrypted
from tests.broker.broker_process import BrokerProcess
from tests.parts.git_server import OriginRepo
from tests.parts.sops_fixtures import Sops
from tests.sandbox.running import run

pytestmark = pytest.mark.sops


def test_the_broker_decrypts_until_it_is_told_that_this_is_over_and_not_after_a_restart_either(
    start_broker: Callable[..., BrokerProcess], sops: Sops
) -> None:
    broker = start_broker(**sops.variables())
    text = sops.encrypt("A=hidden\n", "dotenv").encode()
    assert decrypt(broker.url, text, "dotenv") == b"A=hidden\n"
    with pytest.raises(NotDecrypted, match="encrypted for another key"):
        decrypt(broker.url, sops.encrypt("A=b\n", "dotenv", "other").encode(), "dotenv")
    assert end_decrypting(broker.url)
    with pytest.raises(NotDecrypted, match="decrypts nothing any more"):
        decrypt(broker.url, text, "dotenv")
    broker.kill()
    broker.start()
    with pytest.raises(NotDecrypted, match="decrypts nothing any more"):
        decrypt(broker.url, text, "dotenv")


def test_a_sandbox_whose_broker_has_the_age_key_gets_the_plain_text_and_its_agent_can_ask_no_more(
    start_broker: Callable[..., BrokerProcess], sops: Sops, tmp_path: Path, file_repo: OriginRepo
) -> None:
    broker = start_broker(**sops.variables())
    encrypted = sops.encrypt("SHOP_PASSWORD=hidden-hidden\n", "dotenv")
    file_repo.commit({".env.sops": encrypted}, "secrets")
    script = (
        'test "$SHOP_PASSWORD" = hidden-hidden && echo x > x;'
        f" curl -s -o /dev/null -w '%{{http_code}}' --data-binary @.env.sops {broker.url}/decrypt/dotenv"
    )
    done = run(tmp_path / "run", script, file_repo.file_url, SANDBOX_BROKER=broker.url)
    assert done.report.verdict is Verdict.PUSHED, done.log
    assert done.report.summary == "403"
    broken = run(
        tmp_path / "late", "true", file_repo.file_url, SANDBOX_BROKER=broker.url, SANDBOX_RUN="late"
    )
    assert broken.report.cause is Cause.DECRYPT_FAILED
