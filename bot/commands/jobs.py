"""/jobs: what runs, waits and ended, as a table that keeps itself up to date."""

from __future__ import annotations

from collections.abc import Iterable, Set

from bot.access import Action, refuse
from bot.config import Role
from bot.desk import Asked, Desk
from bot.incoming import Place, Press
from bot.live import Picture
from bot.speaker import Letter
from bot.table import Table, table
from runs.run import Run

LIVE_SECONDS = 3600.0
"""So long a table moves after somebody looked at it; 🔄 makes it move again."""

MINUTE = 60.0


class JobsTable:
    """One page of the Runs of a chat; `chat_id` None means those of all chats.

    Which groups are supergroups today is to be known before (`Speaker.find`).
    """

    def __init__(
        self, chat_id: int | None, runs: Iterable[Run], page: int, asked_by: int | None, desk: Desk
    ) -> None:
        self._chat_id = chat_id
        self._addresses = desk.addresses
        self._runs = {run.id: run for run in runs if self._shows(run)}
        self._page = page
        self._asked_by = asked_by
        self._clock = desk.clock
        self._until = desk.clock() + LIVE_SECONDS

    @property
    def name(self) -> str:
        """See bot.live.Subject."""
        return "jobs"

    @property
    def every_seconds(self) -> float | None:
        """See bot.live.Subject: only what runs has a time that moves."""
        return MINUTE if any(not run.ended for run in self._runs.values()) else None

    @property
    def page(self) -> Table:
        """Return it as it is now."""
        return table(self._runs.values(), self._clock(), self._page)

    def notice(self, run: Run) -> bool:
        """See bot.live.Subject."""
        if not self._shows(run) or self._runs.get(run.id) == run:
            return False
        self._runs[run.id] = run
        return True

    def keep(self, ids: Set[str]) -> bool:
        """See bot.live.Subject."""
        gone = self._runs.keys() - ids
        for run_id in gone:
            del self._runs[run_id]
        return bool(gone)

    async def draw(self, *, ending: bool) -> Picture:
        """See bot.live.Subject."""
        over = ending or self._clock() >= self._until
        drawn = table(self._runs.values(), self._clock(), self._page, moves=not over)
        return Picture(Letter(drawn.text, drawn.keyboard, self._asked_by), done=over)

    def _shows(self, run: Run) -> bool:
        here = self._chat_id
        return here is None or self._addresses.same(run.origin.chat_id, here)


async def jobs(asked: Asked, desk: Desk) -> None:
    """Answer with the Runs of this chat; in private an admin sees those of all chats."""
    message = asked.message
    runs = await _all_runs(desk)
    everywhere = message.private and asked.role is Role.ADMIN
    chat_id = None if everywhere else message.place.chat_id
    desk.live.show(message.place, JobsTable(chat_id, runs, 1, message.message_id, desk))


async def jobs_button(press: Press, role: Role, page: str, desk: Desk) -> str:
    """Read everything anew and turn to a page; return the line shown to who pressed."""
    if refuse(role, Action.READ) is not None:
        return "You may not look at the runs."
    number = int(page) if page.isdecimal() and len(page) < 6 else 1
    everywhere = press.private and role is Role.ADMIN
    chat_id = None if everywhere else press.place.chat_id
    shown = JobsTable(chat_id, await _all_runs(desk), number, None, desk)
    desk.live.show(press.place, shown, press.message_id)
    return f"Page {shown.page.page} of {shown.page.last}"


async def show_jobs(place: Place, desk: Desk) -> None:
    """Show the Runs of a chat in which nobody asked for them."""
    desk.live.show(place, JobsTable(place.chat_id, await _all_runs(desk), 1, None, desk))


async def _all_runs(desk: Desk) -> list[Run]:
    runs = await desk.backend.list_runs()
    await desk.speaker.find({run.origin.chat_id for run in runs})
    return runs
