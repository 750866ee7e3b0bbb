"""The card: one message per Run that is edited as the Run moves, and closed when it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.buttons import card_buttons
from bot.card import Progress, card, step_of_log
from bot.desk import Errands
from bot.incoming import Place
from bot.log_lines import CacheUse, cache_of, phase_of, rows_of, whole_words
from bot.marking import marked
from bot.outbox import UndeliverableError, UnreachableError
from bot.pace import Pace
from bot.speaker import Letter, MessageGoneError, Speaker
from runs.backend import Backend, BackendError, UnknownRun
from runs.run import Marks, Run, State
from sandbox.report import Phase
from sandbox.task import Task

log = logging.getLogger(__name__)

NEWS_SECONDS = 1.0
"""A new phase is shown sooner than one more second of the old one."""

LOOK_SECONDS = 1.0
"""So often it is looked for a new phase before the agent begins, where only the log tells it: phases are short until then.

The more Runs there are of that kind, the less often for each: one look a second in all.
"""

TAIL_BYTES = 4096

FAR_BYTES = 512 << 10
"""So far it is looked back once for the phase of a Run that was under way before this bot."""

_PREPARING = (
    None,
    Phase.ENVIRONMENT,
    Phase.CLONE,
    Phase.SECRETS,
    Phase.SERVICES,
    Phase.DEPENDENCIES,
    Phase.SETUP,
)

_UNSEEN = object()


@dataclass(slots=True)
class _Shown:
    """What a live card last showed, when it was edited, and since when the log's last step stands."""

    edited_at: float
    html: str = ""
    stage: object = None
    step: str = ""
    step_since: float = 0.0
    phase: object = _UNSEEN
    phase_since: float | None = None
    cache: CacheUse | None = None
    looked_at: float = 0.0
    looked_back: bool = False
    editing: bool = False


class Cards:
    """Opens, moves and closes the cards. `see` may be told of a Run any number of times.

    `clock` gives seconds since 1970. `note` may be set to what says a line about a Task, or nothing.
    """

    def __init__(
        self,
        backend: Backend,
        speaker: Speaker,
        errands: Errands,
        clock: Callable[[], float],
        pace: Pace,
    ) -> None:
        self._backend = backend
        self._speaker = speaker
        self._errands = errands
        self._clock = clock
        self._pace = pace
        self.note: Callable[[Task], str] = lambda _task: ""
        self._runs: dict[str, Run] = {}
        self._busy: set[str] = set()
        self._given_up: set[str] = set()
        self._shown: dict[str, _Shown] = {}
        self._preparing = 0
        self._something = asyncio.Event()

    def see(self, run: Run) -> None:
        """Take note of a Run's newest state, and open or close its card where that is due."""
        if run.ended:
            self._shown.pop(run.id, None)
            self._given_up.discard(run.id)
            due = run.marks.card_id is not None and not run.marks.card_closed
            if not due:
                self._runs.pop(run.id, None)
                return
        self._runs[run.id] = run
        self._something.set()
        if run.id in self._busy or run.id in self._given_up:
            return
        if run.ended:
            self._start(run.id, self._close)
        elif run.marks.card_id is None:
            self._start(run.id, self._open)

    async def run(self) -> None:
        """Move the cards of live Runs for ever; waits for nothing at all while there is none."""
        while True:
            live = [
                run
                for run in self._runs.values()
                if not run.ended and run.marks.card_id is not None
            ]
            if not live:
                self._something.clear()
                await self._something.wait()
            self._pace.note("cards", (run.origin.chat_id for run in live))
            self._preparing = sum(self._is_preparing(run) for run in live)
            for run in live:
                if self._due(run):
                    self._errands.run(self._move(run.id))
            await asyncio.sleep(0.5)

    def _start(self, run_id: str, work: Callable[[str], object]) -> None:
        self._busy.add(run_id)
        self._errands.run(self._guarded(run_id, work))

    async def _guarded(self, run_id: str, work: Callable[[str], object]) -> None:
        try:
            await work(run_id)  # type: ignore[misc]  # both kinds of work are coroutine functions
        except UndeliverableError as error:
            self._given_up.add(run_id)
            log.info("run %s has no card: %s", run_id, error)
        except BackendError as error:
            log.info("the card of run %s has to wait: %s", run_id, error)
            return
        finally:
            self._busy.discard(run_id)
        newest = self._runs.get(run_id)
        if newest is not None and newest.ended:
            self.see(newest)

    async def _open(self, run_id: str) -> None:
        # Read anew: what was seen may be older than a card that was opened meanwhile.
        run = await self._fresh(run_id)
        if run is None or run.ended or run.marks.card_id is not None:
            return
        place = Place(run.origin.chat_id, run.origin.thread_id)
        self._refuse_moved(place)
        if not run.origin.by_command_line:
            # Not waited for: the card comes sooner, and those of many commands in the order of these.
            self._errands.run(self._speaker.react(place, run.origin.message_id, "👀"))
        letter = self._letter(self._runs.get(run_id, run), Progress())
        card_id = await self._speaker.say(place, letter)
        try:
            self._refuse_moved(place)
        except UndeliverableError:
            await self._speaker.delete(place, card_id)
            raise
        # What stands there needs no edit: Telegram would refuse it, and count it all the same.
        self._shown[run_id] = _Shown(self._clock() - NEWS_SECONDS, letter.text.html())
        marked = await self._mark(
            run_id, lambda marks: replace(marks, card_id=marks.card_id or card_id)
        )
        if marked is not None and marked.marks.card_id != card_id:
            log.info("run %s: another bot opened a card meanwhile, ours goes", run_id)
            await self._speaker.delete(place, card_id)

    def _refuse_moved(self, place: Place) -> None:
        """Refuse a card whose number would be one of the supergroup that its chat became: it could never be edited."""
        if self._speaker.addresses.of(place.chat_id) != place.chat_id:
            raise UndeliverableError("its chat became a supergroup before")

    async def _close(self, run_id: str) -> None:
        run = self._runs[run_id]
        card_id = run.marks.card_id
        if card_id is None:
            return
        place = Place(run.origin.chat_id, run.origin.thread_id)
        try:
            await self._speaker.edit(place, card_id, lambda: self._letter(run, Progress()))
        except (MessageGoneError, UndeliverableError) as error:
            log.info("the card of run %s can't be closed: %s", run_id, error)
        await self._mark(run_id, lambda marks: replace(marks, card_closed=True))
        self._runs.pop(run_id, None)

    async def _fresh(self, run_id: str) -> Run | None:
        """Read a Run and take note of it; None when it was removed. Raises BackendError."""
        try:
            run = await self._backend.get(run_id)
        except UnknownRun:
            self._forget(run_id)
            return None
        self._runs[run_id] = run
        return run

    def _forget(self, run_id: str) -> None:
        self._runs.pop(run_id, None)
        self._shown.pop(run_id, None)
        self._given_up.discard(run_id)

    async def _mark(self, run_id: str, change: Callable[[Marks], Marks]) -> Run | None:
        run = await marked(self._backend, run_id, change)
        if run is None:
            self._forget(run_id)
        else:
            self._runs[run_id] = run
        return run

    def _due(self, run: Run) -> bool:
        """Say whether a Run has to be looked at, to edit its card or only for news of its phase."""
        now = self._clock()
        shown = self._shown.setdefault(run.id, _Shown(now - NEWS_SECONDS))
        if shown.editing or run.id in self._busy or run.id in self._given_up:
            return False
        if self._is_turn(run, shown):
            return True
        looks = self._is_preparing(run) and now - shown.edited_at >= NEWS_SECONDS
        return looks and now - shown.looked_at >= LOOK_SECONDS * max(1, self._preparing)

    def _is_turn(self, run: Run, shown: _Shown) -> bool:
        """Say whether a card may be edited: the more live cards in a chat, the slower each."""
        since = self._clock() - shown.edited_at
        if shown.stage != _stage(run):
            return since >= NEWS_SECONDS
        return since >= self._pace.pause_seconds(run.origin.chat_id, private=run.origin.private)

    def _is_preparing(self, run: Run) -> bool:
        """Say whether a Run is in one of the short phases before its agent begins, as far as is known."""
        shown = self._shown.get(run.id)
        if run.state is not State.RUNNING or run.report is None or shown is None:
            return False
        return shown.phase in (_UNSEEN, *_PREPARING)

    async def _move(self, run_id: str) -> None:
        run = self._runs.get(run_id)
        shown = self._shown.get(run_id)
        if run is None or shown is None or run.marks.card_id is None:
            return
        shown.editing = True
        before, looks_only = shown.phase, not self._is_turn(run, shown)
        try:
            progress = await self._progress(run, shown)
            if looks_only and shown.phase is before:
                return
            letter = self._letter(run, progress)
            if letter.text.html() != shown.html:
                place = Place(run.origin.chat_id, run.origin.thread_id)
                await self._speaker.edit(
                    place, run.marks.card_id, lambda: self._newest(run, progress)
                )
                shown.html = letter.text.html()
            shown.stage = _stage(run)
        except UnknownRun:
            self._forget(run_id)
        except MessageGoneError:
            # Somebody deleted the card: the completion still comes as a message of its own.
            self._given_up.add(run_id)
        except (UndeliverableError, UnreachableError, BackendError) as error:
            log.info("the card of run %s wasn't moved: %s", run_id, error)
        finally:
            shown.editing = False
            shown.looked_at = self._clock()
            if not looks_only or shown.phase is not before:
                shown.edited_at = shown.looked_at

    def _newest(self, run: Run, progress: Progress) -> Letter:
        """Compose at the turn: a Run that ended while its card waited shows its end."""
        return self._letter(self._runs.get(run.id, run), progress)

    async def _progress(self, run: Run, shown: _Shown) -> Progress:
        if run.state is State.QUEUED:
            return Progress()
        tail = await self._backend.read_log(run.id, tail_bytes=TAIL_BYTES)
        now = self._clock()
        text = whole_words(tail, TAIL_BYTES).decode("utf-8", "replace")
        step = step_of_log(text)
        if step != shown.step or not shown.step_since:
            shown.step, shown.step_since = step, now
        phase = await self._phase(run, shown, text.split("\n"), whole=len(tail) < TAIL_BYTES)
        if phase is not shown.phase:
            begun = shown.phase is not _UNSEEN and phase is not Phase.ENVIRONMENT
            shown.phase_since = now if begun else None
            shown.phase = phase
        return Progress(
            step,
            now - shown.step_since,
            phase,
            None if shown.phase_since is None else now - shown.phase_since,
            shown.cache,
        )

    async def _phase(
        self, run: Run, shown: _Shown, rows: list[str], *, whole: bool
    ) -> Phase | None:
        """Return the phase that a Run is known to be in: on a cluster there is no Report before the end.

        `rows` are the log's last lines, and `whole` says that they are all. In a long log no heading is near its end.
        """
        before = shown.phase if isinstance(shown.phase, Phase) else None
        reported = run.report.phase if run.report else None
        phase = _furthest(before, reported, phase_of(rows))
        if phase in _PREPARING and not whole and not shown.looked_back:
            shown.looked_back = True
            rows = rows_of(await self._backend.read_log(run.id, tail_bytes=FAR_BYTES))
            phase = _furthest(phase, phase_of(rows))
        shown.cache = shown.cache or cache_of(rows)
        return phase

    def _letter(self, run: Run, progress: Progress) -> Letter:
        ignored = ignored_notes(run, self._backend.ignored_options)
        notes = [*ignored, *filter(None, [self.note(run.task)])]
        text = card(run, progress, self._clock(), notes)
        reply_to = None if run.origin.by_command_line else run.origin.message_id
        return Letter(text, card_buttons(run), reply_to=reply_to, silent=True)


def _furthest(*phases: Phase | None) -> Phase | None:
    return max((phase for phase in phases if phase), key=list(Phase).index, default=None)


def _stage(run: Run) -> object:
    """Return what makes an edit urgent when it changes."""
    phase = run.report.phase if run.report else None
    return (run.state, run.place, run.held, phase, run.cancelled_by)


def ignored_notes(run: Run, ignored: frozenset[str]) -> list[str]:
    """Say which options of the Task this place can't apply."""
    given = {
        "memory": run.task.memory,
        "cpu": run.task.cpu,
        "image": run.task.image,
        "services": run.task.services or None,
    }
    names = [name for name, value in given.items() if value is not None and name in ignored]
    return [f"{' and '.join(names)} can't be set on this machine"] if names else []
