"""Runs of the command line have no chat of their own: the bot takes them for the home chat's, where all see them."""

from __future__ import annotations

from dataclasses import replace

from runs.backend import Backend
from runs.passing import Passing
from runs.run import Run


class AtHome(Passing):
    """A Backend over another one. Only the chat of such Runs differs: their message stays the one that isn't there."""

    def __init__(self, backend: Backend, home_chat_id: int) -> None:
        super().__init__(backend)
        self._home_chat_id = home_chat_id

    def _shown(self, run: Run) -> Run:
        if not run.origin.by_command_line or run.origin.chat_id == self._home_chat_id:
            return run
        return replace(run, origin=replace(run.origin, chat_id=self._home_chat_id))
