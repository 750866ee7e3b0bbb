"""The line that says when a Run's keys aren't behind its broker. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from sandbox.task import Task

IN_IMAGE = "🔑 The image has a program of its own, which gets the run's keys itself"
PAST_BROKER = "🔑 Git goes past the broker (ssh): what is pushed isn't checked by it"


def key_note(task: Task, image: str, entrypoints: Sequence[str]) -> str:
    """Return the line for a Task on a cluster, empty when only the broker has its keys.

    `image` is that of a Task which names none, `entrypoints` are the patterns of images with a program of their own.
    """
    if any(fnmatchcase(task.image or image, pattern) for pattern in entrypoints):
        return IN_IMAGE
    return "" if task.repo_url.startswith(("https://", "http://")) else PAST_BROKER
