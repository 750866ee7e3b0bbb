"""/logs … follow: one message that shows the end of a log until the Run ends or somebody stops it."""

from __future__ import annotations

from collections.abc import Set

from bot import answers
from bot.config import Role
from bot.desk import Desk
from bot.incoming import Press
from bot.live import Picture
from bot.log_lines import fitted, rows_of
from bot.log_reading import read_end
from bot.speaker import Button, Letter
from runs.backend import UnknownRun
from runs.run import Run

STEP_SECONDS = 1.0
"""How often the log is looked at: as often as the chat's pace allows."""

FOLLOWED_LINES = 20
FOLLOWED_ROOM = 2000
TAIL_BYTES = 8192


class FollowedLog:
    """The end of one Run's log, under the message that asked for it."""

    def __init__(self, run: Run, asked_by: int, desk: Desk) -> None:
        self._run = run
        self._asked_by = asked_by
        self._desk = desk

    @property
    def name(self) -> str:
        """See bot.live.Subject."""
        return f"log {self._run.id}"

    @property
    def every_seconds(self) -> float | None:
        """See bot.live.Subject."""
        return STEP_SECONDS

    def notice(self, run: Run) -> bool:
        """See bot.live.Subject: only the end is news, the log itself is looked at all the time."""
        return run.id == self._run.id and run.ended

    def keep(self, ids: Set[str]) -> bool:
        """See bot.live.Subject."""
        return self._run.id not in ids

    async def draw(self, *, ending: bool) -> Picture:
        """See bot.live.Subject."""
        try:
            # Before the log is read: what an ended Run printed is all there.
            self._run = await self._desk.backend.get(self._run.id)
        except UnknownRun:
            ending = True
        tail, _ = await read_end(self._run, TAIL_BYTES, self._desk)
        rows = rows_of(tail)
        done = ending or self._run.ended
        text = answers.followed(self._run, fitted(rows[-FOLLOWED_LINES:], FOLLOWED_ROOM), done=done)
        keyboard = () if done else ((Button("⏏ Stop following", f"unfollow:{self._run.id}"),),)
        return Picture(Letter(text, keyboard, self._asked_by, silent=True), done)


async def unfollow_button(press: Press, role: Role, run_id: str, desk: Desk) -> str:
    """Let a followed log stand as it is: who may see it may do so. Return the line shown to who pressed."""
    del role
    if desk.live.stop(press.place, press.message_id):
        return "It stays as it is."
    return f"It isn't followed any more. /logs {run_id} follow goes on."
