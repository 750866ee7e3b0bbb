"""`claude-sandbox bot`: the bot's process, from its environment to its exit code."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from bot.config import Config
from bot.config_file import ConfigError
from bot.intake import TokenRefusedError
from bot.settings import BackendName, Settings, SettingsError, read
from cli.exits import Failure
from cli.garbage import look_as_usual
from cli.log_format import complain, start_logging
from cli.owner import with_owner
from cli.parts import (
    load_config,
    make_cache_signer,
    make_place,
    make_stacks,
    make_store,
    silence_of,
)
from cli.where import demand_kubeconfig
from runs.local import LocalBackend
from runs.local_place import LocalPlace
from runs.store import LogStore
from sandbox.descendants import close_memory
from sandbox.keys import read_keys
from sandbox.redaction import Redactor

if TYPE_CHECKING:
    from k8s.backend import KubernetesBackend


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


def make_backend(
    settings: Settings, config: Config, environment: Mapping[str, str]
) -> LocalBackend | KubernetesBackend:
    """Return the Backend that SANDBOX_BACKEND names."""
    if settings.backend is BackendName.LOCAL:
        return LocalBackend(
            LocalPlace(
                settings.state_folder,
                {**environment, **silence_of(config)},
                agent=settings.agent.value,
                limits=config.limits,
            )
        )
    # Loaded only here: the client takes a second and tens of megabytes, which local Runs don't need.
    from k8s.backend import KubernetesBackend

    import_module("k8s.manifest")  # with all else: the first task shouldn't wait for it

    return KubernetesBackend(make_place(settings, config, environment))


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
    look_as_usual()
    try:
        stacks = make_stacks(settings, config, environment)
        on_cluster = settings.backend is BackendName.KUBERNETES
        cache = make_cache_signer(config, environment) if on_cluster else None
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
