"""`claude-sandbox init`: from tokens and a kubeconfig to a bot that answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.settings import read
from cli.exits import Exit, Failure
from cli.guard import guarded
from cli.owner import with_owner
from cli.questions import Asker
from cli.screen import Screen
from cli.where import Chosen, Where, find_where
from cli.wish import Wish

if TYPE_CHECKING:
    from k8s.installation.install import Applied
    from k8s.installation.objects import Objects
    from k8s.installation.overlay import Object
    from k8s.installation.plan import Wishes
    from k8s.installation.present import Present

HELLO = "👋 I am here. Say /run owner/name and what to do, or /help."
_GREETED = "claude-sandbox/greeted"
"""An annotation of the bot's Deployment: the chat that was told hello."""
_STOPPED = "Stopped. What is made stays: claude-sandbox init goes on from there, claude-sandbox uninstall takes it away."


def run_init(environment: Mapping[str, str], chosen: Chosen, wish: Wish) -> int:
    """Install, and return the exit code."""
    screen = Screen()

    def work() -> Exit:
        try:
            return asyncio.run(_init(screen, environment, chosen, wish))
        except KeyboardInterrupt:
            screen.interrupted(_STOPPED)
            return Exit.INTERRUPTED

    return guarded(work, screen)


async def _init(screen: Screen, environment: Mapping[str, str], chosen: Chosen, wish: Wish) -> Exit:
    # Loaded only here: the client takes a second.
    from k8s.api import COMMAND_LEAVE_SECONDS, Api
    from k8s.installation.objects import Objects

    environment = with_owner(environment)
    where, is_there = _where(screen, environment, chosen, wish)
    cluster = where.settings.cluster
    api = Api(cluster.kubeconfig, cluster.context)
    try:
        return await Installation(screen, where, wish, Objects(api), is_there).run()
    finally:
        await api.close(COMMAND_LEAVE_SECONDS)


def _where(
    screen: Screen, environment: Mapping[str, str], chosen: Chosen, wish: Wish
) -> tuple[Where, bool]:
    """Return the cluster, and whether there is one: what would be made is shown without, too.

    Raises Failure, SettingsError.
    """
    try:
        return find_where(environment, chosen), True
    except Failure as failure:
        if not wish.dry_run or chosen.context is not None:
            raise
        screen.note(f"{failure.what} So this is for a new installation.")
        return Where(read(environment, talks=False), None, environment), False


@dataclass(frozen=True, slots=True)
class Installation:
    """One `init`, step by step."""

    screen: Screen
    where: Where
    wish: Wish
    objects: Objects
    is_there: bool = True

    async def run(self) -> Exit:
        """Go through all steps; the first that can't be done ends it."""
        from cli.installation import wishes_for
        from k8s.installation.plan import planned

        asker = Asker(self.where.environment, self.wish.yes)
        if not self.wish.dry_run:
            await self._demand_version()
        present = await self._present()
        wishes = await wishes_for(self.screen, asker, self.wish, present)
        plan = planned(wishes)
        if self.wish.dry_run:
            self._print(plan)
            return Exit.OK
        await self._demand_kinds(plan)
        await self._demand_rights(plan)
        place = self.where.context or "this cluster"
        if not asker.confirm(f"Install into {place}, as {wishes.overlay}?"):
            self.screen.note("Nothing was changed.")
            return Exit.OK
        await self._install(wishes, plan)
        await self._greet(wishes)
        return await self._examine()

    async def _demand_version(self) -> None:
        from cli.installation import demand_version

        await demand_version(self.objects.api)

    async def _present(self) -> Present:
        from k8s.installation.present import Present, read_present
        from runs.backend import BackendError

        if not self.is_there:
            return Present()
        try:
            return await read_present(self.objects)
        except BackendError as error:
            if not self.wish.dry_run:
                raise
            self.screen.note(f"As for a new installation, since the cluster can't be read: {error}")
            return Present()

    def _print(self, plan: list[Object]) -> None:
        import yaml

        from k8s.installation.plan import without_values

        shown = [without_values(one) for one in plan]
        self.screen.say(yaml.safe_dump_all(shown, sort_keys=False, allow_unicode=True).rstrip())

    async def _demand_kinds(self, plan: list[Object]) -> None:
        from k8s.installation.needs import how_to_have, unknown_kinds

        for version, kinds in (await unknown_kinds(self.objects.api, plan)).items():
            raise Failure(
                f"The cluster doesn't know what the overlay needs: {', '.join(kinds)} of {version}.",
                f"{how_to_have(version)}. Nothing was changed.",
                Exit.CLUSTER,
            )

    async def _demand_rights(self, plan: list[Object]) -> None:
        from k8s.installation.rights import missing, needed_for

        lacking = await missing(self.objects.api, needed_for(plan, ("get", "create", "patch")))
        if lacking:
            lines = "\n".join(f"  {right.words}" for right in lacking)
            raise Failure(
                f"These rights are missing:\n{lines}",
                "Ask who runs the cluster for them, or to run claude-sandbox init. Nothing was changed.",
                Exit.CLUSTER,
            )

    async def _install(self, wishes: Wishes, plan: list[Object]) -> None:
        from k8s.installation.install import install, prune
        from k8s.installation.ready import wait_until_ready

        applied = await install(self.objects, plan, self._tell)
        self.screen.say(_summed(applied))
        why = await wait_until_ready(
            self.objects,
            wishes.bot_namespace,
            self.wish.wait_seconds,
            lambda words: self.screen.note(f"… the bot: {words}"),
        )
        if why is not None:
            raise Failure(
                f"The bot isn't ready after {self.wish.wait_seconds} s: {why}",
                f"More: kubectl -n {wishes.bot_namespace} describe pods. Then claude-sandbox init again.",
                Exit.CLUSTER,
            )
        await prune(self.objects, plan, wishes.bot_namespace)
        self.screen.say("✓ the bot is ready")

    def _tell(self, applied: Applied) -> None:
        from k8s.installation.install import Change

        if applied.change is Change.KEPT:
            self.screen.note(f"! {applied.ref.words} stays as somebody set it: {applied.why}")
        elif applied.change is not Change.SAME:
            self.screen.say(f"✓ {applied.change.value} {applied.ref.words}")

    async def _greet(self, wishes: Wishes) -> None:
        from cli.servers import say_hello
        from k8s.installation.objects import Ref
        from k8s.installation.plan import BOT
        from k8s.installation.present import DEPLOYMENT

        ref = Ref(DEPLOYMENT, wishes.bot_namespace, BOT)
        deployment = await self.objects.read(ref) or {"metadata": {}}
        notes = deployment["metadata"].get("annotations") or {}
        chat = wishes.keys["TELEGRAM_CHAT_ID"]
        if notes.get(_GREETED) == chat:
            return
        server = wishes.environment.get("TELEGRAM_API_URL", "")
        why = await say_hello(wishes.keys["TELEGRAM_BOT_TOKEN"], chat, HELLO, server)
        if why is not None:
            self.screen.note(f"! hello couldn't be said in the chat: {why}")
            return
        place = f"/metadata/annotations/{_GREETED.replace('/', '~1')}"
        await self.objects.api.patch(ref.path, [{"op": "add", "path": place, "value": chat}])
        self.screen.say("✓ said hello in the chat")

    async def _examine(self) -> Exit:
        from cli.commands.doctor import examine

        return await examine(self.screen, self.where.environment, self.objects)


def _summed(applied: list[Applied]) -> str:
    from k8s.installation.install import Change

    same = sum(one.change is Change.SAME for one in applied)
    if same == len(applied):
        return f"✓ nothing to change: all {same} objects are as they should be"
    return f"✓ {len(applied) - same} of {len(applied)} objects made or changed"
