"""`claude-sandbox cancel`: a Run ends and keeps its work."""

from __future__ import annotations

from cli.cluster import Cluster, visit
from cli.exits import Exit, Failure
from cli.person import person
from cli.run_words import values
from cli.screen import Screen
from cli.watching import told, watch
from cli.where import Chosen, find_where


def run_cancel(
    environment: dict[str, str], chosen: Chosen, named: str, waits: bool, screen: Screen
) -> Exit:
    """Stop a Run, and wait until it has pushed what it had and ended."""
    where = find_where(environment, chosen)
    said = "Stopped: it goes on."

    async def work(cluster: Cluster) -> Exit:
        nonlocal said
        run = await cluster.find(named)
        if run.ended:
            raise Failure(f"Run {run.id} has ended already.", f"How: claude-sandbox logs {run.id}")
        said = f"Whether run {run.id} is being stopped isn't known: claude-sandbox jobs"
        run = await cluster.backend.cancel(run.id, person(environment))
        said = f"Run {run.id} is being stopped all the same: claude-sandbox jobs"
        if not waits and not run.ended:
            screen.say(f"Run {run.id} is being stopped; what it has is pushed first.")
            screen.json(values(run))
            return Exit.OK
        await told(await watch(run, cluster, screen), cluster, screen)
        return Exit.OK

    try:
        return visit(where, work)
    except KeyboardInterrupt:
        screen.interrupted(said)
        return Exit.INTERRUPTED
