"""What every Backend has to do. A test file subclasses BackendContract and gives it a place."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from runs.backend import Backend, Limits, Moved, Refused, UnknownRun
from runs.outcome import Ending, Seen
from runs.run import Marks, Origin, Run, State, message_key, run_id
from sandbox.report import Cause
from sandbox.task import Task

LIMIT_SECONDS = 120.0
"""How long a wait may take before the test fails; nothing is asserted about time."""

HOSTILE = json.loads((Path(__file__).parent.parent / "data" / "hostile-strings.json").read_text())


class Place(Protocol):
    """Where the Backends of one test share their Runs.

    The tasks: "quick" ends by itself with PUSHED, "failing" with FAILED and AGENT_FAILED, "nothing" with NOTHING_CHANGED;
    "slow" goes on until it is cancelled. Each prints something.
    """

    def make(self, limits: Limits = ...) -> Backend:
        """Return a new Backend object, as a restarted bot would. The place closes it."""
        ...

    def task(self, kind: str) -> Task:
        """Return the Task of a kind."""
        ...


def origin(message_id: int = 1, person_id: int = 7) -> Origin:
    return Origin(-100123, message_id, person_id, "Ada", thread_id=5)


async def start(backend: Backend, task: Task, number: int = 1, person_id: int = 7) -> Run:
    """Start the Run of a message."""
    return await backend.start(message_key(-100123, number), task, origin(number, person_id))


async def reached(
    backend: Backend, run: Run, condition: Callable[[Run], bool], seconds: float = LIMIT_SECONDS
) -> Run:
    """Follow the changes until a Run is as wanted."""
    async with asyncio.timeout(seconds), contextlib.aclosing(backend.changes()) as changes:
        async for seen in changes:
            if seen.id == run.id and condition(seen):
                return seen
    raise AssertionError("the changes ended")


async def ended(backend: Backend, run: Run, seconds: float = LIMIT_SECONDS) -> Run:
    return await reached(backend, run, lambda seen: seen.ended, seconds)


async def without_reports(backend: Backend) -> list[Run]:
    """List the Runs without their Reports, which a sandbox that works writes anew whenever it likes."""
    return [replace(run, report=None) for run in await backend.list_runs()]


async def stopped(backend: Backend, *runs: Run) -> None:
    """End slow Runs, so that a test leaves nothing behind."""
    for run in runs:
        await backend.cancel(run.id, "the test")
        await ended(backend, run)


class BackendContract:
    """The suite. `place` is a fixture of the subclass's file."""

    async def test_a_run_goes_from_start_to_its_outcome(self, place: Place) -> None:
        backend = place.make()
        run = await start(backend, place.task("quick"))
        assert run.id == run_id(message_key(-100123, 1))
        assert run.task == place.task("quick")
        assert run.origin == origin()
        run = await ended(backend, run)
        assert run.outcome is not None
        assert run.outcome.ending is Ending.PUSHED
        assert run.report is not None
        assert run.report == run.outcome.report
        assert run.started_at is not None
        assert run.ended_at is not None
        assert run.created_at <= run.started_at <= run.ended_at
        assert run.place is None
        assert not run.told

    @pytest.mark.parametrize(
        ("kind", "ending", "cause"),
        [
            ("failing", Ending.FAILED, Cause.AGENT_FAILED),
            ("nothing", Ending.NOTHING_CHANGED, None),
        ],
    )
    async def test_an_outcome_says_how_the_task_ended(
        self, place: Place, kind: str, ending: Ending, cause: Cause | None
    ) -> None:
        backend = place.make()
        run = await ended(backend, await start(backend, place.task(kind)))
        assert run.outcome is not None
        assert (run.outcome.ending, run.outcome.cause) == (ending, cause)

    async def test_the_same_key_meets_its_own_run_fault_1(self, place: Place) -> None:
        backend = place.make()
        runs = await asyncio.gather(*(start(backend, place.task("quick")) for _ in range(5)))
        assert len({run.id for run in runs}) == 1
        assert len({run.created_at for run in runs}) == 1
        assert len(await backend.list_runs()) == 1

    async def test_the_same_key_meets_its_ended_run_after_a_restart_fault_1(
        self, place: Place
    ) -> None:
        first = place.make()
        run = await ended(first, await start(first, place.task("quick")))
        await first.close()
        again = await start(place.make(), place.task("slow"))
        assert again == run

    async def test_a_new_object_over_the_same_place_sees_everything(self, place: Place) -> None:
        first = place.make()
        slow = await start(first, place.task("slow"), 1)
        quick = await ended(first, await start(first, place.task("quick"), 2))
        quick = await first.mark(quick, Marks(card_id=9))
        await first.close()
        second = place.make()
        assert [run.id for run in await second.list_runs()] == [slow.id, quick.id]
        assert await second.get(quick.id) == quick
        assert await second.read_log(quick.id)
        await stopped(second, slow)

    async def test_all_objects_over_a_place_say_the_same_of_where_it_is(self, place: Place) -> None:
        assert await place.make().where() == await place.make().where() != ""

    async def test_a_cancelled_run_ends_with_the_name_of_who_asked(self, place: Place) -> None:
        backend = place.make()
        run = await start(backend, place.task("slow"))
        await reached(backend, run, lambda seen: seen.report is not None)
        assert (await backend.cancel(run.id, "Ada")).cancelled_by == "Ada"
        assert (await backend.cancel(run.id, "Bob")).cancelled_by == "Ada"
        run = await ended(backend, run)
        assert run.cancelled_by == "Ada"
        assert run.outcome is not None
        assert run.outcome.ending is Ending.CANCELLED
        assert run.report is not None

    async def test_a_run_cancelled_right_after_its_start_ends(self, place: Place) -> None:
        backend = place.make()
        run = await start(backend, place.task("slow"))
        await backend.cancel(run.id, "Ada")
        run = await ended(backend, run)
        assert run.outcome is not None
        assert run.outcome.ending is Ending.CANCELLED

    async def test_a_queued_run_that_is_cancelled_ends_at_once_and_never_starts(
        self, place: Place
    ) -> None:
        backend = place.make(Limits(runs=1))
        slow = await start(backend, place.task("slow"), 1)
        queued = await start(backend, place.task("quick"), 2)
        queued = await backend.cancel(queued.id, "Ada")
        assert queued.outcome is not None
        assert queued.outcome.ending is Ending.CANCELLED
        await stopped(backend, slow)
        third = await ended(backend, await start(backend, place.task("quick"), 3))
        assert third.outcome is not None
        assert third.outcome.ended_well
        assert (await backend.get(queued.id)).started_at is None
        assert await backend.read_log(queued.id) == b""

    async def test_cancelling_an_ended_run_changes_nothing(self, place: Place) -> None:
        backend = place.make()
        run = await ended(backend, await start(backend, place.task("quick")))
        assert await backend.cancel(run.id, "Ada") == run

    async def test_an_unknown_run_is_said_to_be_unknown_fault_42(self, place: Place) -> None:
        backend = place.make(Limits(runs=0))
        known = await start(backend, place.task("quick"))
        for id_of_run in ("aaaaaaaa", "", "../../etc", "a/b", "AAAAAAAA", "ä" * 8, "aaaaaaaa\n"):
            unknown = replace(known, id=id_of_run)
            for call in (
                backend.get(id_of_run),
                backend.cancel(id_of_run, "Ada"),
                backend.read_log(id_of_run),
                backend.mark(unknown, Marks()),
                backend.acknowledge(unknown, 1.0),
            ):
                with pytest.raises(UnknownRun):
                    await call
            assert await backend.clean(id_of_run)
        assert await backend.list_runs() == [known]

    async def test_marks_are_replaced_only_by_who_read_the_last_ones(self, place: Place) -> None:
        backend, other = place.make(), place.make()
        read = await start(backend, place.task("quick"))
        marked = await backend.mark(read, Marks(card_id=4))
        assert marked.marks == Marks(card_id=4)
        assert marked.version != read.version
        with pytest.raises(Moved):
            await other.mark(read, Marks(card_id=5))
        again = await other.mark(await other.get(read.id), Marks(card_id=4, claimed_at=2.5))
        assert (await backend.get(read.id)).marks == again.marks == Marks(4, 2.5)
        await ended(backend, read)

    async def test_of_many_who_mark_at_once_one_wins_fault_27(self, place: Place) -> None:
        backends = [place.make() for _ in range(4)]
        run = await ended(backends[0], await start(backends[0], place.task("quick")))
        results = await asyncio.gather(
            *(
                backend.mark(run, Marks(claimed_at=float(number)))
                for number, backend in enumerate(backends, 1)
            ),
            return_exceptions=True,
        )
        winners = [result for result in results if isinstance(result, Run)]
        assert len(winners) == 1
        assert all(isinstance(result, (Run, Moved)) for result in results)
        assert (await backends[0].get(run.id)).marks == winners[0].marks

    async def test_acknowledging_keeps_the_other_marks_and_never_says_moved(
        self, place: Place
    ) -> None:
        backend = place.make()
        old = await ended(backend, await start(backend, place.task("quick")))
        await backend.mark(old, Marks(card_id=4, claimed_at=2.0))
        told = await backend.acknowledge(old, 3.0)
        assert told.marks == Marks(card_id=4, claimed_at=2.0, told_at=3.0)
        assert (await backend.acknowledge(old, 9.0)).marks == told.marks

    async def test_clean_removes_only_what_ended_and_was_told_fault_43(self, place: Place) -> None:
        backend = place.make()
        slow = await start(backend, place.task("slow"), 1)
        quick = await ended(backend, await start(backend, place.task("quick"), 2))
        await backend.acknowledge(slow, 1.0)
        assert not await backend.clean(slow.id)
        assert not await backend.clean(quick.id)
        await backend.acknowledge(quick, 1.0)
        assert await backend.clean(quick.id)
        assert await backend.clean(quick.id)
        with pytest.raises(UnknownRun):
            await backend.read_log(quick.id)
        assert [run.id for run in await backend.list_runs()] == [slow.id]
        await stopped(backend, slow)

    async def test_changes_tell_what_exists_and_then_what_happens(self, place: Place) -> None:
        backend = place.make()
        old = await ended(backend, await start(backend, place.task("quick"), 1))
        told: list[Run] = []
        async with asyncio.timeout(LIMIT_SECONDS):
            async with contextlib.aclosing(backend.changes()) as changes:
                told.append(await anext(changes))
                new = await start(backend, place.task("quick"), 2)
                while not (told[-1].id == new.id and told[-1].ended):
                    told.append(await anext(changes))
                marked = await backend.mark(await backend.get(old.id), Marks(card_id=3))
                while told[-1] != marked:
                    told.append(await anext(changes))
        assert told[0] == old

    async def test_everybody_who_follows_the_changes_sees_the_end(self, place: Place) -> None:
        backend = place.make()
        run = await start(backend, place.task("quick"))
        both = await asyncio.gather(ended(backend, run), ended(place.make(), run))
        assert both[0] == both[1]

    async def test_changes_end_when_the_object_is_closed(self, place: Place) -> None:
        backend = place.make()

        async def follow(changes: AsyncIterator[Run]) -> int:
            return len([run async for run in changes])

        following = asyncio.create_task(follow(backend.changes()))
        await asyncio.sleep(0)
        await backend.close()
        async with asyncio.timeout(LIMIT_SECONDS):
            assert await following == 0

    async def test_a_log_is_read_whole_or_from_its_end(self, place: Place) -> None:
        backend = place.make()
        run = await ended(backend, await start(backend, place.task("quick")))
        log = await backend.read_log(run.id)
        assert len(log) > 4
        assert await backend.read_log(run.id, tail_bytes=4) == log[-4:]
        assert await backend.read_log(run.id, tail_bytes=len(log) + 99) == log
        assert await backend.read_log(run.id, tail_bytes=0) == b""

    async def test_a_service_that_is_not_beside_a_run_has_no_log(self, place: Place) -> None:
        backend = place.make()
        run = await ended(backend, await start(backend, place.task("quick")))
        with pytest.raises(Refused):
            await backend.read_log(run.id, service="no-such-service")
        with pytest.raises(UnknownRun):
            await backend.read_log("22222222", service="postgres")
        assert "no-such-service" not in await backend.services(run.id)
        with pytest.raises(UnknownRun):
            await backend.services("22222222")

    async def test_over_the_limit_runs_wait_in_order_and_start_by_themselves(
        self, place: Place
    ) -> None:
        backend = place.make(Limits(runs=1))
        first = await start(backend, place.task("slow"), 1)
        second = await start(backend, place.task("slow"), 2)
        third = await start(backend, place.task("quick"), 3)
        assert [first.state, second.state, third.state] == [
            State.RUNNING,
            State.QUEUED,
            State.QUEUED,
        ]
        assert [first.place, second.place, third.place] == [None, 1, 2]
        await backend.cancel(first.id, "Ada")
        second = await reached(backend, second, lambda run: run.state is State.RUNNING)
        assert (await backend.get(third.id)).place == 1
        await backend.cancel(second.id, "Ada")
        third = await ended(backend, third)
        assert third.outcome is not None
        assert third.outcome.ending is Ending.PUSHED

    async def test_a_person_at_the_limit_is_overtaken_fault_44(self, place: Place) -> None:
        backend = place.make(Limits(runs_per_person=1))
        first = await start(backend, place.task("slow"), 1, person_id=7)
        waiting = await start(backend, place.task("slow"), 2, person_id=7)
        other = await start(backend, place.task("quick"), 3, person_id=8)
        assert waiting.state is State.QUEUED
        assert waiting.place == 1
        assert (await ended(backend, other)).outcome is not None
        assert (await backend.get(waiting.id)).state is State.QUEUED
        await stopped(backend, waiting, first)

    async def test_a_run_that_waited_too_long_ends_fault_44(self, place: Place) -> None:
        backend = place.make(Limits(runs=1))
        slow = await start(backend, place.task("slow"), 1)
        queued = await start(backend, place.task("quick"), 2)
        impatient = place.make(Limits(runs=1, queue_seconds=0.001))
        async with asyncio.timeout(LIMIT_SECONDS):
            while not queued.ended:
                await impatient.sweep()
                queued = await impatient.get(queued.id)
        assert queued.outcome is not None
        assert queued.outcome.cause is Seen.WAITED_TOO_LONG
        assert queued.outcome.ending is Ending.FAILED
        assert queued.started_at is None
        await stopped(backend, slow)

    async def test_sweeping_again_and_again_changes_nothing(self, place: Place) -> None:
        backend = place.make(Limits(runs=1))
        slow = await start(backend, place.task("slow"), 1)
        await reached(backend, slow, lambda seen: seen.report is not None)
        queued = await start(backend, place.task("quick"), 2)
        before = await without_reports(backend)
        for _ in range(3):
            await backend.sweep()
        assert await without_reports(backend) == before
        await stopped(backend, queued, slow)

    async def test_texts_come_back_as_they_were_fault_40(self, place: Place) -> None:
        first = place.make(Limits(runs=0))
        texts = [text.replace("\0", "") or "-" for text in HOSTILE]
        for number, text in enumerate(texts):
            asked = replace(origin(number), person_name=text)
            task = replace(place.task("quick"), prompt=text, repo_name=text)
            await first.start(f"text:{number}:{text}", task, asked)
        await first.close()
        second = place.make(Limits(runs=0))
        found = {run.key: run for run in await second.list_runs()}
        for number, text in enumerate(texts):
            run = found[f"text:{number}:{text}"]
            assert (run.task.prompt, run.task.repo_name, run.origin.person_name) == (text,) * 3
