"""How many requests to the API server a Run takes in its life."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from bench.api_counter import counted
from bench.cluster import open_place
from bench.figure import Figure, at_most
from bench.stage import Stage, open_stage
from runs.backend import Backend

RUNS = 3
_WITH_CARD = 8
_WITHOUT_CARD = 6
_TASK = "/run repo wait 4"


async def measure(folder: Path) -> list[Figure]:
    """Run some tasks with a card, and some whose card couldn't be sent, one after the other; show the most.

    The two watches and the sweep are for all Runs together, and not counted; reads of the log for a card apart.
    """
    async with open_place(folder) as cluster, counted(cluster, folder) as counter:
        variables = {
            **cluster.ground.variables,
            "KUBECONFIG": str(counter.kubeconfig),
            "SANDBOX_POLL_SECONDS": "3600",
        }
        async with open_stage(folder / "bot", cluster.repo(), variables) as stage:
            lives: dict[bool, list[list[str]]] = {True: [], False: []}
            for number in range(2 * RUNS):
                with_card = number % 2 == 0
                known = len(counter.requests)
                await _live(stage, cluster.ground.backend, number, with_card=with_card)
                lives[with_card].append(
                    [request for request in counter.requests[known:] if "watch=" not in request]
                )
    return [
        *_figures("with card", lives[True], _WITH_CARD),
        *_figures("without card", lives[False], _WITHOUT_CARD),
    ]


async def _live(stage: Stage, backend: Backend, number: int, *, with_card: bool) -> None:
    """Run one task to its very end: told, and its card closed."""
    if not with_card:
        stage.world.faults.refuse("sendMessage", 403, "Forbidden: not enough rights to send")
    stage.say(stage.desks[number], _TASK)
    while True:
        runs = await backend.list_runs()
        marks = [run.marks for run in runs]
        if len(runs) == number + 1 and all(
            mark.told_at and (mark.card_closed or not mark.card_id) for mark in marks
        ):
            break
        await asyncio.sleep(0.2)
    if with_card is (marks[-1].card_id is None):
        raise RuntimeError("the card isn't as wanted")


def _figures(what: str, lives: list[list[str]], limit: int) -> list[Figure]:
    own = [[request for request in life if "tailLines=" not in request] for life in lives]
    reads = max(len(life) - len(kept) for life, kept in zip(lives, own, strict=True))
    longest = max(own, key=len)
    methods = Counter(request.partition(" ")[0] for request in longest)
    detail = ", ".join(f"{number} {method}" for method, number in methods.items())
    return [
        at_most(f"requests in a Run's life, {what}", len(longest), limit, "", f"({detail})"),
        Figure("  and reads of the log's end for the card", str(reads)),
    ]
