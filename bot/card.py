"""The text of the card: the one message that is edited as its Run moves. Pure: a Run in, markup out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.continuation import first_asked
from bot.explain import duration
from bot.invisible import invisible
from bot.log_lines import CacheUse
from bot.markup import Markup, bold, clean, code, italic, joined, lines, plain, quote, shortened
from bot.messages import asker, cache_words, dependencies_words, headline, target
from bot.remedy import GO_ON, Change, with_change
from bot.stack_words import stack_words
from runs.outcome import Outcome, Seen
from runs.run import Run, State, lineage
from sandbox.report import Phase

SILENT_SECONDS = 300
"""After so long without a line from the agent the card says that it is silent."""

SHORT_SECONDS = 3.0
"""A shorter time in a phase or in the queue isn't worth its place: a card may stand for seconds with it."""

PHASE_WORDS = {
    None: "starting",
    Phase.ENVIRONMENT: "starting",
    Phase.CLONE: "cloning",
    Phase.SECRETS: "decrypting secrets",
    Phase.SERVICES: "waiting for services",
    Phase.DEPENDENCIES: "getting dependencies",
    Phase.SETUP: "setting up",
    Phase.AGENT: "the agent is working",
    Phase.DELIVER: "pushing",
    Phase.DONE: "finishing",
}


HELD_WORDS = {
    Seen.UNSCHEDULABLE: "waiting for a machine with room",
    Seen.NO_MACHINE_FITS: "waiting for a machine that fits",
    Seen.IMAGE_PULL: "its image can't be pulled so far",
    Seen.IMAGE_REFUSED: "its image is refused so far",
    Seen.MISSING_SECRET: "a secret is missing so far",
    Seen.MISSING_KEY: "a secret's key is missing so far",
    Seen.SERVICE_NOT_READY: "waiting for services",
    Seen.SERVICE_FAILED: "a service doesn't start so far",
}
"""What is said in place of a phase while something keeps a Run from starting; what isn't here says "starting"."""


def doing_words(run: Run, phase: Phase | None) -> str:
    """Return what a Run does that is under way, its phase being known so far, or what keeps it from that."""
    return HELD_WORDS.get(run.held, PHASE_WORDS[phase]) if run.held else PHASE_WORDS[phase]


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a live Run beside itself: the last line of its log and its age, its phase and the time in it.

    `phase` None means that only its Report can tell, `phase_seconds` None that nobody saw the phase begin.
    `cache` is what the log says of the dependencies.
    """

    step: str = ""
    silent_seconds: float = 0.0
    phase: Phase | None = None
    phase_seconds: float | None = None
    cache: CacheUse | None = None


def card(run: Run, progress: Progress, now: float, notes: Sequence[str] = ()) -> Markup:
    """Return the text of the card of a Run as it stands; `notes` are remarks such as options that don't apply."""
    if run.outcome is not None:
        return _closed_card(run, run.outcome)
    task = quote(shortened(first_asked(run.task), 240))
    told = run.task.stack.notes if run.task.stack else ()
    remarks = [
        plain(invisible(run.task.prompt)),
        plain(shortened(stack_words(run.task), 160)),
        *(italic(shortened(note, 200)) for note in told),
        plain(_descent(run)),
        *(italic(note) for note in notes),
    ]
    if run.state is State.QUEUED:
        place = f"place {run.place}" if run.place else ""
        waited = now - run.created_at
        return lines(
            joined([plain("🕐 ") + bold("Waiting"), place, target(run)], " · "),
            task,
            f"for {duration(waited)}" if waited >= SHORT_SECONDS else "",
            *remarks,
            _identity(run),
        )
    phase = progress.phase or (run.report.phase if run.report else None)
    elapsed = duration(now - (run.started_at or run.created_at))
    doing = f"▶ {doing_words(run, phase)}"
    if (progress.phase_seconds or 0.0) >= SHORT_SECONDS:
        doing, elapsed = f"{doing} {duration(progress.phase_seconds or 0)}", f"{elapsed} in all"
    stopping = f"stopping, asked by {shortened(run.cancelled_by, 60)}" if run.cancelled_by else ""
    state = joined([plain("⚙️ ") + bold("Stopping" if stopping else "Running"), target(run)], " · ")
    where = joined([doing, elapsed, stopping], " · ")
    step: Markup = code(shortened(progress.step, 160)) if progress.step else Markup()
    silence = Markup()
    if progress.silent_seconds >= SILENT_SECONDS:
        silence = plain(f"🔇 silent for {duration(progress.silent_seconds)}")
    used = progress.cache
    cached = dependencies_words(run.report) or (
        cache_words(used.cache, used.seconds) if used else ""
    )
    return lines(state, task, where, step, silence, plain(cached), *remarks, _identity(run))


def step_of_log(tail: str) -> str:
    """Return the last line of a log's tail that says what goes on; our own phase lines and notes don't."""
    for line in reversed(clean(tail).split("\n")):
        text = line.strip(" │\t")
        if text and not text.startswith(("▶", "·")):
            return text
    return ""


def _identity(run: Run) -> Markup:
    return joined([code(run.id), asker(run)], " · ")


def _closed_card(run: Run, outcome: Outcome) -> Markup:
    took = duration((run.ended_at or run.created_at) - (run.started_at or run.created_at))
    return lines(
        headline(run, outcome),
        quote(shortened(first_asked(run.task), 240)),
        invisible(run.task.prompt),
        joined([took, code(run.id), asker(run)], " · "),
    )


def _descent(run: Run) -> str:
    """Return which Run this one goes on from, or does again and what otherwise."""
    of = lineage(run.key)
    if of is None:
        return ""
    if of.answers:
        return f"💬 goes on from {of.parent_id} with the answer"
    if of.change == GO_ON:
        return f"▶ goes on from {of.parent_id}"
    change = next((with_change(run.task, each) for each in Change if each.value == of.change), "")
    return ", ".join(filter(None, (f"🔁 {of.parent_id} once more", change)))
