from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from telegram.error import ChatMigrated

from bot.access import Membership
from bot.addresses import Addresses
from bot.members import Members

OLD, NEW = -1, -1_001_000_000_001


@dataclass
class MovedAsked:
    """A Bot for which asking the old group, or `never`, for its members is refused, as no server was seen to do it."""

    new: int
    never: int = OLD
    asked: list[int] = field(default_factory=list)

    async def get_chat_member(self, chat_id: int, _person_id: int) -> SimpleNamespace:
        self.asked.append(chat_id)
        if chat_id in (OLD, self.never):
            raise ChatMigrated(self.new)
        return SimpleNamespace(status="administrator")


@pytest.mark.parametrize(
    ("bot", "found", "asked"),
    [
        (MovedAsked(NEW), Membership.ADMINISTRATOR, [OLD, NEW]),
        (MovedAsked(OLD), None, [OLD]),
        (MovedAsked(NEW, never=NEW), None, [OLD, NEW]),
    ],
)
async def test_a_group_that_says_by_its_members_that_it_moved_is_followed_and_not_in_a_circle(
    bot: MovedAsked, found: Membership | None, asked: list[int]
) -> None:
    members = Members(bot, OLD, Addresses())  # type: ignore[arg-type]
    assert await members.of(7) == found
    assert bot.asked == asked


@pytest.mark.parametrize(
    ("moves", "taken"),
    [
        ([(-1, -1001), (-2, -1002)], [True, True]),
        ([(-1, -1001), (-1001, -1002)], [True, True]),
        ([(-1, -1)], [False]),
        ([(-1, -1001), (-1001, -1)], [True, False]),
        ([(-3, -1), (-1, -2), (-1, -3)], [True, True, False]),
    ],
)
def test_no_move_leads_back_to_where_it_came_from(
    moves: list[tuple[int, int]], taken: list[bool]
) -> None:
    addresses = Addresses()
    assert [addresses.note(old, new) for old, new in moves] == taken
    assert addresses.of(moves[0][0]) in {new for _, new in moves}


def test_only_basic_groups_are_asked_for_and_each_once() -> None:
    addresses = Addresses()
    addresses.note(-1, -1_001_000_000_001)
    addresses.note_asked(-2)
    assert addresses.unasked([-1, -2, -3, -1_001_000_000_001, 4]) == {-3}


def test_a_chat_is_called_by_the_name_that_is_given_it_whatever_its_id_is_today() -> None:
    addresses = Addresses()
    addresses.note(-1, -1001)
    assert [addresses.known_as(chat, (-5, -1)) for chat in (-1001, -1, -5, -9)] == [-1, -1, -5, -9]
