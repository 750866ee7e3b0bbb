"""`claude-sandbox bot`: the bot's process, from its environment to its exit code."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from bot.config import Config
from bot.config_file import ConfigError, parse
from bot.intake import TokenRefusedError
from bot.settings import BackendName, Settings, SettingsError, read
from cli.log_format import start_logging
from runs.local import LocalBackend
from runs.local_place import LocalPlace
from runs.store import LogStore


def run_bot(environment: Mapping[str, str]) -> int:
    """Run the bot until a signal ends it; return the exit code: 0, 1 for a refused token, 2 for wrong settings."""
    # The library's new form of durations; the old one warns at every use.
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    start_logging(environment)
    try:
        settings = read(environment)
        config = load_config(settings.config_path)
    except (SettingsError, ConfigError) as error:
        print(error, file=sys.stderr)
        return 2
    if settings.backend is BackendName.KUBERNETES:
        print(
            "SANDBOX_BACKEND=kubernetes isn't built yet. Set SANDBOX_BACKEND=local", file=sys.stderr
        )
        return 2
    try:
        asyncio.run(_serve(settings, config, environment))
    except TokenRefusedError:
        print(
            "Telegram refuses TELEGRAM_BOT_TOKEN. Take the token that @BotFather shows with /mybots.",
            file=sys.stderr,
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


async def _serve(settings: Settings, config: Config, environment: Mapping[str, str]) -> None:
    from bot.app import Surroundings, serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    place = LocalPlace(
        settings.state_folder, environment, agent=settings.agent.value, limits=config.limits
    )
    backend = LocalBackend(place)
    try:
        await serve(Surroundings(settings, config, backend, LogStore(settings.log_store)), stop)
    finally:
        await backend.close()
