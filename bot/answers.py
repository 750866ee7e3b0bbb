"""Every sentence that answers a command. Pure: values in, markup out."""

from __future__ import annotations

from collections.abc import Sequence

from bot.access import Refusal
from bot.continuation import first_asked
from bot.explain import duration
from bot.guide import example_of
from bot.incoming import Incoming
from bot.log_lines import Fitted
from bot.markup import Markup, bold, code, joined, lines, plain, pre, shortened
from bot.messages import target
from bot.mistake import Mistake
from bot.parse import LogsRequest, LogView
from runs.run import Run

LOGS_AWAY = "The log store doesn't answer right now, and this log is nowhere else any more. Try again in a minute."


def ids(message: Incoming) -> Markup:
    """Return the answer to /id."""
    thread = f"topic {message.place.thread_id}" if message.place.thread_id else ""
    return lines(
        plain("chat ") + code(str(message.place.chat_id)),
        plain("you ") + code(str(message.person.id)),
        thread,
    )


def moved(old: int, new: int, *, home: bool) -> Markup:
    """Return what is said once in the supergroup that a group of the config became."""
    word = "TELEGRAM_CHAT_ID" if home else "chats in the config"
    return lines(
        plain(
            "This group is a supergroup now, with another id. I go on here; cards from before stand still."
        ),
        plain(f"An admin puts the new id into {word}:"),
        joined([code(str(new)), f"in place of {old}"], " "),
    )


def mistake(error: Mistake) -> Markup:
    """Return the answer to a command that can't be done as written, with a line to tap where there is one."""
    return lines(error.what, code(error.example) if error.example else Markup())


def refused(refusal: Refusal, message: Incoming) -> Markup:
    """Return why a person may not do something, in one line or two."""
    me = f"Your id is {message.person.id}"
    here = f"this chat's id is {message.place.chat_id}"
    words = {
        Refusal.ANONYMOUS: "You write as the group, so I can't tell who you are. Turn off “Remain anonymous” and send it again.",
        Refusal.CHANNEL: "That was written in a channel's name; I take commands from people only.",
        Refusal.BOT: "I take commands from people only, not from bots.",
        Refusal.ELSEWHERE: f"I don't work in this chat. {me}, {here}: an admin can add it to the config.",
        Refusal.STRANGER: f"I don't know you. {me}: an admin can add you to the config.",
        Refusal.VIEWER: f"You may look (/jobs, /logs), but not change things. {me}: an admin can make you a runner.",
        Refusal.NOT_YOURS: "That run is somebody else's: its owner or an admin can do that.",
        Refusal.REPO_NOT_NAMED: "Only the repos in the config may be run here; an admin may run others. /repos lists them.",
        Refusal.REPO_PROTECTED: "Only admins may run this repo.",
        Refusal.OTHER_HOST: "I only run repos of the config and its forge. An admin can add this one to the config.",
    }
    return plain(words[refusal])


def stale(age_seconds: float) -> Markup:
    """Return the question about a command that came late."""
    return plain(f"This command is {duration(age_seconds)} old; I was away. Should it still run?")


def edited() -> Markup:
    """Return the answer to an edited command."""
    return plain("An edited message starts nothing. Send the command again as a new message.")


def edited_answer() -> Markup:
    """Return the answer to an edited reply to a question."""
    return plain("An edited answer changes nothing: the work goes on with what it said first.")


def forwarded() -> Markup:
    """Return the answer to a forwarded command."""
    return plain("A forwarded command starts nothing. Send it as your own message.")


def captioned() -> Markup:
    """Return the answer to a command, or an answer, that stands under a picture or file."""
    return plain(
        "A caption starts nothing, since I can't look at pictures and files. Send the text as a message of its own."
    )


def glued(aliases: Sequence[str]) -> Markup:
    """Return the answer to a command with something other than a space behind it."""
    return lines("Put a space after the command. For example:", code(example_of(aliases)))


def unknown(name: str, nearest: str | None) -> Markup:
    """Return the answer to a command that doesn't exist."""
    hint = f"Did you mean /{nearest}?" if nearest else "/help lists what I understand."
    return plain(f"I don't know /{shortened(name, 40)}. {hint}")


def gone() -> Markup:
    """Return the answer when a Run was removed in the middle of a command."""
    return plain("That run was just removed. Its log is kept: /logs with its id.")


def not_now(place: str) -> Markup:
    """Return the answer when a Backend doesn't answer a question; `place` is how people call it."""
    return plain(f"{_silent(place)} right now. Try again in a minute; runs go on.")


def press_again(place: str) -> str:
    """Return the same for who pressed a button."""
    return f"{_silent(place)} right now. Press again in a minute."


def unavailable(place: str) -> Markup:
    """Return what is said once while a Backend is away."""
    return plain(f"{_silent(place)}. I keep trying: your task starts as soon as it does.")


def not_started(reason: str) -> Markup:
    """Return why a Run couldn't be started at all."""
    return lines(bold("That couldn't be started."), shortened(reason, 1000))


def broken() -> Markup:
    """Return what is said when a command met a bug of ours."""
    return plain(
        "Something went wrong on my side; my log says what. Nothing of yours is lost: send it again, or tell an admin."
    )


def cancelling(run: Run) -> Markup:
    """Return the answer to /cancel of a Run that was under way."""
    if run.ended:
        return joined(["⏹ Stopped", target(run), code(run.id)], " ") + plain(", before it began.")
    return joined(["⏹ Stopping", target(run), code(run.id)], " ") + plain(
        ". Its work is pushed first."
    )


def ended_already(run: Run) -> Markup:
    """Return the answer to /cancel of a Run that has ended."""
    return joined([code(run.id), plain("has ended already; there is nothing to stop.")], " ")


def still_runs(run: Run) -> Markup:
    """Return the answer to /retry of a Run that is under way."""
    return lines(
        joined([code(run.id), plain("hasn't ended yet. To start it over, stop it first:")], " "),
        code(f"/cancel {run.id}"),
    )


def retried_already(parent: Run, run: Run) -> Markup:
    """Return the answer to /retry of a Run whose task is under way again."""
    return joined([code(parent.id), plain("is being retried already:"), code(run.id)], " ")


def answered_already(run: Run) -> Markup:
    """Return the answer to a second reply to a question, while the work goes on with the first."""
    return joined(["That has been answered, and the work goes on:", code(run.id)], " ") + plain(
        ". Wait until it ends, or stop it and reply again."
    )


def nothing_failed() -> Markup:
    """Return the answer to a bare /retry when no Run of the person failed."""
    return lines("None of your runs failed here. Pick one:", code("/jobs"))


def too_late(age_seconds: float) -> Markup:
    """Return the answer to a command that came too late to be what is still wanted."""
    age = duration(age_seconds)
    return plain(f"This command is {age} old; I was away. Send it again if you still want it.")


def nothing_runs() -> Markup:
    """Return the answer to a bare /cancel when nothing of the person runs."""
    return plain("Nothing of yours is running here.")


def which_one(runs: Sequence[Run], command: str) -> Markup:
    """Return the question for one of several Runs, each as a line to tap."""
    rows = [
        joined(
            [
                code(f"/{command} {run.id}"),
                target(run),
                plain(shortened(first_asked(run.task), 50)),
            ],
            " ",
        )
        for run in runs[:10]
    ]
    more = f"and {len(runs) - 10} more: /jobs shows them" if len(runs) > 10 else ""
    return lines("Which one?", *rows, more)


def cleaned(removed: Sequence[Run], kept: Sequence[tuple[Run, str]]) -> Markup:
    """Return the answer to /clean: what went, and what of the named Runs stayed and why."""
    if not removed and not kept:
        return plain("There is nothing to clean: no run here has ended and been told.")
    rows = [
        joined([code(run.id), target(run), plain(shortened(first_asked(run.task), 50))], " ")
        for run in removed[:30]
    ]
    more = f"and {len(removed) - 30} more" if len(removed) > 30 else ""
    head = (
        plain("Removed 1 run:" if len(removed) == 1 else f"Removed {len(removed)} runs:")
        if removed
        else Markup()
    )
    stays = [joined([code(run.id), plain(f"stays: {why}.")], " ") for run, why in kept]
    return lines(head, *rows, more, *stays).cut()


def log_lines(run: Run, shown: Fitted, *, whole: bool) -> Markup:
    """Return the last lines of a log, and whether that is all of it."""
    count = len(shown.rows)
    said = "all of it" if whole else f"the last {count} lines" if count != 1 else "the last line"
    return _log(run, shown, said)


def log_of_service(run: Run, service: str, shown: Fitted) -> Markup:
    """Return the last lines of a service beside a Run."""
    return _log(run, shown, f"the last lines of {service}", f"{service} printed nothing.")


def log_part(run: Run, request: LogsRequest, shown: Fitted, found: int) -> Markup:
    """Return the lines that were asked for; `found` is how many there are, shown or not."""
    word = shortened(request.word, 60)
    lines_of = "1 line" if found == 1 else f"{found} lines"
    said, none = {
        LogView.GREP: (f"{lines_of} with “{word}”", f"No line with “{word}”."),
        LogView.PHASE: (f"{lines_of} of the phase {word}", f"It has no phase {word} so far."),
    }.get(
        request.view,
        ("what went wrong" if found else "no line looks like trouble: these are the last ones", ""),
    )
    if not shown.all and request.view is not LogView.ERRORS:
        said = f"the last {len(shown.rows)} of {said}"
    return _log(run, shown, said, none, "" if shown.all else "file")


def followed(run: Run, shown: Fitted, *, done: bool) -> Markup:
    """Return a log that is followed; `done` says that it moves no more."""
    if run.ended:
        return _log(run, shown, "it has ended", more="file")
    if done:
        return _log(run, shown, "no longer followed", more="follow")
    return _log(run, shown, "👁 following")


def last_lines_caption(run: Run, count: int) -> Markup:
    """Return what stands under a file with the last lines of a log."""
    return plain(f"The last {count} lines of ") + run.id


def whole_log_caption(run: Run, size: int) -> Markup:
    """Return what stands under a file with a whole log of so many bytes."""
    small = size < 1_000_000
    told = f"{max(1, round(size / 1e3))} kB" if small else f"{size / 1e6:.1f} MB"
    return joined([target(run), code(run.id), f"the whole log, {told}"], " · ")


def _log(run: Run, shown: Fitted, said: str, none: str = "", more: str = "") -> Markup:
    head = joined([target(run), code(run.id)], " · ")
    if not shown.rows:
        nothing = "It printed nothing." if run.ended else "It has printed nothing so far."
        return lines(head, none or nothing)
    tap = code(f"/logs {run.id} {more}") if more else Markup()
    return lines(head, pre("\n".join(shown.rows)), plain(said), tap)


def _silent(place: str) -> str:
    return f"{place[:1].upper()}{place[1:]} doesn't answer"
