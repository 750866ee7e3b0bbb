"""getUpdates by raw HTTP. Source: core.telegram.org/bots/api#getupdates and Client::do_get_updates."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from playground.people import Person
from playground.refusal import Refused
from playground.updates import UpdateQueue
from playground.world import World
from tests.playground.play_api import Api, Clock

CONFLICT = (
    "Conflict: terminated by other getUpdates request; "
    "make sure that only one bot instance is running"
)


@pytest.fixture
def ada(world: World) -> Person:
    person = world.person("Ada")
    world.private(person)
    return person


def say_many(world: World, ada: Person, count: int) -> None:
    for number in range(count):
        world.say(ada, ada.id, f"message {number}")


def texts(updates: list[Any]) -> list[str]:
    return [update["message"]["text"].removeprefix("message ") for update in updates]


async def test_an_update_comes_again_until_a_higher_offset_confirms_it(
    world: World, api: Api, ada: Person
) -> None:
    say_many(world, ada, 3)
    first = await api.updates()
    assert texts(first) == ["0", "1", "2"]
    assert texts(await api.updates()) == ["0", "1", "2"]
    assert texts(await api.ok("getUpdates", offset=first[1]["update_id"])) == ["1", "2"]
    assert texts(await api.updates()) == ["1", "2"]
    assert await api.ok("getUpdates", offset=first[2]["update_id"] + 1) == []


async def test_update_ids_follow_each_other(world: World, api: Api, ada: Person) -> None:
    say_many(world, ada, 3)
    ids = [update["update_id"] for update in await api.updates()]
    assert ids == [ids[0], ids[0] + 1, ids[0] + 2]


async def test_a_negative_offset_keeps_the_newest_only(world: World, api: Api, ada: Person) -> None:
    say_many(world, ada, 5)
    assert texts(await api.ok("getUpdates", offset=-2)) == ["3", "4"]
    assert texts(await api.updates()) == ["3", "4"]


async def test_an_offset_far_in_the_future_confirms_nothing(
    world: World, api: Api, ada: Person
) -> None:
    say_many(world, ada, 1)
    last = (await api.updates())[0]["update_id"]
    assert texts(await api.ok("getUpdates", offset=last + 1000)) == ["0"]
    assert await api.ok("getUpdates", offset=last + 5) == []


@pytest.mark.parametrize(("limit", "count"), [(1, 1), (2, 2), (0, 1), (-5, 1), (1000, 100)])
async def test_a_limit_is_brought_between_1_and_100(
    world: World, api: Api, ada: Person, limit: int, count: int
) -> None:
    say_many(world, ada, 101)
    assert len(await api.ok("getUpdates", limit=limit)) == count


async def test_a_long_poll_ends_with_the_first_update(world: World, api: Api, ada: Person) -> None:
    poll = asyncio.create_task(api.ok("getUpdates", timeout=30))
    await api.until_polled()
    say_many(world, ada, 1)
    assert texts(await poll) == ["0"]


async def test_a_long_poll_ends_empty_after_its_time(api: Api) -> None:
    assert await api.ok("getUpdates", timeout=1) == []


async def test_the_newer_of_two_pollers_wins(world: World, api: Api, ada: Person) -> None:
    older = asyncio.create_task(api.call("getUpdates", timeout=30))
    await api.until_polled()
    newer = asyncio.create_task(api.ok("getUpdates", timeout=30))
    status, answer = await older
    assert (status, answer["description"]) == (409, CONFLICT)
    say_many(world, ada, 1)
    assert texts(await newer) == ["0"]


async def test_a_poll_that_has_something_at_once_ends_no_other(
    world: World, api: Api, ada: Person
) -> None:
    older = asyncio.create_task(api.ok("getUpdates", timeout=30))
    await api.until_polled()
    assert await api.ok("getUpdates", timeout=0) == []
    say_many(world, ada, 1)
    assert texts(await older) == ["0"]


async def test_what_waits_survives_a_poller_that_goes_away(
    world: World, api: Api, ada: Person
) -> None:
    poll = asyncio.create_task(api.ok("getUpdates", timeout=30))
    await api.until_polled()
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)
    say_many(world, ada, 1)
    assert texts(await api.ok("getUpdates", timeout=30)) == ["0"]


async def test_updates_are_kept_for_24_hours(
    world: World, api: Api, ada: Person, clock: Clock
) -> None:
    say_many(world, ada, 1)
    clock.now += 24 * 3600 - 1
    assert texts(await api.updates()) == ["0"]
    clock.now += 2
    assert await api.updates() == []


async def test_the_allowed_kinds_are_remembered_and_hold_for_what_comes_later(
    world: World, api: Api, ada: Person
) -> None:
    message = world.say(ada, ada.id, "first")
    await api.ok("getUpdates", allowed_updates=["edited_message"])
    world.say(ada, ada.id, "second")
    world.edit(message, "changed")
    kinds = [set(update) - {"update_id"} for update in await api.updates()]
    assert kinds == [{"message"}, {"edited_message"}]
    info = await api.ok("getWebhookInfo")
    assert (info["allowed_updates"], info["pending_update_count"]) == (["edited_message"], 2)


async def test_an_empty_list_of_kinds_is_the_default_without_reactions(
    world: World, api: Api, ada: Person
) -> None:
    message = world.say(ada, ada.id, "first")
    world.react(ada, message, "👍")
    await api.ok("getUpdates", allowed_updates=["message_reaction"])
    world.react(ada, message, "👎")
    await api.ok("getUpdates", allowed_updates=[])
    world.react(ada, message, None)
    kinds = [set(update) - {"update_id"} for update in await api.updates()]
    assert kinds == [{"message"}, {"message_reaction"}]


async def test_delete_webhook_drops_what_waits_only_when_asked(
    world: World, api: Api, ada: Person
) -> None:
    say_many(world, ada, 1)
    assert await api.ok("deleteWebhook") is True
    assert len(await api.updates()) == 1
    await api.ok("deleteWebhook", drop_pending_updates=True)
    assert await api.updates() == []


async def test_a_second_conflict_at_once_is_answered_late_so_that_two_bots_dont_spin(
    clock: Clock,
) -> None:
    queue = UpdateQueue(clock)
    polls = []
    for _ in range(3):
        polls.append(asyncio.create_task(queue.get(0, 100, 30)))
        await asyncio.sleep(0)
    first, second, third = polls
    with pytest.raises(Refused):
        await first
    queue.add("message", {"text": "x"})
    assert [update["message"] for update in await third] == [{"text": "x"}]
    assert not second.done()
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
