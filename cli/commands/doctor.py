"""`claude-sandbox doctor`: looks at everything that a run needs, and says the next step for what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cli.exits import Exit
from cli.guard import guarded
from cli.screen import Screen
from cli.where import Chosen, Where, find_where

if TYPE_CHECKING:
    from k8s.installation.finding import Finding
    from k8s.installation.objects import Objects


def run_doctor(environment: Mapping[str, str], chosen: Chosen, *, as_json: bool) -> int:
    """Look, print one line for each check, and return the exit code: 1 where something is wrong."""
    screen = Screen(as_json=as_json)

    def work() -> Exit:
        return asyncio.run(_doctor(screen, find_where(environment, chosen)))

    return guarded(work, screen)


async def _doctor(screen: Screen, where: Where) -> Exit:
    # Loaded only here: the client takes a second.
    from k8s.api import COMMAND_LEAVE_SECONDS, Api
    from k8s.installation.objects import Objects

    cluster = where.settings.cluster
    api = Api(cluster.kubeconfig, cluster.context)
    try:
        return await examine(screen, where.environment, Objects(api))
    finally:
        await api.close(COMMAND_LEAVE_SECONDS)


async def examine(screen: Screen, environment: Mapping[str, str], objects: Objects) -> Exit:
    """Look at the cluster, the servers and the repos, and print what is found. Raises Unavailable."""
    from cli.examination import Examination
    from cli.keys import line_of
    from k8s.installation.finding import Mark

    found: list[Finding] = []

    def tell(findings: Sequence[Finding]) -> None:
        found.extend(findings)
        for finding in findings:
            screen.say(line_of(finding))

    await Examination(environment, objects, tell).run()
    wrong = sum(finding.mark is Mark.BAD for finding in found)
    screen.say(f"{wrong} of {len(found)} checks failed." if wrong else "Nothing is wrong.")
    screen.json(
        {
            "ok": not wrong,
            "checks": [
                {
                    "name": each.name,
                    "result": each.mark.value,
                    "what": each.what,
                    "advice": each.advice,
                }
                for each in found
            ],
        }
    )
    return Exit.RUN_FAILED if wrong else Exit.OK
