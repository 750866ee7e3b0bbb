"""A scene for each test, with a repository that needs no token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.parts.git_server import OriginRepo
from tests.whole.scene import Scene, open_scene


@pytest.fixture
async def scene(tmp_path: Path, file_repo: OriginRepo) -> AsyncIterator[Scene]:
    """A team's chat whose bot knows the repo `small`; the bot isn't started yet, and sweeps every second."""
    async with open_scene(tmp_path, {"SANDBOX_POLL_SECONDS": "1"}) as made:
        made.configure(repos={"small": file_repo.file_url})
        yield made
