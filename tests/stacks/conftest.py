"""What the tests of looking at repositories share."""

from __future__ import annotations

import pytest

from runs.stacks import remote


@pytest.fixture(autouse=True)
def time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a slow machine more than a bot has patience for; the limit has a test of its own."""
    monkeypatch.setattr(remote, "LIMIT_SECONDS", 60.0)
