"""`claude-sandbox bot`: the bot's process, from its environment to its exit code."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import Config
from bot.config_file import ConfigError, parse
from bot.fitting import Offer
from bot.intake import TokenRefusedError
from bot.settings import BackendName, Settings, SettingsError, read
from bot.stacks import StackReader, Stacks
from cli.exits import Failure
from cli.log_format import complain, start_logging
from cli.owner import with_owner
from cli.where import demand_kubeconfig
from runs.local import LocalBackend
from runs.local_place import LocalPlace
from runs.stacks.remote import RemoteStacks
from runs.store import LogStore
from sandbox.descendants import close_memory
from sandbox.keys import read_keys
from sandbox.redaction import Redactor

if TYPE_CHECKING:
    from k8s.backend import KubernetesBackend
    from k8s.place import KubernetesPlace
    from runs.s3_cache import S3Cache

_PASSED_ON = ("ANTHROPIC_BASE_URL", "GITHUB_API_URL", "SANDBOX_SCRIPTED_PACE")
"""What the sandboxes get of the bot's own environment: these, and nothing else of it."""


def run_bot(environment: Mapping[str, str]) -> int:
    """Run the bot until a signal ends it; return the exit code: 0, 1 for a refused token, 2 for wrong settings."""
    close_memory()
    # The library's new form of durations; the old one warns at every use.
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    start_logging(environment)
    environment = with_owner(environment)
    try:
        settings = read(environment)
        config = load_config(settings.config_path)
        store = make_store(settings, environment)
        if settings.backend is BackendName.KUBERNETES:
            demand_kubeconfig(settings)  # no waiting brings one, as it may bring the cluster
    except (SettingsError, ConfigError) as error:
        complain(environment, str(error))
        return 2
    except Failure as failure:
        complain(environment, f"{failure.what}\n➜ {failure.advice}")
        return 2
    try:
        asyncio.run(_serve(settings, config, store, environment))
    except SettingsError as error:
        complain(environment, str(error))
        return 2
    except TokenRefusedError:
        complain(
            environment,
            "Telegram refuses TELEGRAM_BOT_TOKEN. Take the token that @BotFather shows with /mybots.",
        )
        return 1
    return 0


def load_config(path: Path | None) -> Config:
    """Read SANDBOX_CONFIG; without one, the Config in which nothing is set. Raises ConfigError."""
    if path is None:
        return Config()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError((f"SANDBOX_CONFIG: {path} can't be read: {error}",)) from error
    return parse(text)


def make_backend(
    settings: Settings, config: Config, environment: Mapping[str, str]
) -> LocalBackend | KubernetesBackend:
    """Return the Backend that SANDBOX_BACKEND names."""
    if settings.backend is BackendName.LOCAL:
        return LocalBackend(
            LocalPlace(
                settings.state_folder,
                {**environment, **_silence(config)},
                agent=settings.agent.value,
                limits=config.limits,
            )
        )
    # Loaded only here: the client takes a second and tens of megabytes, which local Runs don't need.
    from k8s.backend import KubernetesBackend

    return KubernetesBackend(make_place(settings, config, environment))


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
        environment={name: environment[name] for name in passed_on} | _silence(config),
        patience=Patience(**config.patience),
        image_pull_secrets=config.image_pull_secrets,
        entrypoints=config.entrypoints,
        service_images=config.service_images,
        gate=config.gate,
        gate_seconds=GATE_SECONDS[config.gate],
        kueue=config.kueue,
        cache_claim=config.cache_claim,
        cache_signer=_make_cache_signer(config, environment),
        agent_files=config.agent_files,
        runtime_class=config.runtime_class,
    )


def _make_cache_signer(config: Config, environment: Mapping[str, str]) -> S3Cache | None:
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


def _silence(config: Config) -> dict[str, str]:
    silence = config.silence_seconds
    return {} if silence is None else {"SANDBOX_SILENCE": str(silence)}


async def _serve(
    settings: Settings, config: Config, store: LogStore, environment: Mapping[str, str]
) -> None:
    from bot.app import Surroundings, serve

    stop = asyncio.Event()
    redactor = Redactor(read_keys(environment).secrets)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    backend = make_backend(settings, config, environment)
    # What is loaded by now stays: a full collection, for which the loop stands still, needn't look at it (60 ms).
    gc.freeze()
    try:
        stacks = make_stacks(settings, config, environment)
        on_cluster = settings.backend is BackendName.KUBERNETES
        cache = _make_cache_signer(config, environment) if on_cluster else None
        surroundings = Surroundings(
            settings,
            config,
            backend,
            store,
            redactor=redactor,
            stacks=stacks,
            check=None if cache is None else cache.check,
        )
        await serve(surroundings, stop)
    finally:
        await backend.close()
