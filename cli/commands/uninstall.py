"""`claude-sandbox uninstall`: takes away what `init` has made, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cli.exits import Exit, Failure
from cli.guard import guarded
from cli.questions import Asker
from cli.screen import Screen
from cli.where import Chosen, Where, find_where

if TYPE_CHECKING:
    from k8s.installation.objects import Objects
    from k8s.installation.removal import Removal

_STOPPED = "Stopped. What is left goes with the next claude-sandbox uninstall."


def run_uninstall(
    environment: Mapping[str, str], chosen: Chosen, *, yes: bool, keep_logs: bool | None
) -> int:
    """Uninstall, and return the exit code. `keep_logs` None means that a person is asked."""
    screen = Screen()

    def work() -> Exit:
        where = find_where(environment, chosen)
        try:
            return asyncio.run(_uninstall(screen, where, Asker(environment, yes), keep_logs))
        except KeyboardInterrupt:
            screen.interrupted(_STOPPED)
            return Exit.INTERRUPTED

    return guarded(work, screen)


async def _uninstall(screen: Screen, where: Where, asker: Asker, keep_logs: bool | None) -> Exit:
    from k8s.api import COMMAND_LEAVE_SECONDS, Api
    from k8s.installation.objects import Objects
    from k8s.installation.removal import find_removal, remove

    cluster = where.settings.cluster
    api = Api(cluster.kubeconfig, cluster.context)
    try:
        objects = Objects(api)
        removal = await find_removal(objects)
        if removal.is_empty:
            screen.say("Nothing here was made by claude-sandbox init.")
            await _tell_of_kubectl(screen, objects)
            return Exit.OK
        screen.say(_told(removal, where))
        if not asker.confirm("Take it away?"):
            screen.note("Nothing was taken away.")
            return Exit.OK
        kept = removal.claims if removal.claims and _keeps_logs(asker, keep_logs) else []
        going = removal.without_logs() if kept else removal
        await _demand_rights(objects, going)
        await remove(objects, going, lambda ref: screen.say(f"✓ gone: {ref.words}"))
    finally:
        await api.close(COMMAND_LEAVE_SECONDS)
    for claim in kept:
        screen.say(f"Kept, with its namespace: {claim.words}, the records and logs")
    if not kept:
        screen.say("Nothing is left of claude-sandbox init.")
    return Exit.OK


async def _tell_of_kubectl(screen: Screen, objects: Objects) -> None:
    """Say how an installation goes away that kubectl has made."""
    from k8s.installation.present import read_present

    present = await read_present(objects, with_keys=False)
    if present.overlay is not None:
        screen.note(
            f"There is a bot in {present.namespace} that kubectl has installed:\n"
            f"➜ kubectl delete -k manifests/overlays/{present.overlay}"
        )


def _told(removal: Removal, where: Where) -> str:
    lines = [
        f"From {where.context or 'this cluster'} goes what claude-sandbox init has made or taken over:"
    ]
    lines += [
        f"  namespace {name}, with all that is in it, whoever made it"
        for name in removal.namespaces
    ]
    going = set(removal.namespaces)
    lines += [
        f"  {ref.words}"
        for ref in removal.own
        if ref.namespace not in going and ref.kind.name != "Namespace"
    ]
    lines += [f"  {ref.words} was there before, and stays" for ref in removal.touched]
    if removal.running:
        lines.append(f"! {removal.running} runs are running; they end with what they have pushed.")
    return "\n".join(lines)


def _keeps_logs(asker: Asker, keep_logs: bool | None) -> bool:
    if keep_logs is not None or not asker.can_ask:
        return bool(keep_logs)
    return asker.confirm("Keep the records and logs of the runs (a volume claim)?", usual=False)


async def _demand_rights(objects: Objects, removal: Removal) -> None:
    from k8s.installation.rights import Right, missing

    needed = {
        Right(ref.kind.group, ref.kind.plural, "delete", ref.namespace) for ref in removal.steps()
    }
    lacking = await missing(objects.api, sorted(needed))
    if lacking:
        lines = "\n".join(f"  {right.words}" for right in lacking)
        raise Failure(
            f"These rights are missing:\n{lines}",
            "Ask who runs the cluster. Nothing was taken away.",
            Exit.CLUSTER,
        )
