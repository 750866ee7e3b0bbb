from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.runs.contract", "tests.runs.objects_contract")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[object]:
    """Give a local place with the stand-in; a file that tests another place has its own fixture."""
    from tests.runs.local_places import StandInPlace

    stand_in = StandInPlace(tmp_path)
    yield stand_in
    await stand_in.close()
