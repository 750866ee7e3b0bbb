"""What the bot and the commands are made of, as the settings and the config say it.

A command waits for nothing that it doesn't use: what only some settings need is loaded where they ask for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import Config
from bot.settings import BackendName, Settings, SettingsError
from runs.store import LogStore
from sandbox.keys import read_keys
from sandbox.redaction import Redactor

if TYPE_CHECKING:
    from bot.stacks import StackReader, Stacks
    from k8s.place import KubernetesPlace
    from runs.s3_cache import S3Cache

_PASSED_ON = ("ANTHROPIC_BASE_URL", "GITHUB_API_URL", "SANDBOX_SCRIPTED_PACE")
"""What the sandboxes get of the bot's own environment: these, and nothing else of it."""


def load_config(path: Path | None) -> Config:
    """Read SANDBOX_CONFIG; without one, the Config in which nothing is set. Raises ConfigError."""
    if path is None:
        return Config()
    from bot.config_file import ConfigError, parse

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError((f"SANDBOX_CONFIG: {path} can't be read: {error}",)) from error
    return parse(text)


def make_place(
    settings: Settings, config: Config, environment: Mapping[str, str]
) -> KubernetesPlace:
    """Return where and how Runs go on the cluster."""
    from k8s.place import GATE_SECONDS, KubernetesPlace, Patience

    cluster = settings.cluster
    passed_on = [name for name in _PASSED_ON if environment.get(name)]
    return KubernetesPlace(
        cluster.namespace,
        cluster.image,
        kubeconfig=cluster.kubeconfig,
        context=cluster.context,
        agent=settings.agent.value,
        limits=config.limits,
        environment={name: environment[name] for name in passed_on} | silence_of(config),
        patience=Patience(**config.patience),
        image_pull_secrets=config.image_pull_secrets,
        entrypoints=config.entrypoints,
        service_images=config.service_images,
        gate=config.gate,
        gate_seconds=GATE_SECONDS[config.gate],
        kueue=config.kueue,
        cache_claim=config.cache_claim,
        cache_signer=make_cache_signer(config, environment),
        agent_files=config.agent_files,
        runtime_class=config.runtime_class,
    )


def make_cache_signer(config: Config, environment: Mapping[str, str]) -> S3Cache | None:
    """Return who signs the addresses of the bucket of dependencies. Raises SettingsError."""
    if config.cache_bucket is None:
        return None
    from runs.s3_cache import S3Cache

    try:
        return S3Cache(config.cache_bucket, environment)
    except (OSError, ValueError) as error:
        raise SettingsError((f"SANDBOX_CONFIG: cache.s3 can't be used: {error}",)) from error


def make_stacks(
    settings: Settings,
    config: Config,
    environment: Mapping[str, str],
    folder: Path | None = None,
) -> Stacks | None:
    """Return who looks at repos before their Runs; None where nothing could come of it.

    `folder` is a clone, which is looked at where its server can't be asked.
    """
    if not config.detects or settings.backend is BackendName.LOCAL:
        return None
    from bot.fitting import Offer
    from bot.stacks import Stacks
    from runs.stacks.remote import RemoteStacks

    reader: StackReader = RemoteStacks(read_keys(environment), environment)
    if folder is not None:
        from cli.stack import OrFolder

        reader = OrFolder(reader, folder)
    return Stacks(reader, Offer(config, settings.cluster.image, settings.cluster.owner))


def make_store(settings: Settings, environment: Mapping[str, str]) -> LogStore:
    """Return the log store that SANDBOX_LOG_STORE names. Raises SettingsError."""
    redactor = Redactor(read_keys(environment).secrets)
    place = settings.log_store
    if isinstance(place, Path):
        return LogStore(place, redactor)
    # Loaded only here, like the cluster's client.
    from runs.s3 import S3Objects

    try:
        return LogStore(S3Objects(place, environment), redactor)
    except (OSError, ValueError) as error:
        raise SettingsError((f"SANDBOX_LOG_STORE: {place} can't be used: {error}",)) from error


def silence_of(config: Config) -> dict[str, str]:
    """Return the sandbox's variable of how long an agent may say nothing; none where the config doesn't set it."""
    silence = config.silence_seconds
    return {} if silence is None else {"SANDBOX_SILENCE": str(silence)}
