"""Every sentence that tells how a Run ended: the completion, the digest, the notice at home.

Pure: Runs in, markup out. Why a Run failed is in `bot/explain.py`, the card in `bot/card.py`, the answers to commands in
`bot/answers.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.explain import duration, explain, is_proved_by_log, seen_in_log
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
    with_code,
)
from bot.question import question_apart
from bot.summary import summary
from runs.outcome import Ending, Outcome, Seen
from runs.run import Origin, Run
from sandbox.proof import narrowed, proving_lines, tells_of_failure
from sandbox.report import Cause, Phase, Report, Verdict

PROVING_LINES = 6
"""More doesn't fit on a phone's screen beside the rest; /logs errors has them all."""

LAST_LINES = 15
"""Of a program of which nothing else is known, they are the answer."""

ROW_CHARACTERS = 120
"""Three lines of a phone."""

ERROR_CHARACTERS = 200

SUMMARY_UNITS = 1800
CONTEXT_UNITS = 700
"""So much of what an agent says before its question."""

ANSWER_ADVICE = "Reply to this message with your answer: the work goes on from there."

ICONS = {
    Ending.PUSHED: "✅",
    Ending.NOTHING_CHANGED: "⚪",
    Ending.FINISHED: "☑️",
    Ending.ASKS: "❓",
    Ending.NOT_PUSHED: "⚠️",
    Ending.CANCELLED: "⏹",
    Ending.FAILED: "❌",
}

HEADLINES = {
    Ending.PUSHED: "Done",
    Ending.NOTHING_CHANGED: "Done, nothing changed",
    Ending.FINISHED: "Finished",
    Ending.ASKS: "Asks back",
    Ending.NOT_PUSHED: "Not pushed",
    Ending.CANCELLED: "Stopped",
    Ending.FAILED: "Failed",
}


def completion(run: Run, log_tail: str = "") -> Markup:
    """Return the message that says how a Run ended; `log_tail` is the end of the log that has to prove a failure."""
    outcome = run.outcome
    if outcome is None:
        raise ValueError(f"run {run.id} hasn't ended")
    head = headline(run, outcome)
    report = outcome.report
    facts = lines(
        _work(run, report),
        _pull_request(report),
        _numbers(run, report),
        _denied(report),
        _remark(report.remark if report else None),
        _remark(outcome.remark),
    )
    identity = joined([code(run.id), asker(run)], " · ")
    if outcome.ending is Ending.FINISHED:
        proof = _last_lines(log_tail)
        said = lines(_NO_REPORT, pre(proof) if proof else Markup())
        return paragraphs(head, said, lines(facts, identity)).cut()
    if outcome.ending is Ending.ASKS and report is not None:
        before, question = question_apart(report)
        said = summary(before, CONTEXT_UNITS)
        advice = plain(f"➜ {ANSWER_ADVICE}")
        return paragraphs(head, said, quote(question), advice, lines(facts, identity)).cut()
    if outcome.ended_well:
        said = summary(report.summary if report else "", SUMMARY_UNITS)
        return paragraphs(head, said, lines(facts, identity)).cut()
    if outcome.ending is Ending.CANCELLED:
        return paragraphs(head, lines(facts, identity)).cut()
    words = explain(seen_in_log(outcome, log_tail), run.task, run.id)
    proof = _proof(outcome, log_tail)
    reached = _REACHED.get(report.phase, "") if report and not _is_first(report) else ""
    return paragraphs(
        lines(head, words.sentence, reached),
        pre(proof) if proof else Markup(),
        with_code(f"➜ {words.advice}" if words.advice else ""),
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
            told = (report.question or report.summary) if report else _NO_REPORT
            said = shortened(summary(told, SUMMARY_UNITS).text(), 100)
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
    return lines(*rows, "I can't show more here: /logs with an id has the rest.").cut()


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
            headline(run, run.outcome),
            explain(run.outcome, run.task).sentence if _needs_words(run.outcome) else "",
            _branch_line(run, report),
            pull_request_link(report.pull_request) if report and report.pull_request else "",
            joined([joined([f"asked for {_where(run.origin)}", by], " "), code(run.id)], " · "),
        )
        rows.append(row.cut(MESSAGE_UNITS // len(runs) - 4))
    return paragraphs(*rows).cut()


def _needs_words(outcome: Outcome) -> bool:
    """Say whether the headline leaves open why."""
    return outcome.cause is not None and outcome.ending is not Ending.CANCELLED


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


def headline(run: Run, outcome: Outcome) -> Markup:
    """Return how a Run ended, and in which repo."""
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
        return plain("🌿 its work so far is pushed: ") + name
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
    parts += filter(None, [dependencies_words(report)])
    if run.ended_at is not None:
        parts.append(duration(run.ended_at - (run.started_at or run.created_at)))
    return plain(" · ".join(parts))


def asker(run: Run) -> str:
    """Say who asked for a Run of the command line; empty where it answers a message, which says it."""
    return f"by {_person(run.origin)} on the command line" if run.origin.by_command_line else ""


def dependencies_words(report: Report | None) -> str:
    """Say where the dependencies came from and how long that took; empty where there were none, or no cache."""
    return "" if report is None else cache_words(report.cache, report.dependency_seconds)


def cache_words(cache: str | None, seconds: float | None) -> str:
    """Say what came of the cache; nothing for a word that isn't one of ours."""
    if cache not in _CACHE_WORDS:
        return ""
    took = "" if seconds is None else duration(seconds)
    return " · ".join(part for part in (_CACHE_WORDS[cache], took) if part)


def _remark(words: str | None) -> Markup:
    return plain(f"⚠️ {shortened(words, 300)}") if words else Markup()


def _denied(report: Report | None) -> Markup:
    if report is None or not report.denied:
        return Markup()
    return plain(
        "🚫 Refused to the agent: " + ", ".join(shortened(name, 40) for name in report.denied)
    )


def _proof(outcome: Outcome, log_tail: str) -> str:
    """Return what was seen of the failure, then what the log says of it."""
    known = told = _rows(outcome.error or "")
    if outcome.cause is Cause.DEADLINE:
        told = [row for row in told if not row.startswith("the time of ")]  # the sentence says so
    cut = _without_middle if isinstance(outcome.cause, Seen) else narrowed
    rows = [cut(row, ERROR_CHARACTERS) for row in told[-PROVING_LINES:]]
    # Beside words of its own, the last lines of a log that tells of no failure prove nothing.
    helps = is_proved_by_log(outcome) and (not told or tells_of_failure(log_tail))
    log = log_tail if helps else ""
    # What a command prints is set in below it; a phone has no room for that.
    found = [clean(row).removeprefix("  ") for row in proving_lines(log, most=PROVING_LINES)]
    more = [row for row in found if not any(row.strip() in each for each in known)]
    room = PROVING_LINES - len(rows)
    rows += [narrowed(row, ROW_CHARACTERS) for row in more[max(len(more) - room, 0) :]]
    return plain("\n".join(rows)).cut(MESSAGE_UNITS // 2).text()


def _without_middle(row: str, width: int) -> str:
    """Cut a line in its middle: a cluster says first what it tried, and last why that failed."""
    if len(row) <= width:
        return row
    head, tail = row[: width // 2 - 1], row[2 - width // 2 :]
    return f"{head.rpartition(' ')[0] or head} … {tail.partition(' ')[2] or tail}"


def _is_first(report: Report) -> bool:
    """Say whether it is the Report that stands for a program of which only the start is known."""
    return report.phase is Phase.ENVIRONMENT and report.verdict is Verdict.UNFINISHED


def _last_lines(log_tail: str) -> str:
    rows = [narrowed(row, ROW_CHARACTERS) for row in _rows(log_tail)[-LAST_LINES:]]
    return plain("\n".join(rows)).cut(MESSAGE_UNITS // 2).text()


def _rows(text: str) -> list[str]:
    """Return the lines that hold something."""
    return [row.rstrip() for row in clean(text).split("\n") if row.strip()]


_CACHE_WORDS = {"hit": "cache hit", "miss": "cache miss", "part": "cache hit in part"}

_NO_REPORT = (
    "The image's own program ended well. It had the run's keys itself: "
    "only its log and the repository tell what it did."
)

_REACHED = {
    Phase.ENVIRONMENT: "It ended before the clone.",
    Phase.CLONE: "It ended in the clone, before the agent began.",
    Phase.SECRETS: "It ended before the agent began.",
    Phase.SERVICES: "It ended before the agent began.",
    Phase.DEPENDENCIES: "It ended in the dependencies, before the agent began.",
    Phase.SETUP: "It ended in the setup, before the agent began.",
    Phase.AGENT: "It ended while the agent worked.",
    Phase.DELIVER: "It ended while its work was being pushed.",
}
