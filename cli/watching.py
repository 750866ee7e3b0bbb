"""A Run as it goes on: lines that are drawn over in a terminal, a line for each phase elsewhere."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bot.card import PHASE_WORDS, step_of_log
from bot.explain import duration, is_proved_by_log
from bot.log_lines import phase_of, whole_words
from cli.cluster import Cluster
from cli.exits import Exit
from cli.run_words import result, values
from cli.screen import Screen, clean
from runs.backend import BackendError, Unavailable, UnknownRun
from runs.outcome import Ending, Outcome, Seen
from runs.recorded import Recorded
from runs.run import Run, State
from sandbox.report import Phase

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.5
TAIL_BYTES = 8 << 10
YOUNG_SECONDS = 15.0
CARD_SECONDS = 3.0
"""So long a bot may take for the card of a Run that has just been made."""

PROOF_BYTES = 256 << 10
"""So much of a log's end is looked at for the lines that prove a failure."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is shown of a Run that goes on."""

    run: Run
    phase: Phase | None = None
    step: str = ""

    @property
    def words(self) -> str:
        """Return in a few words what goes on."""
        if self.run.state is State.QUEUED:
            return f"waiting, place {self.run.place}" if self.run.place else "waiting"
        if self.run.cancelled_by:
            return f"stopping, asked by {self.run.cancelled_by}; what it has is pushed first"
        return PHASE_WORDS[self.phase]


async def watch(run: Run, cluster: Cluster, screen: Screen) -> Run:
    """Show how a Run goes on until it has ended; return it with its end.

    Where the cluster doesn't answer, that is said once, and it goes on when it does. Its end is written down, and where
    no bot has put a card on it, it counts as told: the one who asked sees it here.
    """
    away = False
    moment = Moment(run)
    with _shown(screen) as show:
        while not moment.run.ended:
            show(moment)
            await asyncio.sleep(LOOK_SECONDS)
            try:
                moment = await _look(moment, cluster)
                away = False
            except UnknownRun:
                moment = Moment(_deleted(moment.run))
            except Unavailable as error:
                if not away:
                    screen.note(f"{str(error).rstrip('.')}. It is asked again.")
                away = True
    return await acknowledged(moment.run, cluster)


async def acknowledged(run: Run, cluster: Cluster, heard: bytes = b"") -> Run:
    """Keep the log and the Record, and note that who watched knows the end: as a bot would. `heard` is the log as it came.

    Where one is there, it has put a card on the Run, and does all this itself. A Run of the chat keeps its log, and stays
    untold: a bot that is away owes the chat its end.
    """
    try:
        run = await _when_a_bot_had_time(run, cluster)
    except BackendError:
        return run
    if run.marks.card_id is not None:
        return run
    recorded = Recorded(cluster.backend, cluster.store, time.time)
    try:
        await _keep_log(run, cluster, heard)
        if run.told or not run.origin.by_command_line:
            return run
        await recorded.note(run)
        return await recorded.acknowledge(run, time.time())
    except (BackendError, OSError) as error:
        logger.info("run %s can't be kept: %s", run.id, error)
        return run  # its time to live, set at the start, counts all the same


async def _keep_log(run: Run, cluster: Cluster, heard: bytes) -> None:
    """Keep the log where nobody has yet: of two who saw the end, one may have no log any more, and tell it first."""
    try:
        await cluster.store.read_log(run.id, tail_bytes=1)
    except UnknownRun:
        if printed := await cluster.backend.read_log(run.id) or heard:
            await cluster.store.write_log(run.id, printed)


async def _when_a_bot_had_time(run: Run, cluster: Cluster) -> Run:
    """Return a Run as it is when a bot would have put a card on it: one that ended at once may be faster."""
    young = time.time() - run.created_at < YOUNG_SECONDS
    if run.told or run.marks.card_id is not None or not young:
        return run
    await asyncio.sleep(CARD_SECONDS)
    return await cluster.backend.tend(run.id)


async def told(run: Run, cluster: Cluster, screen: Screen) -> Exit:
    """Print how a Run ended; return the exit code that says whether it ended well."""
    tail = ""
    if run.outcome is not None and is_proved_by_log(run.outcome):
        tail = await _tail(run, cluster)
    screen.markup(result(run, tail).mapped(cluster.redactor.text))
    screen.json(values(run))
    return Exit.OK if run.outcome is not None and run.outcome.ended_well else Exit.RUN_FAILED


async def _look(before: Moment, cluster: Cluster) -> Moment:
    run = await cluster.backend.tend(before.run.id)
    if run.ended or run.state is State.QUEUED:
        return Moment(run)
    printed = await cluster.backend.read_log(run.id, tail_bytes=TAIL_BYTES)
    text = cluster.redactor.text(whole_words(printed, TAIL_BYTES).decode("utf-8", "replace"))
    phases = [before.phase, phase_of(text.split("\n"))]
    # In a long log no heading is near its end.
    phase = max((phase for phase in phases if phase), key=list(Phase).index, default=None)
    return Moment(run, phase, step_of_log(text))


async def _tail(run: Run, cluster: Cluster) -> str:
    for read in (cluster.backend.read_log, cluster.store.read_log):
        try:
            printed = await read(run.id, tail_bytes=PROOF_BYTES)
        except BackendError:
            continue
        if printed:
            end = whole_words(bytes(printed), PROOF_BYTES)
            return bytes(cluster.redactor.log(end)).decode("utf-8", "replace")
    return ""


def _deleted(run: Run) -> Run:
    outcome = Outcome(Ending.FAILED, run.report, Seen.JOB_DELETED)
    return replace(run, state=State.ENDED, ended_at=time.time(), outcome=outcome)


@contextmanager
def _shown(screen: Screen) -> Iterator[Callable[[Moment], None]]:
    if screen.is_live:
        with _drawn(screen) as show:
            yield show
        return
    said = ""

    def say(moment: Moment) -> None:
        nonlocal said
        if moment.words != said:
            said = moment.words
            screen.say(f"▶ {said}")

    yield say


@contextmanager
def _drawn(screen: Screen) -> Iterator[Callable[[Moment], None]]:
    from rich.live import Live
    from rich.text import Text

    def picture(moment: Moment) -> Text:
        run = moment.run
        elapsed = duration(time.time() - (run.started_at or run.created_at))
        lines = [
            Text(f"⚙️  {run.task.repo_name} · {run.id} · {elapsed}", style="bold"),
            Text(f"▶ {moment.words}"),
            Text(f"  {clean(moment.step)}", style="dim"),
        ]
        for line in lines:
            line.truncate(screen.console.width, overflow="ellipsis")
        return Text("\n").join(lines)

    with Live(console=screen.console, transient=True, auto_refresh=False) as live:
        yield lambda moment: live.update(picture(moment), refresh=True)
