"""`python3 -I -m sandbox.broker`: hold the keys of one Run, and let through what it may do, until SIGTERM.

It listens on 127.0.0.1:9180 with the keys of its environment; or, as `sandbox.broker LISTEN KEYS [LIFE]`, on a socket
that it inherits, with the keys that it reads as JSON from a pipe, until the pipe LIFE has no writer any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from sandbox.broker.cache_passage import CachePassage
from sandbox.broker.decrypt_passage import DecryptPassage
from sandbox.broker.forge_passage import ForgePassage
from sandbox.broker.git_passage import GitPassage
from sandbox.broker.ledger import Ledger
from sandbox.broker.model_passage import ModelPassage
from sandbox.broker.server import Broker, Passage, log
from sandbox.broker.settings import PORT, READY, Settings, read_settings
from sandbox.broker.state import ModelKey
from sandbox.descendants import close_memory

QUEUE = 64


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve until SIGTERM; return 2 for settings that can't be used."""
    # The first process of a container has no default for it.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    close_memory()
    try:
        settings = read_settings(environment, _keys(arguments))
    except ValueError as error:
        log(f"can't start: {error}")
        return 2
    kind = ModelKey.NONE if settings.model_key is None else settings.model_key[0]
    ledger = Ledger(settings.folder, settings.budget_usd, kind)
    if len(arguments) > 2:
        threading.Thread(target=_end_with, args=(int(arguments[2]),), daemon=True).start()
    with _listening(arguments) as listening:
        if settings.folder is not None:
            with contextlib.suppress(OSError):
                (settings.folder / READY).touch()
        log(f"run {settings.run_id}: listening")
        Broker(settings, ledger, passages(settings)).serve(listening)
    return 0


def passages(settings: Settings) -> dict[str, Passage]:
    """Return what is let through, by the first name of its path."""
    found: dict[str, Passage] = {
        "model": ModelPassage(settings),
        "forge": ForgePassage(settings),
        "decrypt": DecryptPassage(settings),
        "cache": CachePassage(settings),
    }
    if urlsplit(settings.repo_url).scheme in ("http", "https"):
        found["git"] = GitPassage(settings)
    return found


def _keys(arguments: Sequence[str]) -> dict[str, str]:
    if not arguments:
        return {}
    with os.fdopen(int(arguments[1]), "rb") as pipe:
        found: dict[str, str] = json.load(pipe)
    return found


def _end_with(life: int) -> None:
    os.read(life, 1)
    os._exit(0)


def _listening(arguments: Sequence[str]) -> socket.socket:
    if arguments:
        return socket.socket(fileno=int(arguments[0]))
    return socket.create_server(("127.0.0.1", PORT), backlog=QUEUE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
