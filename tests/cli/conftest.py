from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.setup_scene import Scene, open_scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A person with a kubeconfig and keys, and a cluster in memory on which nothing of ours is."""
    async with open_scene(tmp_path) as found:
        yield found
