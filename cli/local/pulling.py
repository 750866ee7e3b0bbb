"""An image that isn't here is pulled. That may take minutes: it is told how it goes on."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from bot.explain import duration
from cli.local.engine import Engine, EngineError, kill, lines_of
from cli.local.way import With

PULL_SECONDS = 1800
TELL_SECONDS = 10


@dataclass(slots=True)
class _Heard:
    """What the engine said last."""

    line: str = ""


async def pull(
    engine: Engine, image: str, tell: Callable[[str], None], every_seconds: float = TELL_SECONDS
) -> str | None:
    """Pull an image; return the engine's last words where it can't, None when it could. Raises EngineError."""
    name = qualified(image) if engine.name is With.PODMAN else image
    tell(f"▶ pull {name}")
    process = await engine.start("pull", name, joined=True)
    heard = _Heard()
    telling = asyncio.create_task(_tell_on(heard, tell, every_seconds))
    try:
        async with asyncio.timeout(PULL_SECONDS):
            assert process.stdout is not None
            async for line in lines_of(process.stdout):
                heard.line = line.strip() or heard.line
            code = await process.wait()
    except TimeoutError:
        raise EngineError(f"{engine.name.value} pull took more than {PULL_SECONDS} s") from None
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        await kill(process)
    return None if code == 0 else heard.line


def qualified(image: str) -> str:
    """Return an image's name with the registry that Docker and Kubernetes mean where it has none.

    Podman asks the person, or refuses; once it has the image, it knows it by its short name too.
    """
    first, slash, _ = image.partition("/")
    if slash and (set(first) & set(".:") or first == "localhost"):
        return image
    return f"docker.io/{image}" if slash else f"docker.io/library/{image}"


async def _tell_on(heard: _Heard, tell: Callable[[str], None], every_seconds: float) -> None:
    for number in itertools.count(1):
        await asyncio.sleep(every_seconds)
        tell(f"· {duration(number * every_seconds)}: {heard.line or 'nothing yet'}")
