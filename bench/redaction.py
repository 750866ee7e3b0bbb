"""What redaction costs: an excerpt for a message, and a whole log beside an event loop."""

from __future__ import annotations

import asyncio
import random
import statistics
import string
import time
from pathlib import Path

from bench.figure import Figure, at_most
from sandbox.redaction import Redactor

EXCERPT_BYTES = 20_000
LOG_BYTES = 8 << 20
EXCERPT_LIMIT_MS = 5
STALL_LIMIT_MS = 50

_ROUNDS = 50
_LOG_ROUNDS = 5
_SECRETS = ("correct-horse-battery-staple", "postgres-password-of-a-test")
_LINES = (
    "Collecting {word}>=2.{number} (from -r requirements.txt (line {number}))",
    "  Downloading https://files.example/packages/{hash}/{word}-2.{number}-py3-none-any.whl ({number} kB)",
    "tests/test_{word}.py::test_that_{word}_is_what_it_was[{number}-{word}] PASSED  [ {number}%]",
    '{{"level":"info","msg":"{word}\\n","path":"\\/api\\/{word}?q=a%20b","took":{number}}}',
    "drwxr-xr-x 2 root root {number} Jan  1 12:00 /usr/lib/{word}/site-packages/{word}",
    "sha512-{base64}==",
    "Authorization: Bearer {base64}",
)


async def measure(_folder: Path) -> list[Figure]:
    """Redact a log that is made up: mostly words, with tokens, sums and escapes between them.

    The excerpt is measured in processor time, the stall in time as it passes.
    """
    log = _log()
    redactor = Redactor(_SECRETS)
    excerpt = log[:EXCERPT_BYTES].decode()
    took = statistics.median(_milliseconds(redactor, excerpt) for _ in range(_ROUNDS))
    # The best of some rounds: in the others this machine did something else meanwhile.
    stall, seconds = min([await _beside_a_loop(redactor, log) for _ in range(_LOG_ROUNDS)])
    return [
        at_most("redaction of an excerpt of 20 KB", took, EXCERPT_LIMIT_MS, "ms"),
        at_most(
            "redaction of a log of 8 MiB: stall of the loop",
            stall,
            STALL_LIMIT_MS,
            "ms",
            f"(all: {seconds:.1f} s)",
        ),
    ]


async def _beside_a_loop(redactor: Redactor, log: bytes) -> tuple[float, float]:
    """Redact in a thread; return the longest stall of this loop in milliseconds, and the seconds that it took."""
    watch = asyncio.create_task(_longest_stall())
    await asyncio.sleep(0)
    started_at = time.monotonic()
    await asyncio.to_thread(redactor.log, log)
    seconds = time.monotonic() - started_at
    watch.cancel()
    return await watch, seconds


async def _longest_stall() -> float:
    """Return, when cancelled, by how many milliseconds a sleep of 1 ms was late at most."""
    longest = 0.0
    try:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - before - 0.001)
    except asyncio.CancelledError:
        return longest * 1000


def _milliseconds(redactor: Redactor, text: str) -> float:
    started_at = time.process_time()
    redactor.text(text)
    return (time.process_time() - started_at) * 1000


def _log() -> bytes:
    chance = random.Random(7)
    letters = string.ascii_letters + string.digits
    lines: list[str] = []
    size = 0
    while size < LOG_BYTES:
        lines.append(
            chance.choices(_LINES, weights=(9, 9, 30, 9, 30, 3, 1))[0].format(
                word="".join(chance.choices(string.ascii_lowercase, k=9)),
                number=chance.randrange(100),
                hash=chance.randbytes(32).hex(),
                base64="".join(chance.choices(letters, k=86)),
            )
        )
        size += len(lines[-1]) + 1
    return "\n".join(lines).encode()[:LOG_BYTES]
