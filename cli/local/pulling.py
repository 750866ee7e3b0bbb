"""An image that isn't here is pulled. That may take minutes: it is told how it goes on."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from bot.explain import duration
from cli.local.engine import Engine, EngineError, kill, lines_of

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
    tell(f"▶ pull {image}")
    process = await engine.start("pull", image, joined=True)
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


async def _tell_on(heard: _Heard, tell: Callable[[str], None], every_seconds: float) -> None:
    for number in itertools.count(1):
        await asyncio.sleep(every_seconds)
        tell(f"· {duration(number * every_seconds)}: {heard.line or 'nothing yet'}")
