"""What an installation is to have: asked of a person, or taken from the environment and from what is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import yaml

from bot.config import Config
from bot.config_file import parse
from cli.exits import Exit, Failure
from cli.keys import Keys, placeholders
from cli.questions import Asker
from cli.screen import Screen
from cli.wish import Wish
from k8s.api import Api, Rejected
from k8s.installation.overlay import overlay_names
from k8s.installation.plan import (
    REGISTRY_SECRET,
    USUAL_OVERLAY,
    Wishes,
    bot_namespace,
    shipped_config,
)
from k8s.installation.present import Present
from k8s.version import ServerVersion, too_old
from runs.image_name import OWNER, usual_image

PASSED_ON = (
    "TELEGRAM_API_URL",
    "GITHUB_API_URL",
    "ANTHROPIC_BASE_URL",
    "CLAUDE_IMAGE",
    "SANDBOX_AGENT",
    "SANDBOX_LOG_FORMAT",
    "SANDBOX_LOG_STORE",
    "SANDBOX_METRICS",
    "SANDBOX_POLL_SECONDS",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
)
"""Variables of `init` that the bot gets too, where they are set."""


async def demand_version(api: Api) -> None:
    """Make sure that the cluster is new enough for what is shipped. Raises Failure, Unavailable."""
    import msgspec

    try:
        version = msgspec.json.decode(await api.get("/version"), type=ServerVersion)
    except (Rejected, msgspec.MsgspecError):
        return
    sentence = too_old(version)
    if sentence is not None:
        raise Failure(sentence, "Nothing was changed. Upgrade the cluster.", Exit.CLUSTER)


async def wishes_for(screen: Screen, asker: Asker, wish: Wish, present: Present) -> Wishes:
    """Find out what is wished: the environment first, then what is there, then the person. Raises Failure."""
    overlay = _overlay(wish, present)
    environment = {**present.environment, **_owners(asker, present), **_passed_on(asker, wish)}
    asks = asker.can_ask and not wish.dry_run
    given = asker.given("SANDBOX_CONFIG")
    wish = replace(wish, config=wish.config or (Path(given) if given else None))
    text = _config_text(asker if asks else None, wish, present, overlay)
    config = Config() if text is None else parse(text)
    if wish.registry is not None and not config.image_pull_secrets:
        text = f"{text or shipped_config(overlay)}\nimagePullSecrets: [regcred]\n"
    if wish.dry_run:
        keys = placeholders(asker)
    else:
        keys = await Keys(screen, asker, present.keys, environment).collect()
    image = environment.get("CLAUDE_IMAGE")
    return Wishes(
        overlay,
        keys,
        text,
        environment,
        present.allowed,
        tuple(_images(config, image)),
        wish.bot_image or _bot_image(asker, present),
        _file(wish.age_key, "--age-key"),
        _file(wish.registry, "--regcred"),
        has_registry=_has_registry(present),
    )


def _overlay(wish: Wish, present: Present) -> str:
    name = wish.overlay or present.overlay or USUAL_OVERLAY
    known = overlay_names()
    if name not in known:
        raise Failure(f"There is no overlay {name!r}.", f"There are: {', '.join(known)}.")
    if present.overlay is not None and bot_namespace(name) != present.namespace:
        raise Failure(
            f"The bot is in {present.namespace} already, and {name} has it elsewhere.",
            "First take it away: claude-sandbox uninstall",
        )
    return name


def _passed_on(asker: Asker, wish: Wish) -> dict[str, str]:
    found = {name: asker.given(name) for name in PASSED_ON if asker.given(name)}
    return {**found, "CLAUDE_IMAGE": wish.image} if wish.image else found


def _owners(asker: Asker, present: Present) -> dict[str, str]:
    """Return the image of a fork's owner, for an installation that is new."""
    owner = asker.given(OWNER)
    is_new = owner and present.deployment is None
    return {"CLAUDE_IMAGE": usual_image(owner)} if is_new else {}


def _config_text(asker: Asker | None, wish: Wish, present: Present, overlay: str) -> str | None:
    """Return the config; None where the shipped one stays as it is."""
    if wish.config is not None:
        return _file(wish.config, "The config")
    if present.config is not None:
        return _with_repo(present.config, wish.repo)
    repo = wish.repo
    if repo is None and asker is not None:
        repo = asker.text(
            "A first repository, such as demo=https://github.com/owner/demo (Enter: any of the forge)"
        )
    return _with_repo(shipped_config(overlay), repo) if repo else None


def _with_repo(text: str, repo: str | None) -> str:
    """Return a config with one repository more, written as alias=URL."""
    if not repo:
        return text
    alias, equals, url = repo.partition("=")
    if not equals or not alias or not url:
        raise Failure(
            f"{repo[:80]!r} isn't alias=URL.", "--repo demo=https://github.com/owner/demo"
        )
    config = parse(text)
    known = config.repos.get(alias)
    if known is not None and known.address.url == url:
        return text
    if config.repos:
        raise Failure(
            "There is a config with repos already, in which this one isn't.",
            "Write all of it into a file: claude-sandbox init --config FILE",
        )
    more: str = yaml.safe_dump({"repos": {alias: url}}, sort_keys=False)
    parse(text.rstrip("\n") + "\n" + more)
    return text.rstrip("\n") + "\n" + more


def _images(config: Config, image: str | None) -> Iterator[str]:
    """Return the patterns of all images that a run may be of: those of the config, and the sandbox's with any tag."""
    if image:
        name = re.sub(r":[^:/]*$", "", image.partition("@")[0])
        yield from (f"{name}:*", f"{name}@*")
        if image == name:
            yield image
    used = [config.defaults.image, *(repo.options.image for repo in config.repos.values())]
    yield from filter(None, used)
    yield from config.service_images.values()
    yield from (pattern for pattern in config.images if not re.search(r"[?\[]", pattern))


def _bot_image(asker: Asker, present: Present) -> str | None:
    if present.deployment is None:
        image = _owners(asker, present).get("CLAUDE_IMAGE")
        return None if image is None else f"{image.removesuffix(':latest')}-bot:latest"
    return str(present.deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def _has_registry(present: Present) -> bool:
    if present.deployment is None:
        return False
    pod = present.deployment["spec"]["template"]["spec"]
    return {"name": REGISTRY_SECRET} in pod.get("imagePullSecrets", ())


def _file(path: Path | None, what: str) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "it isn't UTF-8"
        raise Failure(f"{what}: {path} can't be read: {why}.") from error
