"""The card: opened once, moved at a pace that leaves room for others, closed at the end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import pytest

from bot.addresses import Addresses
from bot.cards import Cards, ignored_notes
from bot.desk import Errands
from bot.incoming import Place
from bot.outbox import UndeliverableError, UnreachableError
from bot.pace import Pace
from bot.speaker import Letter, MessageGoneError
from runs.fake import FakeBackend, FakePlace
from runs.outcome import Seen
from runs.run import Origin, Run
from sandbox.report import Phase, Report
from sandbox.task import Task
from tests.bot.fast_time import wall_clock

GROUP = Origin(-1001, 7, 42, "Ada")
PRIVATE = Origin(42, 7, 42, "Ada", private=True)


@dataclass
class Page:
    """A Speaker that keeps what it was given; `errors` are raised first, by the name of the method."""

    shown: dict[int, list[Letter]] = field(default_factory=dict)
    edits: list[tuple[float, int]] = field(default_factory=list)
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    seconds: float = 0.0
    sent: int = 0
    addresses: Addresses = field(default_factory=Addresses)

    async def say(self, place: Place, letter: Letter) -> int:
        await self._work("say")
        number = self.sent + 100
        self.sent += 1
        self.shown[number] = [letter]
        return number

    async def edit(self, place: Place, number: int, compose: Callable[[], Letter]) -> None:
        await self._work("edit")
        self.edits.append((asyncio.get_running_loop().time(), number))
        self.shown[number].append(compose())

    async def react(self, place: Place, number: int, emoji: str) -> None:
        await self._work("react")

    async def delete(self, place: Place, number: int) -> None:
        del self.shown[number]

    def text(self, number: int) -> str:
        return self.shown[number][-1].text.text()

    async def _work(self, name: str) -> None:
        await asyncio.sleep(self.seconds)
        if self.errors.get(name):
            raise self.errors[name].pop(0)


@dataclass
class Board:
    """Cards at work over a place."""

    cards: Cards
    page: Page
    place: FakePlace

    async def start(self, number: int = 1, origin: Origin = GROUP) -> Run:
        task = Task("https://github.com/acme/demo", "task", repo_name="demo")
        await FakeBackend(self.place).start(f"key {number}", task, origin)
        run = list(self.place.runs.values())[-1]
        self.see(run)
        return run

    def see(self, run: Run) -> Run:
        """Tell the cards what the place says of a Run now."""
        now = self.place.runs[run.id]
        self.cards.see(now)
        return now

    async def for_a_minute(self, run: Run, *others: Run) -> list[float]:
        """Let a step be printed each second; return when the first card was edited, counted from now."""
        begun = asyncio.get_running_loop().time()
        for second in range(60):
            for one in (run, *others):
                self.place.progress(one.id, log=f"│ step {second}\n".encode())
                self.see(one)
            await asyncio.sleep(1)
        card = self.place.runs[run.id].marks.card_id
        return [at - begun for at, number in self.page.edits if number == card and at >= begun]


@pytest.fixture
async def board() -> AsyncIterator[Board]:
    """Hand out Cards at work."""
    clock = wall_clock()
    place, page = FakePlace(clock=clock), Page()
    async with asyncio.TaskGroup() as group:
        cards = Cards(FakeBackend(place), page, Errands(group), clock, Pace())  # type: ignore[arg-type]
        moving = group.create_task(cards.run())
        yield Board(cards, page, place)
        moving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await moving


async def test_a_card_is_opened_once_and_its_id_marked(board: Board) -> None:
    run = await board.start()
    for _ in range(5):
        board.see(run)
        await asyncio.sleep(0.01)
    assert len(board.page.shown) == 1
    assert board.place.runs[run.id].marks.card_id == 100


async def test_a_card_that_was_just_opened_is_edited_only_once_it_has_something_new(
    board: Board,
) -> None:
    run = await board.start()
    await asyncio.sleep(30)
    texts = [letter.text.text() for letter in board.page.shown[100]]
    assert len(texts) > 1
    assert len(set(texts)) == len(texts)
    assert board.place.runs[run.id].marks.card_id == 100


async def test_a_card_says_what_is_noted_of_its_task(board: Board) -> None:
    board.cards.note = lambda task: f"keys of {task.repo_name}"
    await board.start()
    await asyncio.sleep(0.01)
    assert "keys of demo" in board.page.text(100)


async def test_a_card_goes_on_saying_what_came_of_the_cache_when_the_log_has_scrolled_on(
    board: Board,
) -> None:
    run = await board.start()
    await asyncio.sleep(0.01)
    board.place.progress(run.id, log="▶ agent claude, cache hit, 3 s\n".encode())
    board.see(run)
    await board.for_a_minute(run)
    board.place.progress(run.id, log=b"| x\n" * 20_000)
    board.see(run)
    await asyncio.sleep(60)
    assert "cache hit · 3 s" in board.page.text(100)


async def test_of_two_bots_that_open_a_card_at_once_one_takes_its_own_back_fault_27(
    board: Board,
) -> None:
    board.page.seconds = 1.0
    async with asyncio.TaskGroup() as group:
        other = Cards(FakeBackend(board.place), board.page, Errands(group), time.time, Pace())  # type: ignore[arg-type]
        run = await board.start()
        other.see(run)
        await asyncio.sleep(5)
    assert list(board.page.shown) == [board.see(run).marks.card_id]


async def test_old_news_of_a_run_opens_no_second_card_fault_15(board: Board) -> None:
    run = await board.start()
    await asyncio.sleep(1)
    board.cards.see(run)
    await asyncio.sleep(5)
    assert len(board.page.shown) == 1


async def test_a_run_that_ended_before_its_card_needs_none(board: Board) -> None:
    run = await board.start()
    board.place.finish(run.id, report=Report(run.id, Phase.DONE))
    await asyncio.sleep(5)
    board.see(run)
    await asyncio.sleep(5)
    assert board.page.shown == {}


async def test_a_run_that_ended_while_its_card_was_sent_gets_it_closed(board: Board) -> None:
    board.page.seconds = 2.0
    run = await board.start()
    await asyncio.sleep(3)
    board.place.finish(run.id, report=Report(run.id, Phase.DONE))
    board.see(run)
    await asyncio.sleep(10)
    assert board.page.text(100).startswith("❌ Failed")
    assert board.page.shown[100][-1].keyboard == ()
    assert board.place.runs[run.id].marks.card_closed


async def test_a_card_is_edited_every_five_seconds_in_a_group_and_every_three_in_private(
    board: Board,
) -> None:
    run = await board.start()
    await asyncio.sleep(10)
    assert 9 <= len(await board.for_a_minute(run)) <= 12
    board.place.finish(run.id, report=Report(run.id, Phase.DONE))
    board.see(run)
    hers = await board.start(2, PRIVATE)
    await asyncio.sleep(10)
    assert 15 <= len(await board.for_a_minute(hers)) <= 20


async def test_the_more_cards_a_chat_has_the_slower_each_moves(board: Board) -> None:
    runs = [await board.start(number) for number in range(4)]
    await asyncio.sleep(30)
    assert 2 <= len(await board.for_a_minute(*runs)) <= 4


async def test_a_new_phase_is_shown_at_once(board: Board) -> None:
    run = await board.start()
    await asyncio.sleep(7)
    for phase, words in [(Phase.CLONE, "cloning"), (Phase.AGENT, "the agent is working")]:
        board.place.progress(run.id, Report(run.id, phase))
        board.see(run)
        await asyncio.sleep(1.6)
        assert words in board.page.text(100)


async def test_a_phase_that_was_seen_to_begin_is_shown_with_its_own_time(board: Board) -> None:
    run = await board.start()
    await asyncio.sleep(60)
    assert "in all" not in board.page.text(100)
    board.place.progress(run.id, Report(run.id, Phase.AGENT))
    board.see(run)
    await asyncio.sleep(30)
    assert "▶ the agent is working 2" in board.page.text(100)
    assert "1 min 2" in board.page.text(100)


async def test_where_no_report_comes_before_the_end_the_log_tells_the_phase(board: Board) -> None:
    run = await board.start()
    await asyncio.sleep(2)
    board.place.progress(run.id, log=b"\xe2\x96\xb6 clone demo\n\xe2\x96\xb6 agent claude\n")
    await asyncio.sleep(6)
    board.place.progress(run.id, log=b"".join(b"\xe2\x94\x82 step %d\n" % n for n in range(2000)))
    await asyncio.sleep(6)
    assert "▶ the agent is working" in board.page.text(100)


async def test_a_phase_that_only_the_log_tells_is_shown_as_soon_before_the_agent_begins(
    board: Board,
) -> None:
    run = await board.start()
    board.place.progress(run.id, Report(run.id, Phase.ENVIRONMENT))
    board.see(run)
    await asyncio.sleep(7)
    for name, words in [("clone", "cloning"), ("services", "waiting for"), ("agent", "the agent")]:
        board.place.progress(run.id, log=f"▶ {name}\n".encode())
        await asyncio.sleep(2.6)
        assert words in board.page.text(100)
    edits = len(board.page.edits)
    board.place.progress(run.id, log="│ a step\n".encode())
    await asyncio.sleep(2)
    assert len(board.page.edits) == edits, "steps keep the chat's pace"


async def test_of_a_run_that_was_under_way_before_this_bot_the_phase_is_looked_for_further_back(
    board: Board,
) -> None:
    steps = "".join(f"│ step {number}\n" for number in range(2000))
    run = await board.start()
    board.place.progress(run.id, Report(run.id, Phase.ENVIRONMENT), f"▶ agent\n{steps}".encode())
    await asyncio.sleep(2.5)
    assert "▶ the agent" in board.page.text(100)
    assert "step 1999" in board.page.text(100)


async def test_what_keeps_a_run_from_starting_is_said_and_goes_when_it_does(board: Board) -> None:
    run = await board.start()
    board.place.runs[run.id] = replace(board.see(run), held=Seen.UNSCHEDULABLE)
    board.see(run)
    await asyncio.sleep(2)
    assert "▶ waiting for a machine with room" in board.page.text(100)
    board.place.runs[run.id] = replace(board.place.runs[run.id], held=None)
    board.see(run)
    await asyncio.sleep(2)
    assert "▶ starting" in board.page.text(100)


async def test_nothing_is_read_or_edited_while_nothing_runs(board: Board) -> None:
    run = await board.start()
    await asyncio.sleep(2)
    board.place.finish(run.id, report=Report(run.id, Phase.DONE))
    board.see(run)
    await asyncio.sleep(5)
    edits = len(board.page.edits)
    await asyncio.sleep(3600)
    assert len(board.page.edits) == edits


async def test_silence_of_the_agent_is_said_and_ends_with_its_next_line(board: Board) -> None:
    run = await board.start()
    board.place.progress(run.id, log=b"one\n")
    board.see(run)
    await asyncio.sleep(290)
    assert "silent" not in board.page.text(100)
    await asyncio.sleep(30)
    assert "🔇 silent for 5 min" in board.page.text(100)
    board.place.progress(run.id, log=b"two\n")
    board.see(run)
    await asyncio.sleep(10)
    assert "silent" not in board.page.text(100)


async def test_a_card_that_could_not_be_sent_is_sent_at_the_next_look(board: Board) -> None:
    board.page.errors = {"say": [UnreachableError("away")]}
    run = await board.start()
    await asyncio.sleep(1)
    assert board.page.shown == {}
    board.see(run)
    await asyncio.sleep(1)
    assert len(board.page.shown) == 1


async def test_a_chat_that_takes_no_card_is_not_asked_again(board: Board) -> None:
    board.page.errors = {"say": [UndeliverableError("kicked")]}
    run = await board.start()
    for _ in range(3):
        await asyncio.sleep(1)
        board.see(run)
    assert board.page.shown == {}


async def test_a_card_that_is_gone_is_closed_all_the_same_fault_10(board: Board) -> None:
    run = await board.start()
    await asyncio.sleep(1)
    board.page.errors = {"edit": [MessageGoneError("gone")] * 2}
    board.place.progress(run.id, log=b"one\n")
    board.see(run)
    await asyncio.sleep(20)
    board.place.finish(run.id, report=Report(run.id, Phase.DONE))
    board.see(run)
    await asyncio.sleep(1)
    assert board.place.runs[run.id].marks.card_closed
    assert not board.page.errors["edit"]


def test_only_options_that_were_asked_for_and_do_not_apply_are_noted() -> None:
    run = Run(
        "k7f3q2ab",
        "k",
        Task("https://x/y", "task", memory="4Gi", cpu="2"),
        GROUP,
        state=None,  # type: ignore[arg-type]  # isn't looked at
        created_at=0.0,
        version="1",
    )
    assert ignored_notes(run, frozenset({"memory", "cpu", "image"})) == [
        "memory and cpu can't be set on this machine"
    ]
    assert ignored_notes(run, frozenset({"image"})) == []
    bare = replace(run, task=Task("https://x/y", "task"))
    assert ignored_notes(bare, frozenset({"memory"})) == []
