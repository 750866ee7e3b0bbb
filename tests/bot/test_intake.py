"""The way in: nothing is confirmed before it is durable, nothing spins, nothing is held up. All in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from bot.intake import ConflictError, Intake, Numbered, PollError, TokenRefusedError
from tests.parts.virtual_time import run_virtually


@dataclass(frozen=True)
class Item:
    update_id: int


class Queue:
    """Telegram's queue of one bot: an offset confirms what is before it; at most 100 come at once."""

    def __init__(self, count: int = 0) -> None:
        self.items = [Item(number) for number in range(1, count + 1)]
        self.polls = 0
        self.errors: list[Exception] = []

    async def poll(self, offset: int | None, seconds: int) -> list[Item]:
        self.polls += 1
        await asyncio.sleep(0.001)
        if self.errors:
            raise self.errors.pop(0)
        if offset is not None:
            self.items = [item for item in self.items if item.update_id >= offset]
        until = asyncio.get_running_loop().time() + seconds
        while not self.items and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.05)
        return self.items[:100]


async def served(
    queue: Queue, handle: Callable[[Numbered], Awaitable[None]], seconds: float = 120.0
) -> None:
    """Let an intake work for so many virtual seconds."""
    intake = Intake(queue.poll, handle)
    task = asyncio.create_task(intake.run())
    done, _ = await asyncio.wait([task], timeout=seconds)
    if done:
        task.result()
    task.cancel()
    await asyncio.wait([task])


def test_each_update_is_handled_once_and_then_confirmed() -> None:
    queue, handled = Queue(250), []

    async def handle(update: Numbered) -> None:
        handled.append(update.update_id)
        await asyncio.sleep(0.01)

    run_virtually(served(queue, handle))
    assert sorted(handled) == list(range(1, 251))
    assert queue.items == []


def test_the_first_poll_does_not_wait_so_that_a_probe_soon_knows_that_updates_flow() -> None:
    queue = Queue(0)

    async def handle(update: Numbered) -> None:
        raise AssertionError(update)

    run_virtually(served(queue, handle, 1.0))
    assert queue.polls == 2


def test_an_update_in_hand_is_not_confirmed_and_comes_again_after_a_crash_fault_2() -> None:
    queue = Queue(3)

    async def story() -> None:
        async def hang_on_2(update: Numbered) -> None:
            if update.update_id == 2:
                await asyncio.sleep(1e9)

        await served(queue, hang_on_2)
        assert [item.update_id for item in queue.items] == [2, 3]
        again: list[int] = []

        async def note(update: Numbered) -> None:
            again.append(update.update_id)

        await served(queue, note)
        # 3 had its effect already; that it comes again is what the Run's key is for.
        assert again == [2, 3]
        assert queue.items == []

    run_virtually(story())


def test_a_slow_update_neither_makes_the_loop_spin_nor_hides_a_newer_one() -> None:
    queue = Queue(1)
    seen: dict[int, float] = {}

    async def story() -> None:
        async def handle(update: Numbered) -> None:
            seen[update.update_id] = asyncio.get_running_loop().time()
            if update.update_id == 1:
                await asyncio.sleep(60)

        task = asyncio.create_task(served(queue, handle, 100))
        await asyncio.sleep(30)
        before = queue.polls
        queue.items.append(Item(2))
        added = asyncio.get_running_loop().time()
        await task
        assert before < 60, "about one poll a second while something is in hand"
        assert seen[2] - added < 1.5

    run_virtually(story())


def test_a_command_gets_through_while_99_others_are_in_hand() -> None:
    queue, handled = Queue(100), []

    async def handle(update: Numbered) -> None:
        if update.update_id != 100:
            await asyncio.sleep(5)
        handled.append((update.update_id, asyncio.get_running_loop().time()))

    run_virtually(served(queue, handle, 4))
    assert [number for number, _ in handled] == [100]


def test_full_hands_wait_for_the_first_to_be_done_without_polling() -> None:
    queue = Queue(101)

    async def story() -> None:
        handled: list[int] = []

        async def handle(update: Numbered) -> None:
            await asyncio.sleep(5 if update.update_id <= 100 else 0)
            handled.append(update.update_id)

        await served(queue, handle, 4)
        assert queue.polls <= 4
        await served(queue, handle, 30)
        assert 101 in handled

    run_virtually(story())


def test_a_poisonous_update_is_logged_and_passed(caplog: pytest.LogCaptureFixture) -> None:
    queue = Queue(2)

    async def handle(update: Numbered) -> None:
        if update.update_id == 1:
            raise ZeroDivisionError

    run_virtually(served(queue, handle))
    assert queue.items == []
    assert "update 1 could not be handled" in caplog.text


def test_a_second_poller_makes_it_step_down_with_one_line_fault_3(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue, handled = Queue(1), []
    queue.errors = [ConflictError() for _ in range(10)]

    async def handle(update: Numbered) -> None:
        handled.append(update.update_id)

    run_virtually(served(queue, handle, 600))
    assert handled == [1]
    assert caplog.text.count("another process polls") == 1


@pytest.mark.parametrize(
    "error", [PollError("BadGateway"), TimeoutError(), PollError("flood", 33.0)]
)
def test_a_server_that_fails_is_asked_again_with_pauses_fault_6(error: Exception) -> None:
    queue, handled = Queue(1), []
    queue.errors = [error] * 12

    async def story() -> float:
        start = asyncio.get_running_loop().time()

        async def handle(update: Numbered) -> None:
            handled.append(asyncio.get_running_loop().time() - start)

        await served(queue, handle, 1000)
        return handled[0]

    assert run_virtually(story()) > 60
    assert queue.items == []


def test_a_poll_that_hangs_for_ever_is_given_up_fault_7() -> None:
    hangs = 2
    queue, handled = Queue(1), []

    async def poll(offset: int | None, seconds: int) -> list[Item]:
        nonlocal hangs
        if hangs:
            hangs -= 1
            await asyncio.sleep(1e9)
        return await queue.poll(offset, seconds)

    async def story() -> None:
        async def handle(update: Numbered) -> None:
            handled.append(update.update_id)

        task = asyncio.create_task(Intake(poll, handle).run())
        await asyncio.sleep(120)
        task.cancel()
        await asyncio.wait([task])

    run_virtually(story())
    assert handled == [1]


def test_a_revoked_token_ends_the_loop_fault_11() -> None:
    queue = Queue(0)
    queue.errors = [TokenRefusedError("no")]

    async def handle(update: Numbered) -> None:
        raise AssertionError("nothing comes")

    with pytest.raises(TokenRefusedError):
        run_virtually(served(queue, handle))


def test_a_clean_end_confirms_what_was_done() -> None:
    queue = Queue(1)

    async def story() -> None:
        async def handle(update: Numbered) -> None:
            await asyncio.sleep(0.1)

        task = asyncio.create_task(Intake(queue.poll, handle).run())
        await asyncio.sleep(0.15)
        task.cancel()
        await asyncio.wait([task])

    run_virtually(story())
    assert queue.items == []
