"""Everything that `doctor` looks at, in the order in which it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.config import Config
from bot.config_file import ConfigError, parse
from bot.key_note import IN_IMAGE, PAST_BROKER, key_note
from cli.keys import CHAT, GIT, MODEL_KEYS, NONE, TOKEN, check_git
from cli.servers import check_bot, check_chat, check_model
from k8s.api import Rejected
from k8s.installation.checkup import Checkup, allowed, cluster
from k8s.installation.finding import Finding, Mark, bad, good, unknown, warned
from k8s.installation.needs import Needs
from k8s.installation.objects import Objects
from k8s.installation.plan import BOT, SANDBOXES
from k8s.installation.present import Present, read_present
from k8s.installation.probe import Probe
from k8s.place import KubernetesPlace
from runs.backend import BackendError
from runs.image_name import OWNER, image_of
from runs.s3_place import S3Place, read_place
from runs.stacks.remote import RemoteStacks, Unread
from sandbox.keys import read_keys
from sandbox.task import Task

_MOST_REPOS = 20
_RIGHTS = f"Ask for the right to read Deployments and ConfigMaps in {BOT} and {SANDBOXES}"


@dataclass(frozen=True, slots=True)
class Examination:
    """Looks at the cluster of `objects`; keys are those of the environment, else the installed ones."""

    environment: Mapping[str, str]
    objects: Objects
    tell: Callable[[Sequence[Finding]], None]

    async def run(self) -> None:
        """Look at all. Raises Unavailable where the cluster doesn't answer."""
        version = await cluster(self.objects)
        self.tell([version])
        if version.mark is Mark.BAD:
            return
        try:
            present = await self._present()
        except Rejected as rejected:
            words = f"you may not see it: {rejected.words or rejected.reason}"
            self.tell([unknown("Installation", words, _RIGHTS)])
            self.tell(await self._servers(Present()))
            return
        if present.overlay is None:
            words = "there is no bot on this cluster"
            self.tell([bad("Installation", words, "Install it: claude-sandbox init")])
            self.tell(await self._servers(present))
            return
        self.tell(await Checkup(self.objects, present).run())
        config, findings = _config(present)
        self.tell(findings)
        place = _place(present, config)
        probe, needs = Probe(self.objects, place), Needs(self.objects, place)
        for name, check in (
            ("Admission policy", probe.admission),
            ("Queue", needs.queue),
            ("Runtime", needs.runtime),
            ("Image", probe.image),
            ("Room", probe.room),
        ):
            self.tell(await allowed(name, check))
        self.tell(key_limits(config, _image(present)))
        self.tell(await self._servers(present))
        self.tell(await self._buckets(present, config))
        self.tell(await self._repos(present, config))

    async def _present(self) -> Present:
        """Return what is installed, as far as we may see it: the Secrets may be closed to us."""
        try:
            return await read_present(self.objects)
        except Rejected:
            return await read_present(self.objects, with_keys=False)

    async def _servers(self, present: Present) -> list[Finding]:
        """Ask the servers whether they take the keys."""
        keys = {**present.keys, **{name: self._given(name) for name in _KEYS if self._given(name)}}
        telegram, forge, model = (
            self._given(name) or present.environment.get(name, "") for name in _SERVERS
        )
        found = []
        if keys.get(TOKEN):
            finding, bot = await check_bot(keys[TOKEN], telegram)
            found.append(finding)
            if bot is not None and keys.get(CHAT):
                found.append(await check_chat(keys[TOKEN], keys[CHAT], bot, telegram))
        else:
            found.append(unknown("Telegram token", f"{TOKEN} isn't known here", _SET))
        if keys.get(GIT):
            found.append(await check_git(keys[GIT], forge))
        else:
            found.append(unknown("GitHub token", f"{GIT} isn't known here", _SET))
        if any(keys.get(name) for name in MODEL_KEYS):
            found.append(await check_model(keys, model))
        else:
            found.append(unknown("Model key", f"no {' or '.join(MODEL_KEYS)} is known here", _SET))
        return found

    async def _buckets(self, present: Present, config: Config) -> list[Finding]:
        """Try the buckets of logs and of dependencies, where there are any and their keys are known."""
        variables = {**present.environment, **present.keys, **self.environment}
        logs = read_place(present.environment.get("SANDBOX_LOG_STORE", ""))
        places = {"Log store": logs, "Cache": config.cache_bucket}
        return [
            await _tried(name, place, variables)
            for name, place in places.items()
            if place is not None
        ]

    async def _repos(self, present: Present, config: Config) -> list[Finding]:
        """Say which repos of the config git reaches from here with the token."""
        token = self._given(GIT) or present.keys.get(GIT, "")
        keys = read_keys({} if token == NONE else {GIT: token})
        reader = RemoteStacks(keys, self.environment)

        async def look(alias: str, url: str) -> Finding:
            try:
                await reader.read(url, None)
            except Unread as error:
                return warned(f"Repo {alias}", f"can't be read from here: {error}", _UNREADABLE)
            return good(f"Repo {alias}", "git reads it")

        repos = list(config.repos.values())[:_MOST_REPOS]
        return list(await asyncio.gather(*(look(each.alias, each.address.url) for each in repos)))

    def _given(self, name: str) -> str:
        return self.environment.get(name, "").strip()


async def _tried(name: str, place: S3Place, variables: Mapping[str, str]) -> Finding:
    """Try a bucket as the bot and its runs use it."""
    if not variables.get("AWS_ACCESS_KEY_ID"):
        return unknown(name, f"{place}: its keys aren't known here", _SET)
    from runs.s3 import S3Objects
    from runs.s3_cache import S3Cache

    try:
        await (S3Cache if name == "Cache" else S3Objects)(place, variables).check()
    except (BackendError, OSError, ValueError) as error:
        return bad(name, str(error), "docs/config.md says what its keys need")
    return good(name, f"{place} is read and written")


_KEYS = (TOKEN, CHAT, GIT, *MODEL_KEYS)
_SERVERS = ("TELEGRAM_API_URL", "GITHUB_API_URL", "ANTHROPIC_BASE_URL")
_SET = "Set it here, to have it tried"
_UNREADABLE = (
    "May the token read it? The bot then guesses what it needs, and its runs fail at the clone"
)


def _config(present: Present) -> tuple[Config, list[Finding]]:
    if present.config is None:
        return Config(), [unknown("Config", "there is none on the cluster")]
    try:
        config = parse(present.config)
    except ConfigError as error:
        lines = "; ".join(error.mistakes)
        return Config(), [
            bad("Config", lines, "claude-sandbox init --config FILE, once it is right")
        ]
    repos = f"{len(config.repos)} repos" if config.repos else "any repo of the forge"
    return config, [good("Config", repos)]


def _place(present: Present, config: Config) -> KubernetesPlace:
    """Return the place of the bot's Runs."""
    return KubernetesPlace(
        SANDBOXES,
        _image(present),
        image_pull_secrets=config.image_pull_secrets,
        entrypoints=config.entrypoints,
        service_images=config.service_images,
        kueue=config.kueue,
        cache_claim=config.cache if isinstance(config.cache, str) else None,
        agent_files=config.agent_files,
        runtime_class=config.runtime_class,
    )


def _image(present: Present) -> str:
    """Return the sandboxes' image, as the bot finds it."""
    return image_of(present.environment.get("CLAUDE_IMAGE"), present.environment.get(OWNER))


def key_limits(config: Config, image: str) -> list[Finding]:
    """Name the repos whose Runs' keys aren't only with the broker: those over ssh, and in images with a program of their own."""
    found = []
    for alias, repo in config.repos.items():
        options = config.options_of(repo)
        note = key_note(Task(repo.address.url, "", image=options.image), image, config.entrypoints)
        if note:
            found.append(warned(f"Repo {alias}", note.removeprefix("🔑 "), _ADVICE[note]))
    return found or [good("Broker", "the keys of all repos in the config are only with it")]


_ADVICE = {
    IN_IMAGE: "Without its line in `entrypoints` the sandbox program is brought into it, and the broker keeps the keys",
    PAST_BROKER: "Name it by its https address, and only the broker has its key",
}
