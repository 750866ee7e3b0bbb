"""What nobody waits for, at the moment at which the bot ends."""

from __future__ import annotations

import asyncio

import pytest

from bot.desk import Errands


async def test_an_errand_for_a_bot_that_ends_ends_who_asked_for_it() -> None:
    sent: list[str] = []

    async def errand() -> None:
        sent.append("a message")

    async def ending(errands: Errands, group: asyncio.TaskGroup) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            with pytest.raises(asyncio.CancelledError):
                errands.run(errand())
            sent.append("nothing")

    with pytest.raises(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(ending(Errands(group), group))
            await asyncio.sleep(0)
            raise RuntimeError
    assert sent == ["nothing"]


async def test_an_errand_is_done_that_nobody_waits_for() -> None:
    done = asyncio.Event()

    async def errand() -> None:
        done.set()

    async with asyncio.TaskGroup() as group:
        Errands(group).run(errand())
    assert done.is_set()
