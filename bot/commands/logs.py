"""/logs: the last lines of what a Run printed, also after its place is gone."""

from __future__ import annotations

from bot import answers
from bot.commands.chosen import named_run, replied_run, visible_runs
from bot.desk import Asked, Desk
from bot.incoming import Place
from bot.markup import clean, plain, units
from bot.mistake import Mistake
from bot.parse import read_logs
from runs.backend import UnknownRun
from runs.run import Run

LINES = 30
MOST_LINES = 2000
MESSAGE_ROOM = 3600
"""UTF-16 units of log that fit into a message beside the rest."""


async def logs(asked: Asked, desk: Desk) -> None:
    """Answer with the end of a log: as a message where it fits, as a file where more was asked for."""
    runs = await visible_runs(asked, desk)
    present = {run.id for run in runs}
    records = [record.run for record in await desk.store.list_records()]
    runs += [run for run in records if run.id not in present and asked.sees(run)]
    run, wanted = _chosen(asked, runs, desk)
    rows, whole = await _rows(run, wanted, desk)
    shown = rows[-wanted:]
    text = "\n".join(shown)
    if units(text) > MESSAGE_ROOM and wanted > LINES:
        message = asked.message
        name = f"{run.id}.log"
        caption = plain(f"The last {len(shown)} lines of ") + run.id
        place = Place(message.place.chat_id, message.place.thread_id)
        sending = desk.speaker.send_file(place, name, text.encode(), caption, message.message_id)
        desk.errands.run(sending)
        return
    while units(text) > MESSAGE_ROOM and len(shown) > 1:
        shown = shown[1:]
        text = "\n".join(shown)
    if units(text) > MESSAGE_ROOM:
        whole, text = False, "…" + text[-MESSAGE_ROOM // 2 :]
    whole = whole and len(shown) == len(rows)
    desk.answer(asked.message, answers.log_lines(run, text, len(shown), whole))


def _chosen(asked: Asked, runs: list[Run], desk: Desk) -> tuple[Run, int]:
    words = asked.arguments.split()
    if not words or (len(words) == 1 and words[0].isdecimal()):
        answered = replied_run(asked, runs, desk, "logs")
        if answered is not None:
            return answered, max(1, min(int(words[0]), MOST_LINES)) if words else LINES
    if not words:
        live = [run for run in runs if not run.ended]
        newest = max(live or runs, key=lambda run: run.created_at, default=None)
        if newest is None:
            raise Mistake("There is no run here whose log I could show.")
        return newest, LINES
    request = read_logs(asked.arguments)
    return named_run(request.run_prefix, runs, "logs"), min(request.lines or LINES, MOST_LINES)


async def _rows(run: Run, wanted: int, desk: Desk) -> tuple[list[str], bool]:
    """Return a log's last lines, whole ones only, and whether these are all that it has."""
    size = max(16_384, wanted * 400)
    data = await _tail(run, size, desk)
    rows = clean(data.decode("utf-8", "replace")).rstrip("\n").split("\n")
    if len(data) < size:
        return rows, True
    return rows[1:] or rows, False


async def _tail(run: Run, size: int, desk: Desk) -> bytes:
    """Read the end of a log: from the place itself, else from the log store."""
    try:
        return await desk.backend.read_log(run.id, tail_bytes=size)
    except UnknownRun:
        pass
    try:
        return await desk.store.read_log(run.id, tail_bytes=size)
    except UnknownRun:
        return b""
