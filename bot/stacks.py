"""The look at a repo between the command and its Run."""

from __future__ import annotations

from typing import Protocol

from bot.fitting import Offer, fitted, guessed
from runs.stacks.remote import Reading, Unread
from sandbox.task import Task


class StackReader(Protocol):
    """Who can look into repos."""

    async def read(self, url: str, branch: str | None) -> Reading:
        """Return what a branch needs. Raises Unread, after some seconds at the latest."""
        ...


class Stacks:
    """Gives Tasks what their repos need, as far as the operator's offer goes."""

    def __init__(self, reader: StackReader, offer: Offer) -> None:
        self._reader = reader
        self._offer = offer

    async def fit(self, task: Task) -> Task:
        """Return the Task with the services, image and remarks of its repo; a guess when that can't be read."""
        try:
            reading = await self._reader.read(task.repo_url, task.branch)
        except Unread as error:
            return guessed(task, str(error))
        return fitted(task, reading, self._offer)
