"""Which event loop the tests of the bot run on, and the conversation that most begin with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from tests.bot.fast_time import FastLoop
from tests.bot.talk import Talk, talking


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give conversations the loop whose idle time costs nothing."""
    name = Path(item.path).stem
    talks = name.startswith("test_talk_") or name in ("test_cards", "test_completion")
    return {"fast": FastLoop} if talks else {"usual": asyncio.new_event_loop}


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    """Hand out a Talk whose bot doesn't run yet."""
    async with talking(tmp_path) as found:
        yield found
