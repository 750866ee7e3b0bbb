"""A task once more, whoever asks for it: which Runs do another one again, and what an earlier Task is today. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.config import Config
from bot.parse import trusts
from bot.repo import Target
from runs.run import Run, lineage, retry_key
from sandbox.task import Task


def is_retry_of(run: Run, parent: Run) -> bool:
    """Say whether a Run does another one again, changed or not."""
    of = lineage(run.key)
    return of is not None and not of.answers and of.parent_id == parent.id


def next_key(parent: Run, retries: Iterable[Run]) -> str:
    """Return the key of the next retry, unchanged, of a Run of which these are all so far."""
    return retry_key(parent.id, max(map(_attempt, retries), default=0) + 1)


def as_today(task: Task, target: Target, config: Config) -> Task:
    """Return an earlier Task with the address and the trust that the config of today gives to its `target`."""
    usual = config.options_of(target.named)
    return replace(
        task,
        repo_url=target.address.url,
        trusted_base=usual.branch,
        trusts_branch=trusts(task.branch, usual),
    )


def _attempt(run: Run) -> int:
    """Return which attempt a retry is; one with a change is none of those that are counted here."""
    of = lineage(run.key)
    return 0 if of is None or of.change else of.attempt
