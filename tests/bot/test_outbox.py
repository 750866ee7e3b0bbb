"""Whose turn it is: limits, priorities, refusals. All in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.outbox import (
    ChatMovedError,
    Outbox,
    Priority,
    SlowDownError,
    UndeliverableError,
    UnreachableError,
)
from tests.parts.virtual_time import run_virtually

GROUP = -100
PERSON = 7


class Wire:
    """What reached Telegram: who, what and when; raises what it was told to, in order."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, int, str]] = []
        self.errors: list[Exception] = []

    def send(self, text: str) -> Callable[[int], Awaitable[int]]:
        async def call(chat_id: int) -> int:
            if self.errors:
                raise self.errors.pop(0)
            self.sent.append((asyncio.get_running_loop().time(), chat_id, text))
            await asyncio.sleep(0.01)
            return len(self.sent)

        return call

    def texts(self) -> list[str]:
        return [text for _, _, text in self.sent]


async def deliver_all(
    outbox: Outbox, wire: Wire, chat: int, priority: Priority, count: int
) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(
                outbox.deliver(chat, priority, wire.send(f"{priority.name} {number}"))
            )


def most_in(seconds: float, times: list[float]) -> int:
    return max(sum(start <= time < start + seconds for time in times) for start in times)


def test_a_group_gets_at_most_20_messages_a_minute() -> None:
    wire = Wire()
    run_virtually(deliver_all(Outbox(), wire, GROUP, Priority.ANSWER, 70))
    times = [time for time, _, _ in wire.sent]
    assert len(times) == 70
    assert most_in(60, times) == 20
    assert max(times) - min(times) < 60 * 3 + 15


def test_a_person_alone_gets_at_most_one_message_a_second_with_short_bursts() -> None:
    wire = Wire()
    run_virtually(deliver_all(Outbox(), wire, PERSON, Priority.ANSWER, 100))
    times = [time for time, _, _ in wire.sent]
    assert most_in(4, times) == 4
    assert most_in(60, times) <= 60


def test_all_chats_together_get_less_than_30_messages_a_second() -> None:
    async def story() -> Wire:
        outbox, wire = Outbox(), Wire()
        async with asyncio.TaskGroup() as group:
            for chat in range(1, 101):
                group.create_task(outbox.deliver(chat, Priority.ANSWER, wire.send("x")))
        return wire

    times = [time for time, _, _ in run_virtually(story()).sent]
    assert len(times) == 100
    assert most_in(1, times) <= 28


def test_answers_overtake_completions_and_completions_overtake_edits() -> None:
    async def story() -> Wire:
        outbox, wire = Outbox(), Wire()
        async with asyncio.TaskGroup() as group:
            for priority in (Priority.CARD, Priority.COMPLETION, Priority.ANSWER):
                for number in range(3):
                    group.create_task(
                        outbox.deliver(GROUP, priority, wire.send(f"{priority.name} {number}"))
                    )
        return wire

    wire = run_virtually(story())
    # The first edit had the lane to itself when it came.
    assert wire.texts()[0] == "CARD 0"
    assert wire.texts()[1:] == [
        *(f"ANSWER {number}" for number in range(3)),
        *(f"COMPLETION {number}" for number in range(3)),
        "CARD 1",
        "CARD 2",
    ]


def test_a_flood_of_answers_does_not_keep_completions_out() -> None:
    async def story() -> Wire:
        outbox, wire = Outbox(), Wire()
        async with asyncio.TaskGroup() as group:
            group.create_task(deliver_all(outbox, wire, GROUP, Priority.ANSWER, 30))
            group.create_task(deliver_all(outbox, wire, GROUP, Priority.COMPLETION, 2))
        return wire

    texts = run_virtually(story()).texts()
    assert [texts.index(f"COMPLETION {number}") for number in range(2)] == [5, 11]


def test_places_of_a_minute_are_kept_for_completions_and_two_of_them_for_answers() -> None:
    async def story() -> Wire:
        outbox, wire = Outbox(), Wire()
        async with asyncio.TaskGroup() as group:
            group.create_task(deliver_all(outbox, wire, GROUP, Priority.CARD, 30))
            await asyncio.sleep(20)
            group.create_task(deliver_all(outbox, wire, GROUP, Priority.COMPLETION, 9))
            await asyncio.sleep(20)
            group.create_task(deliver_all(outbox, wire, GROUP, Priority.ANSWER, 2))
        return wire

    wire = run_virtually(story())
    start = wire.sent[0][0]
    first_minute = [text for time, _, text in wire.sent if time < start + 60]
    assert len([text for text in first_minute if text.startswith("CARD")]) == 12
    assert len([text for text in first_minute if text.startswith("COMPLETION")]) == 6
    answered = [time - start for time, _, text in wire.sent if text.startswith("ANSWER")]
    assert max(answered) < 42


@pytest.mark.parametrize("seconds", [1, 30, 3600])
def test_a_chat_that_is_told_to_wait_waits_and_another_goes_on_fault_4(seconds: int) -> None:
    async def story() -> Wire:
        outbox, wire = Outbox(), Wire()
        wire.errors = [SlowDownError(seconds)]
        async with asyncio.TaskGroup() as group:
            group.create_task(outbox.deliver(GROUP, Priority.ANSWER, wire.send("slow")))
            await asyncio.sleep(0.1)
            group.create_task(outbox.deliver(PERSON, Priority.ANSWER, wire.send("quick")))
        return wire

    sent = {text: time - 1000 for time, _, text in run_virtually(story()).sent}
    assert sent["quick"] < 1
    assert seconds <= sent["slow"] < seconds + 2


def test_a_group_that_became_a_supergroup_is_followed_fault_9() -> None:
    async def story() -> tuple[Wire, Outbox]:
        outbox, wire = Outbox(), Wire()
        wire.errors = [ChatMovedError(-1001)]
        await outbox.deliver(GROUP, Priority.ANSWER, wire.send("one"))
        await outbox.deliver(GROUP, Priority.ANSWER, wire.send("two"))
        return wire, outbox

    wire, outbox = run_virtually(story())
    assert [(chat, text) for _, chat, text in wire.sent] == [(-1001, "one"), (-1001, "two")]
    assert outbox.addresses.of(GROUP) == -1001


@pytest.mark.parametrize("moves", [[GROUP], [-1001, GROUP]])
def test_a_group_that_moves_in_a_circle_is_given_up_fault_9(moves: list[int]) -> None:
    async def story() -> None:
        outbox, wire = Outbox(), Wire()
        wire.errors = [ChatMovedError(chat_id) for chat_id in moves]
        with pytest.raises(UndeliverableError, match="moved to itself"):
            await outbox.deliver(GROUP, Priority.ANSWER, wire.send("one"))
        await outbox.deliver(GROUP, Priority.ANSWER, wire.send("two"))

    run_virtually(story())


def test_an_unreachable_telegram_is_tried_again_with_growing_pauses() -> None:
    async def story() -> Wire:
        outbox, wire = Outbox(), Wire()
        wire.errors = [UnreachableError("x")] * 20
        await outbox.deliver(GROUP, Priority.COMPLETION, wire.send("at last"), attempts=None)
        return wire

    wire = run_virtually(story())
    assert wire.texts() == ["at last"]
    assert wire.sent[0][0] - 1000 > 300


def test_an_answer_gives_up_after_its_attempts() -> None:
    async def story() -> None:
        wire = Wire()
        wire.errors = [UnreachableError("x")] * 5
        with pytest.raises(UnreachableError):
            await Outbox().deliver(GROUP, Priority.ANSWER, wire.send("never"))
        assert wire.errors == []

    run_virtually(story())


def test_what_can_never_be_delivered_is_not_tried_again_and_the_next_goes_on() -> None:
    async def story() -> Wire:
        outbox, wire = Outbox(), Wire()
        wire.errors = [UndeliverableError("kicked")]
        with pytest.raises(UndeliverableError):
            await outbox.deliver(GROUP, Priority.ANSWER, wire.send("lost"))
        await outbox.deliver(GROUP, Priority.ANSWER, wire.send("next"))
        return wire

    assert run_virtually(story()).texts() == ["next"]


def test_who_stops_waiting_for_a_turn_holds_up_nobody() -> None:
    async def story() -> Wire:
        outbox, wire = Outbox(), Wire()
        release = asyncio.Event()

        async def long_send(chat_id: int) -> None:
            await release.wait()

        holder = asyncio.create_task(outbox.deliver(GROUP, Priority.ANSWER, long_send))
        await asyncio.sleep(0)
        quitter = asyncio.create_task(outbox.deliver(GROUP, Priority.ANSWER, wire.send("quit")))
        last = asyncio.create_task(outbox.deliver(GROUP, Priority.ANSWER, wire.send("last")))
        await asyncio.sleep(0)
        quitter.cancel()
        release.set()
        await asyncio.gather(holder, last)
        return wire

    assert run_virtually(story()).texts() == ["last"]


def test_who_leaves_in_the_moment_of_its_turn_gives_the_turn_on() -> None:
    async def story() -> Wire:
        outbox, wire = Outbox(), Wire()
        leavers: list[asyncio.Task[int]] = []

        async def hold() -> None:
            await outbox.deliver(GROUP, Priority.ANSWER, wire.send("first"))
            leavers[0].cancel()  # it has the turn by now, and hasn't gone on yet

        holder = asyncio.create_task(hold())
        await asyncio.sleep(0)
        quitter = asyncio.create_task(outbox.deliver(GROUP, Priority.ANSWER, wire.send("quit")))
        leavers.append(quitter)
        last = asyncio.create_task(outbox.deliver(GROUP, Priority.ANSWER, wire.send("last")))
        async with asyncio.timeout(60):
            await asyncio.gather(holder, last)
        assert quitter.cancelled()
        return wire

    assert run_virtually(story()).texts() == ["first", "last"]


def test_a_stopped_outbox_ends_what_is_being_sent_and_starts_nothing_fault_25() -> None:
    async def story() -> list[str]:
        outbox, wire = Outbox(), Wire()

        async def slow_send(chat_id: int) -> None:
            await asyncio.sleep(2)
            wire.sent.append((0, chat_id, "under way"))

        under_way = asyncio.create_task(outbox.deliver(GROUP, Priority.COMPLETION, slow_send))
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(outbox.deliver(GROUP, Priority.ANSWER, wire.send("later")))
        await outbox.stop(5)
        assert under_way.done()
        waiting.cancel()
        return wire.texts()

    assert run_virtually(story()) == ["under way"]


def test_a_burst_of_edits_leaves_a_place_for_the_completion_behind_it() -> None:
    async def story() -> Wire:
        outbox, wire = Outbox(), Wire()
        async with asyncio.TaskGroup() as group:
            group.create_task(deliver_all(outbox, wire, PERSON, Priority.CARD, 10))
            await asyncio.sleep(0.5)
            group.create_task(deliver_all(outbox, wire, PERSON, Priority.COMPLETION, 1))
        return wire

    sent = {text: time - 1000 for time, _, text in run_virtually(story()).sent}
    assert sent["COMPLETION 0"] < 0.6
