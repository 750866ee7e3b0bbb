"""`claude-sandbox retry`: the task of a Run once more, or what its agent asked with an answer, as a new Run."""

from __future__ import annotations

import secrets

from bot.continuation import continued
from bot.fitting import unfitted
from bot.repo import find_again
from bot.retries import as_today, is_retry_of, next_key
from cli.cluster import Cluster, visit
from cli.commands.remote import Fate, Launch, begin
from cli.exits import Exit, Failure
from cli.screen import Screen
from cli.where import Chosen, find_where
from runs.outcome import Ending
from runs.run import COMMAND_LINE, Run, reply_key
from sandbox.task import Task

_NUMBERS = 10**15


def run_retry(
    environment: dict[str, str],
    chosen: Chosen,
    named: tuple[str, str | None],
    watches: bool,
    screen: Screen,
) -> Exit:
    """Start the task of the Run that is named once more, with the answer to its question where there is one."""
    fate = Fate()
    where = find_where(environment, chosen)

    async def work(cluster: Cluster) -> Exit:
        parent = await cluster.find(named[0])
        key, task = await _wish(parent, named[1], cluster)
        return await begin(Launch(key, task), cluster, fate, watches, screen)

    try:
        return visit(where, work)
    except KeyboardInterrupt:
        fate.say(where, screen)
        return Exit.INTERRUPTED


async def _wish(parent: Run, answer: str | None, cluster: Cluster) -> tuple[str, Task]:
    """Return the key and the Task of the new Run. Raises Failure where it can't be tried again."""
    if not parent.ended:
        advice = f"Stop it first: claude-sandbox cancel {parent.id}"
        raise Failure(f"Run {parent.id} hasn't ended.", advice)
    if answer is not None:
        return _answered(parent, answer, cluster)
    retries = [run for run in await cluster.runs() if is_retry_of(run, parent)]
    under_way = next((run for run in retries if not run.ended), None)
    if under_way is not None:
        advice = f"Watch it: claude-sandbox logs {under_way.id} -f"
        raise Failure(f"It is tried again already, as {under_way.id}.", advice)
    key = next_key(parent, retries)
    return key, _allowed_today(unfitted(parent.task, cluster.config), cluster)


def _answered(parent: Run, answer: str, cluster: Cluster) -> tuple[str, Task]:
    if parent.outcome is None or parent.outcome.ending is not Ending.ASKS:
        raise Failure(f"The agent of run {parent.id} asked nothing.", "Leave --answer out.")
    if not answer.strip():
        raise Failure("The answer is empty.", f'claude-sandbox retry {parent.id} --answer "…"')
    key = reply_key(parent.id, COMMAND_LINE, secrets.randbelow(_NUMBERS))
    return key, _allowed_today(unfitted(continued(parent, answer), cluster.config), cluster)


def _allowed_today(task: Task, cluster: Cluster) -> Task:
    """Return an earlier Task with the address and the trust of today's config."""
    config = cluster.config
    target = find_again(task.repo_url, task.branch, config, cluster.where.settings.forge_url)
    if target is None:
        raise Failure(f"{task.repo_name or 'That repo'} can't be run any more.")
    return as_today(task, target, config)
