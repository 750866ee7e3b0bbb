"""The flood limits as windows. Source: core.telegram.org/bots/faq."""

from __future__ import annotations

from playground.flood import Flood, FloodLimits, Window
from tests.playground.play_api import Clock


def spend_many(flood: Flood, clock: Clock, count: int, step: float, *, is_group: bool) -> list[int]:
    """Send `count` messages, one each `step` seconds; return the positions of those refused."""
    refused = []
    for number in range(count):
        if flood.spend(1, is_group=is_group) is not None:
            refused.append(number)
        clock.now += step
    return refused


def test_a_short_burst_passes_and_a_long_one_has_to_wait(clock: Clock) -> None:
    flood = Flood(FloodLimits(), clock)
    assert [flood.spend(1, is_group=False) for _ in range(6)] == [None] * 5 + [5]


def test_one_message_a_second_passes_for_ever_in_a_private_chat(clock: Clock) -> None:
    assert spend_many(Flood(FloodLimits(), clock), clock, 100, 1.0, is_group=False) == []


def test_a_group_takes_twenty_a_minute(clock: Clock) -> None:
    flood = Flood(FloodLimits(), clock)
    assert spend_many(flood, clock, 25, 2.0, is_group=True) == [20, 21, 22, 23, 24]
    assert flood.spend(1, is_group=True) == 10
    clock.now += 10
    assert flood.spend(1, is_group=True) is None


def test_all_chats_together_take_thirty_a_second(clock: Clock) -> None:
    flood = Flood(FloodLimits(), clock)
    assert [flood.spend(chat, is_group=False) for chat in range(31)] == [None] * 30 + [1]


def test_a_part_of_a_second_is_told_as_a_whole_one(clock: Clock) -> None:
    flood = Flood(FloodLimits(chat=Window(1, 10.0)), clock)
    flood.spend(1, is_group=False)
    clock.now += 7.5
    assert flood.spend(1, is_group=False) == 3


def test_a_refused_message_isnt_counted(clock: Clock) -> None:
    flood = Flood(FloodLimits(chat=Window(1, 10.0)), clock)
    assert [flood.spend(1, is_group=False) for _ in range(3)] == [None, 10, 10]
    clock.now += 10
    assert flood.spend(1, is_group=False) is None
