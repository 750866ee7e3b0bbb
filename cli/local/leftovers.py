"""What runs left behind whose command was killed before it could remove it."""

from __future__ import annotations

import json
import os
import socket

from cli.local.arguments import LABEL, OWNER
from cli.local.engine import Engine
from cli.local.pod import remove


def owner() -> str:
    """Return who makes a run's containers: this process, of this machine."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def sweep(engine: Engine) -> list[str]:
    """Remove what belongs to commands of this machine that are gone; return the names of their runs. Raises EngineError."""
    found: dict[str, str] = {}
    listed = await engine.do("ps", "--all", "--quiet", "--filter", f"label={LABEL}")
    for container in listed.split():
        done = await engine.call("container", "inspect", container)
        if done.code != 0:
            continue  # gone meanwhile
        labels = (json.loads(done.output)[0].get("Config") or {}).get("Labels") or {}
        found[labels.get(LABEL, "")] = labels.get(OWNER, "")
    gone = sorted(name for name, by in found.items() if name and _is_gone(by))
    for name in gone:
        await remove(engine, name)
    return gone


def _is_gone(owned_by: str) -> bool:
    """Say whether a command of this machine has ended; of another machine's nothing is known."""
    host, _, number = owned_by.rpartition(":")
    if host != socket.gethostname() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False
