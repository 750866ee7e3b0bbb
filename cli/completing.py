"""What Tab offers for a run: the ids that there are. Nothing where the cluster doesn't say it in a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from cli.cluster import Cluster, visit
from cli.run_words import state_words
from cli.where import Chosen, find_where
from runs.run import Run, by_age

LIMIT_SECONDS = 3.0
"""Who pressed Tab waits; what is wrong is told when the command is said."""


def offered(
    environment: Mapping[str, str],
    chosen: Chosen,
    begun: str,
    fits: Callable[[Run], bool],
) -> list[tuple[str, str]]:
    """Return the ids of the Runs that fit and begin so, newest first, each with how it stands.

    Nothing else of a Run is told: a shell evaluates what comes from here, and a task is a stranger's text.
    """

    async def work(cluster: Cluster) -> list[Run]:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await cluster.backend.list_judged()

    try:
        runs = visit(find_where(environment, chosen), work)
    except Exception:  # whatever it was: Tab shows no traceback in the middle of a line
        return []
    found = [run for run in runs if run.id.startswith(begun) and fits(run)]
    return [(run.id, state_words(run)) for run in sorted(found, key=by_age, reverse=True)]
