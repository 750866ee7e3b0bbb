"""The two locks say the same: what the bot's image installs is what the tests ran with."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
_PIN = re.compile(
    r"^([a-z0-9.-]+==\S+)(?: ; .*?)? \\\n((?:    --hash=\S+(?: \\)?\n)+)", re.MULTILINE
)


def pins(name: str) -> dict[str, str]:
    """Return the hashes of each pin of a lock."""
    return dict(_PIN.findall((ROOT / name).read_text(encoding="utf-8")))


def test_the_image_of_the_bot_gets_the_very_packages_that_the_tests_ran_with() -> None:
    tested, shipped = pins("requirements.lock"), pins("requirements-bot.lock")
    assert shipped.items() <= tested.items()
    assert not {pin.partition("==")[0] for pin in shipped} & {"pytest", "mypy", "ruff"}


def test_the_image_of_the_bot_gets_all_that_it_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split("[<>=]", found)[0].lower() for found in project["dependencies"]}
    assert needed
    assert needed <= {pin.partition("==")[0] for pin in pins("requirements-bot.lock")}
