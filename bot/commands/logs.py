"""/logs and the Logs button: what a Run printed, also after its place is gone."""

from __future__ import annotations

import asyncio
import gzip

from bot import answers
from bot.access import Action, refuse
from bot.commands.chosen import known_run, known_runs, named_run, pressed_run, replied_run
from bot.commands.follow import FollowedLog
from bot.config import Role
from bot.desk import Asked, Desk
from bot.incoming import Place, Press
from bot.log_lines import Fitted, fitted, matching, of_phase, rows_of
from bot.log_reading import LogsAway, read_end, read_service, read_whole
from bot.markup import clean
from bot.mistake import Mistake
from bot.parse import LogsRequest, LogView, read_logs
from bot.speaker import Letter
from runs.run import Run
from sandbox.proof import narrowed, proving_lines, tells_of_failure
from sandbox.redaction import Redacted

LINES = 30
MESSAGE_ROOM = 3600
"""UTF-16 units of log that fit into a message beside the rest."""

ERROR_CHARACTERS = 200
"""So much of a line that proves a failure, and all of them fit."""

FILE_AGAIN_SECONDS = 30.0
LINES_AGAIN_SECONDS = 3.0
"""So soon a second tap on the same button is taken for the first one, made by somebody who waits: lines change, files hardly."""

PLAIN_FILE_BYTES = 45_000_000
"""A larger file is compressed: a bot may send 50 MB (Bot API, sendDocument)."""


async def logs(asked: Asked, desk: Desk) -> None:
    """Answer with what was asked of a log: as a message where it fits, as a file where more was asked for."""
    request = read_logs(asked.arguments)
    run = await _chosen(asked, request, desk)
    try:
        await _show(asked, run, request, desk)
    except LogsAway as error:
        raise Mistake(answers.LOGS_AWAY) from error


async def _show(asked: Asked, run: Run, request: LogsRequest, desk: Desk) -> None:
    match request.view:
        case LogView.LINES:
            await _last_lines(asked, run, request.lines or LINES, desk)
        case LogView.FOLLOW:
            desk.live.show(asked.message.place, FollowedLog(run, asked.message.message_id, desk))
        case LogView.FILE:
            await _send_whole(run, asked.message.place, asked.message.message_id, desk)
        case LogView.SIDECAR:
            rows = rows_of(await read_service(run, request.word, desk))
            shown = fitted(rows[-LINES:], MESSAGE_ROOM)
            desk.answer(asked.message, answers.log_of_service(run, request.word, shown))
        case _:
            async with desk.one_log:
                log = await read_whole(run, desk)
                shown, found = await asyncio.to_thread(_selected, log, request)
            desk.answer(asked.message, answers.log_part(run, request, shown, found))


async def logs_button(press: Press, role: Role, run_id: str, desk: Desk) -> str:
    """Send the last lines of the log of the Run under whose message the button stands; return the line shown at once."""
    run = await pressed_run(press, role, run_id, desk)
    if refuse(role, Action.READ) is not None:
        return "You may not look at logs."
    try:
        rows, whole = await _tail(run, LINES, desk)
    except LogsAway:
        return answers.LOGS_AWAY
    with desk.taps.once((press.place, press.message_id, "lines"), LINES_AGAIN_SECONDS) as first:
        if first:
            shown = fitted(rows[-LINES:], MESSAGE_ROOM)
            text = answers.log_lines(run, shown, whole=whole and shown.all and len(rows) <= LINES)
            letter = Letter(text, reply_to=press.message_id, silent=True)
            desk.errands.run(desk.speaker.say(press.place, letter))
    return "Its last lines come as a message."


async def file_button(press: Press, role: Role, run_id: str, desk: Desk) -> str:
    """Send the whole log of the Run under whose message the button stands; return the line shown at once."""
    run = await pressed_run(press, role, run_id, desk)
    if refuse(role, Action.READ) is not None:
        return "You may not look at logs."
    try:
        # Of a message, not of a person: the file comes for all who read there.
        with desk.taps.once((press.place, press.message_id, "file"), FILE_AGAIN_SECONDS) as first:
            if first:
                await _send_whole(run, press.place, press.message_id, desk)
    except LogsAway:
        return answers.LOGS_AWAY
    return "Its whole log comes as a file." if first else "The file is on its way already."


async def _chosen(asked: Asked, request: LogsRequest, desk: Desk) -> Run:
    named = await known_run(request.run_prefix, asked, desk) if request.run_prefix else None
    if named is not None:
        return named
    runs = await known_runs(asked, desk)
    if request.run_prefix is not None:
        return named_run(request.run_prefix, runs, "logs")
    answered = replied_run(asked, runs, desk, "logs")
    if answered is not None:
        return answered
    live = [run for run in runs if not run.ended]
    newest = max(live or runs, key=lambda run: run.created_at, default=None)
    if newest is None:
        raise Mistake("There is no run here yet, so there is no log.")
    return newest


async def _last_lines(asked: Asked, run: Run, wanted: int, desk: Desk) -> None:
    rows, whole = await _tail(run, wanted, desk)
    last = rows[-wanted:]
    shown = fitted(last, MESSAGE_ROOM)
    if shown.all or wanted <= LINES:
        whole = whole and shown.all and len(last) == len(rows)
        desk.answer(asked.message, answers.log_lines(run, shown, whole=whole))
        return
    caption = answers.last_lines_caption(run, len(last))
    message, data = asked.message, Redacted("\n".join(last).encode())
    sending = desk.speaker.send_file(
        message.place, f"{run.id}.log", data, caption, message.message_id
    )
    desk.errands.run(sending)


async def _tail(run: Run, wanted: int, desk: Desk) -> tuple[list[str], bool]:
    """Return a log's last lines, whole ones only, and whether these are all that it has."""
    size = max(16_384, wanted * 400)
    data, whole = await read_end(run, size, desk)
    rows = rows_of(data)
    return (rows, True) if whole else (rows[1:] or rows, False)


async def _send_whole(run: Run, place: Place, reply_to: int, desk: Desk) -> None:
    """Send a whole log as a file, compressed where it is too large; an empty one is told."""
    async with desk.one_log:
        log = await read_whole(run, desk)
        name, size = f"{run.id}.log", len(log)
        if size > PLAIN_FILE_BYTES:
            name += ".gz"
            log = Redacted(await asyncio.to_thread(gzip.compress, log, 6))
    if not log:
        desk.reply(place, reply_to, answers.log_lines(run, Fitted([], all=True), whole=True))
        return
    caption = answers.whole_log_caption(run, size)
    desk.errands.run(desk.speaker.send_file(place, name, log, caption, reply_to))


def _selected(log: bytes, request: LogsRequest) -> tuple[Fitted, int]:
    """Return the wanted lines as far as they fit, and how many there are: of errors 0 where only the last lines are shown."""
    if request.view is LogView.ERRORS:
        text = log.decode("utf-8", "replace")
        found = [narrowed(clean(row), ERROR_CHARACTERS) for row in proving_lines(text)]
        return fitted(found, MESSAGE_ROOM), len(found) if tells_of_failure(text) else 0
    if request.view is LogView.GREP:
        found = matching(rows_of(log), request.word)
    else:
        found = of_phase(rows_of(log), request.word)
    return fitted(found, MESSAGE_ROOM), len(found)
