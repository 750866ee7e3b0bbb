"""From the config's bucket of dependencies to the addresses in a Run."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config_file import parse
from bot.settings import SettingsError, read
from cli.parts import make_place

GIVEN = {
    "TELEGRAM_BOT_TOKEN": "1:a",
    "TELEGRAM_CHAT_ID": "-1001",
    "SANDBOX_BACKEND": "kubernetes",
    "HOME": "/home/me",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-bucket",
    "AWS_REGION": "eu-central-1",
    "AWS_ENDPOINT_URL": "https://s3.example",
}
BUCKET = parse("cache: {s3: s3://team/deep}")


async def test_a_bucket_in_the_config_gives_a_run_addresses_below_its_prefix() -> None:
    place = make_place(read(GIVEN), BUCKET, GIVEN)
    assert place.cache_claim is None and place.cache_signer is not None
    slots = await place.cache_signer.sign("https://git.example/shop", 90)
    assert len({slot.read.partition("?")[0] for slot in slots}) == 8
    for slot in slots:
        assert slot.read.startswith("https://s3.example/team/deep/")
        assert "X-Amz-Expires=90" in slot.write
        assert "secret-of-the-bucket" not in slot.read + slot.write + repr(slot)
    assert "Signature" not in repr(slots)


def test_a_volume_in_the_config_needs_no_addresses() -> None:
    place = make_place(read(GIVEN), parse("cache: {claim: volume}"), GIVEN)
    assert (place.cache_claim, place.cache_signer) == ("volume", None)


def test_a_bucket_that_cant_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    given = {**GIVEN, "AWS_CA_BUNDLE": str(tmp_path / "nowhere.pem")}
    with pytest.raises(SettingsError, match=r"cache\.s3 can't be used: .*nowhere\.pem"):
        make_place(read(given), BUCKET, given)
