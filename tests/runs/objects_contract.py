"""What every kind of Objects has to do. A test file subclasses ObjectsContract and gives it a `make`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from runs.objects import Objects

Make = Callable[[], Objects]
"""Returns a new object over the same place, as another process has."""

NAME = "abcdefgh.json"


async def names(objects: Objects) -> set[str]:
    return {each.name for each in await objects.list_all()}


class ObjectsContract:
    """The suite. `make` is a fixture of the subclass's file."""

    async def test_what_is_not_there_is_nothing(self, make: Make) -> None:
        objects = make()
        assert await objects.read(NAME) is None
        assert await objects.read_end(NAME, None) is None
        assert await objects.read_end(NAME, 5) is None
        assert await objects.read_many([NAME]) == {}
        assert await objects.list_all() == []
        await objects.remove(NAME)

    async def test_what_is_written_is_read_by_all(self, make: Make) -> None:
        await make().write(NAME, b"one")
        found = await make().read(NAME)
        assert found is not None
        assert found.data == b"one"
        await make().write(NAME, b"two, and longer")
        again = await make().read(NAME)
        assert again is not None
        assert again.data == b"two, and longer"
        assert again.version != found.version

    async def test_the_end_is_read_or_all_where_there_is_less(self, make: Make) -> None:
        objects = make()
        await objects.write("long.log", b"first\nlast\n")
        await objects.write("empty.log", b"")
        assert await objects.read_end("long.log", 5) == b"last\n"
        assert await objects.read_end("long.log", 99) == b"first\nlast\n"
        assert await objects.read_end("long.log", None) == b"first\nlast\n"
        assert await objects.read_end("long.log", 0) == b""
        for size in (None, 0, 7):
            assert await objects.read_end("empty.log", size) == b""

    async def test_a_large_log_comes_back_whole(self, make: Make) -> None:
        log = bytes(range(256)) * (8 << 12)
        await make().write("large.log", log)
        assert await make().read_end("large.log", None) == log
        assert await make().read_end("large.log", 1000) == log[-1000:]

    async def test_a_condition_is_kept(self, make: Make) -> None:
        first, second = make(), make()
        assert await first.write_if(NAME, b"one", None)
        assert not await second.write_if(NAME, b"other", None)
        one = await second.read(NAME)
        assert one is not None
        assert await second.write_if(NAME, b"two", one.version)
        assert not await first.write_if(NAME, b"three", one.version)
        two = await first.read(NAME)
        assert two is not None
        assert two.data == b"two"
        await first.remove(NAME)
        assert not await second.write_if(NAME, b"four", two.version)
        assert await second.read(NAME) is None

    async def test_of_many_that_write_at_once_one_wins_fault_27(self, make: Make) -> None:
        for version in (None, "read"):
            if version is not None:
                found = await make().read(NAME)
                assert found is not None
                version = found.version
            places = [make() for _ in range(8)]
            texts = [b"%d of %a" % (number, version) for number in range(8)]
            writes = zip(places, texts, strict=True)
            won = await asyncio.gather(
                *(place.write_if(NAME, text, version) for place, text in writes)
            )
            assert sorted(won) == [False] * 7 + [True]
            stands = await make().read(NAME)
            assert stands is not None
            assert stands.data == texts[won.index(True)]

    async def test_a_list_says_what_is_there_and_since_when(self, make: Make) -> None:
        objects = make()
        began = time.time()
        for number in range(3):
            await objects.write(f"{number}.log", b"%d" % number)
        listed = {each.name: each for each in await make().list_all()}
        assert set(listed) == {"0.log", "1.log", "2.log"}
        assert all(began - 2 <= each.changed_at <= time.time() + 2 for each in listed.values())
        await objects.remove("1.log")
        assert await names(make()) == {"0.log", "2.log"}

    async def test_a_version_in_a_list_changes_with_the_object(self, make: Make) -> None:
        objects = make()
        seen = set()
        for number in range(5):
            await objects.write(NAME, b"%d" % number)
            (listed,) = [each for each in await objects.list_all() if each.name == NAME]
            assert listed.version is None or listed.version not in seen
            seen.add(listed.version)

    async def test_many_are_read_at_once_without_those_that_are_gone(self, make: Make) -> None:
        objects = make()
        texts = {f"{number}.json": b"%d" % number for number in range(40)}
        await asyncio.gather(*(objects.write(name, text) for name, text in texts.items()))
        assert await make().read_many([*texts, "gone.json"]) == texts

    async def test_a_check_that_passes_leaves_nothing_behind(self, make: Make) -> None:
        await make().check()
        assert await names(make()) == set()
