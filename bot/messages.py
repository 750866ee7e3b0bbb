"""Every sentence that tells of a Run: the card that moves, the completion, the digest.

Pure: Runs in, markup out. Why a Run failed is in `bot/explain.py`, the answers to commands in `bot/answers.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.explain import duration, explain, is_proved_by_log
from bot.invisible import invisible
from bot.links import branch_url, pull_request_link
from bot.markup import (
    MESSAGE_UNITS,
    Markup,
    bold,
    clean,
    code,
    italic,
    joined,
    lines,
    link,
    paragraphs,
    plain,
    pre,
    quote,
    shortened,
)
from bot.summary import summary
from runs.outcome import Ending, Outcome
from runs.run import Origin, Run, State, retried
from sandbox.proof import narrowed, proving_lines, tells_of_failure
from sandbox.report import Phase, Report

SILENT_SECONDS = 300
"""After so long without a line from the agent the card says that it is silent."""

PROVING_LINES = 15
ROW_CHARACTERS = 120
"""Three lines of a phone."""

ERROR_CHARACTERS = 200

SUMMARY_UNITS = 1800

ICONS = {
    Ending.PUSHED: "✅",
    Ending.NOTHING_CHANGED: "⚪",
    Ending.FINISHED: "☑️",
    Ending.NOT_PUSHED: "⚠️",
    Ending.CANCELLED: "⏹",
    Ending.FAILED: "❌",
}

HEADLINES = {
    Ending.PUSHED: "Done",
    Ending.NOTHING_CHANGED: "Done, nothing changed",
    Ending.FINISHED: "Finished",
    Ending.NOT_PUSHED: "Not pushed",
    Ending.CANCELLED: "Stopped",
    Ending.FAILED: "Failed",
}

PHASE_WORDS = {
    None: "starting",
    Phase.ENVIRONMENT: "starting",
    Phase.CLONE: "cloning",
    Phase.AGENT: "the agent works",
    Phase.DELIVER: "pushing",
    Phase.DONE: "done",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a live Run beside itself: the last line of its log and its age, its phase and the time in it.

    `phase` None means that only its Report can tell, `phase_seconds` None that nobody saw the phase begin.
    """

    step: str = ""
    silent_seconds: float = 0.0
    phase: Phase | None = None
    phase_seconds: float | None = None


def card(run: Run, progress: Progress, now: float, notes: Sequence[str] = ()) -> Markup:
    """Return the text of the card of a Run as it stands; `notes` are remarks such as options that don't apply."""
    if run.outcome is not None:
        return _closed_card(run, run.outcome)
    task = quote(shortened(run.task.prompt, 240))
    parent = retried(run.key)
    again = f"🔁 {parent[0]} once more" if parent else ""
    services = ", ".join(run.task.services or ())
    remarks = [
        plain(invisible(run.task.prompt)),
        plain(f"with {shortened(services, 120)}") if services else Markup(),
        plain(again),
        *(italic(note) for note in notes),
    ]
    if run.state is State.QUEUED:
        place = f"place {run.place}" if run.place else ""
        waited = duration(now - run.created_at)
        return lines(
            joined([plain("🕐 ") + bold("Waiting"), place, target(run)], " · "),
            task,
            f"since {waited}",
            *remarks,
            code(run.id),
        )
    phase = progress.phase or (run.report.phase if run.report else None)
    elapsed = duration(now - (run.started_at or run.created_at))
    doing = f"▶ {PHASE_WORDS[phase]}"
    if progress.phase_seconds is not None:
        doing, elapsed = f"{doing} {duration(progress.phase_seconds)}", f"{elapsed} in all"
    stopping = f"stopping, asked by {shortened(run.cancelled_by, 60)}" if run.cancelled_by else ""
    state = joined([plain("⚙️ ") + bold("Stopping" if stopping else "Running"), target(run)], " · ")
    where = joined([doing, elapsed, stopping], " · ")
    step: Markup = code(shortened(progress.step, 160)) if progress.step else Markup()
    silence = Markup()
    if progress.silent_seconds >= SILENT_SECONDS:
        silence = plain(f"🔇 silent for {duration(progress.silent_seconds)}")
    return lines(state, task, where, step, silence, *remarks, code(run.id))


def completion(run: Run, log_tail: str = "") -> Markup:
    """Return the message that says how a Run ended; `log_tail` is the end of the log that has to prove a failure."""
    outcome = run.outcome
    if outcome is None:
        raise ValueError(f"run {run.id} hasn't ended")
    headline = _headline(run, outcome)
    report = outcome.report
    facts = lines(
        _work(run, report),
        _pull_request(report),
        _numbers(run, report),
        _denied(report),
        _remark(report),
    )
    identity = code(run.id)
    if outcome.ending is Ending.FINISHED:
        proof = _last_lines(log_tail)
        said = lines(_NO_REPORT, pre(proof) if proof else Markup())
        return paragraphs(headline, said, lines(facts, identity)).cut()
    if outcome.ended_well:
        said = summary(report.summary if report else "", SUMMARY_UNITS)
        return paragraphs(headline, said, lines(facts, identity)).cut()
    if outcome.ending is Ending.CANCELLED:
        return paragraphs(headline, lines(facts, identity)).cut()
    words = explain(outcome, run.task)
    proof = _proof(outcome, log_tail)
    reached = _REACHED.get(report.phase, "") if report else ""
    return paragraphs(
        lines(headline, words.sentence, reached),
        pre(proof) if proof else Markup(),
        plain(f"➜ {words.advice}"),
        lines(facts, identity),
    ).cut()


def digest(runs: Sequence[Run]) -> Markup:
    """Return one message for many Runs that ended at about the same time, two or three lines each.

    Each gets an equal share of the message, so that every one is in it.
    """
    rows = []
    share = MESSAGE_UNITS // max(1, len(runs)) - 4
    for run in runs:
        if run.outcome is None:
            raise ValueError(f"run {run.id} hasn't ended")
        report = run.outcome.report
        head = joined([ICONS[run.outcome.ending], target(run), code(run.id)], " ")
        if run.outcome.ended_well:
            said = shortened(report.summary if report else _NO_REPORT, 100)
            row = lines(head, _branch_line(run, report), plain(said))
        elif run.outcome.ending is Ending.CANCELLED:
            row = lines(head, "stopped", _branch_line(run, report))
        else:
            row = lines(head, explain(run.outcome, run.task).sentence, _branch_line(run, report))
        rows.append(row.cut(share))
    return paragraphs(bold(f"{len(runs)} runs ended"), *rows).cut()


def bare(runs: Sequence[Run]) -> Markup:
    """Return what can be said of any Run that ended, whatever is wrong with the rest of it."""
    rows = [
        joined([ICONS[run.outcome.ending], code(run.id), HEADLINES[run.outcome.ending]], " ")
        for run in runs
        if run.outcome is not None
    ]
    return lines(*rows, "More can't be shown here: /logs with an id has the rest.").cut()


def told_elsewhere(text: Markup, origin: Origin) -> Markup:
    """Return a completion for the home chat, since the chat that asked for it refuses messages."""
    note = f"Asked for {_where(origin)}, where I can't write any more:"
    return paragraphs(italic(note), text).cut()


def home_notice(runs: Sequence[Run]) -> Markup:
    """Return what the home chat hears of Runs of other chats: how each ended, for whom, and where its work is.

    What was asked and what the agent said stays where it was asked.
    """
    rows = []
    for run in runs:
        if run.outcome is None:
            raise ValueError(f"run {run.id} hasn't ended")
        report = run.outcome.report
        by = "" if run.origin.private else f"by {_person(run.origin)}"
        row = lines(
            _headline(run, run.outcome),
            "" if run.outcome.cause is None else explain(run.outcome, run.task).sentence,
            _branch_line(run, report),
            pull_request_link(report.pull_request) if report and report.pull_request else "",
            joined([joined([f"asked for {_where(run.origin)}", by], " "), code(run.id)], " · "),
        )
        rows.append(row.cut(MESSAGE_UNITS // len(runs) - 4))
    return paragraphs(*rows).cut()


def _where(origin: Origin) -> str:
    return f"in private by {_person(origin)}" if origin.private else f"in chat {origin.chat_id}"


def _person(origin: Origin) -> str:
    return shortened(origin.person_name, 60) or str(origin.person_id)


def target(run: Run) -> Markup:
    """Return repo@branch as people call it."""
    name = run.task.repo_name or run.task.repo_url
    return plain(
        shortened(name, 80) + (f"@{shortened(run.task.branch, 60)}" if run.task.branch else "")
    )


def step_of_log(tail: str) -> str:
    """Return the last line of a log's tail that says what goes on; our own phase lines and notes don't."""
    for line in reversed(clean(tail).split("\n")):
        text = line.strip(" │\t")
        if text and not text.startswith(("▶", "·")):
            return text
    return ""


def _closed_card(run: Run, outcome: Outcome) -> Markup:
    took = duration((run.ended_at or run.created_at) - (run.started_at or run.created_at))
    return lines(
        _headline(run, outcome),
        quote(shortened(run.task.prompt, 240)),
        invisible(run.task.prompt),
        joined([took, code(run.id)], " · "),
    )


def _headline(run: Run, outcome: Outcome) -> Markup:
    words = HEADLINES[outcome.ending]
    if outcome.ending is Ending.CANCELLED and run.cancelled_by:
        words = f"Stopped by {shortened(run.cancelled_by, 60)}"
    return joined([plain(f"{ICONS[outcome.ending]} ") + bold(words), target(run)], " · ")


def _work(run: Run, report: Report | None) -> Markup:
    if report is None or not report.branch:
        return Markup()
    size = plain(diffstat(report)) if report.files else Markup()
    return lines(_branch_line(run, report), size)


def diffstat(report: Report) -> str:
    """Return "3 files +41 −7"."""
    files = "1 file" if report.files == 1 else f"{report.files} files"
    return f"{files} +{report.insertions} −{report.deletions}"


def _branch_line(run: Run, report: Report | None) -> Markup:
    if report is None or not report.branch or not report.pushed:
        return Markup()
    url = branch_url(run.task.repo_url, report.branch)
    name = link(report.branch, url) if url else code(report.branch)
    if run.outcome is not None and not run.outcome.ended_well:
        return plain("🌿 what it had is pushed: ") + name
    return plain("🌿 ") + name


def _pull_request(report: Report | None) -> Markup:
    if report is None:
        return Markup()
    if report.pull_request:
        return plain("🔀 ") + pull_request_link(report.pull_request)
    if report.pull_request_error:
        return plain(f"⚠️ No pull request: {shortened(report.pull_request_error, 300)}")
    return Markup()


def _numbers(run: Run, report: Report | None) -> Markup:
    parts = []
    if report is not None:
        if report.cost_usd:
            parts.append(f"${report.cost_usd:.2f}")
        tokens = (report.input_tokens or 0) + (report.output_tokens or 0)
        if tokens:
            parts.append(f"{tokens / 1000:.0f}k tokens" if tokens >= 1000 else f"{tokens} tokens")
        if report.turns:
            parts.append("1 turn" if report.turns == 1 else f"{report.turns} turns")
        if report.model:
            parts.append(shortened(report.model, 60))
    if run.ended_at is not None:
        parts.append(duration(run.ended_at - (run.started_at or run.created_at)))
    return plain(" · ".join(parts))


def _remark(report: Report | None) -> Markup:
    if report is None or not report.remark:
        return Markup()
    return plain(f"⚠️ {shortened(report.remark, 300)}")


def _denied(report: Report | None) -> Markup:
    if report is None or not report.denied:
        return Markup()
    return plain(
        "🚫 Refused to the agent: " + ", ".join(shortened(name, 40) for name in report.denied)
    )


def _proof(outcome: Outcome, log_tail: str) -> str:
    """Return what was seen of the failure, then what the log says of it."""
    told = _rows(outcome.error or "")
    rows = [narrowed(row, ERROR_CHARACTERS) for row in told[-PROVING_LINES:]]
    # Beside words of its own, the last lines of a log that tells of no failure prove nothing.
    helps = is_proved_by_log(outcome) and (not told or tells_of_failure(log_tail))
    log = log_tail if helps else ""
    found = [clean(row) for row in proving_lines(log, most=PROVING_LINES)]
    more = [row for row in found if not any(row.strip() in each for each in told)]
    room = PROVING_LINES - len(rows)
    rows += [narrowed(row, ROW_CHARACTERS) for row in more[max(len(more) - room, 0) :]]
    return plain("\n".join(rows)).cut(MESSAGE_UNITS // 2).text()


def _last_lines(log_tail: str) -> str:
    rows = [narrowed(row, ROW_CHARACTERS) for row in _rows(log_tail)[-PROVING_LINES:]]
    return plain("\n".join(rows)).cut(MESSAGE_UNITS // 2).text()


def _rows(text: str) -> list[str]:
    """Return the lines that hold something."""
    return [row.rstrip() for row in clean(text).split("\n") if row.strip()]


_NO_REPORT = (
    "The image's own program ended well. What it did, only its log and the repository tell."
)

_REACHED = {
    Phase.ENVIRONMENT: "It ended before the clone.",
    Phase.CLONE: "It ended in the clone, before the agent began.",
    Phase.AGENT: "It ended while the agent worked.",
    Phase.DELIVER: "It ended while the work was pushed.",
}
