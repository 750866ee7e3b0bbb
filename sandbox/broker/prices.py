"""What a call of the model costs. Pure.

Prices are US dollars per million tokens, from https://platform.claude.com/docs/en/about-claude/pricing as of 2026-11; they
are the same as in the catalogue of Claude Code 2.1.330. A model that isn't here counts as the dearest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MILLION = 1e6
_WEB_SEARCH = 0.01
_FAST = 6.0
"""The dearest factor of the fast mode."""
_US_ONLY = 1.1


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call used. `written_1h` is the part of the cache's writes that is kept for an hour."""

    input: int = 0
    written: int = 0
    written_1h: int = 0
    read: int = 0
    output: int = 0
    searches: int = 0
    fast: bool = False
    us_only: bool = False

    @property
    def input_tokens(self) -> int:
        """Return all that the model read: new, written to the cache and read from it."""
        return self.input + self.written + self.read


@dataclass(frozen=True, slots=True)
class Price:
    """Of a million tokens; writing to the cache costs 1.25 times the input for five minutes, twice for an hour."""

    input: float
    output: float
    read: float
    above: int | None = None
    long: float = 1.0
    """The factor for every token of a call whose prompt has more than `above` tokens."""


def cost_usd(model: str, usage: Usage) -> float:
    """Return what a call of a model costs."""
    price = PRICES.get(_plain(model), DEAREST)
    whole = (
        usage.input * price.input
        + (usage.written - usage.written_1h) * price.input * 1.25
        + usage.written_1h * price.input * 2
        + usage.read * price.read
        + usage.output * price.output
    )
    if price.above is not None and usage.input_tokens > price.above:
        whole *= price.long
    whole *= (_FAST if usage.fast else 1.0) * (_US_ONLY if usage.us_only else 1.0)
    return whole / _MILLION + usage.searches * _WEB_SEARCH


def _plain(model: str) -> str:
    """Return a model's name without date, context size and `latest`."""
    return re.sub(r"([-@]\d{8}|-latest)?(\[1m\])?$", "", model, count=1)


_OPUS_4 = Price(15, 75, 1.5)
_OPUS = Price(5, 25, 0.5)
_SONNET = Price(3, 15, 0.3)
_TEN = Price(10, 50, 1)
_TEN_CHEAP_READ = Price(10, 50, 0.25)
_EIGHT = Price(8, 40, 0.2)
DEAREST = _OPUS_4

PRICES = {
    **dict.fromkeys(
        ("claude-3-opus", "claude-opus-4", "claude-opus-4-0", "claude-opus-4-1"), _OPUS_4
    ),
    **dict.fromkeys(
        (
            "claude-opus-4-5",
            "claude-opus-4-6",
            "claude-opus-4-7",
            "claude-opus-4-8",
            "claude-opus-5",
        ),
        _OPUS,
    ),
    "claude-opus-5-5": Price(4, 20, 0.2),
    **dict.fromkeys(("claude-3-5-sonnet", "claude-3-7-sonnet"), _SONNET),
    **dict.fromkeys(
        ("claude-sonnet-4", "claude-sonnet-4-0", "claude-sonnet-4-5", "claude-sonnet-4-6"), _SONNET
    ),
    "claude-sonnet-5": Price(2, 10, 0.2),
    "claude-sonnet-5-5": Price(2, 10, 0.1),
    "claude-3-haiku": Price(0.25, 1.25, 0.03),
    "claude-3-5-haiku": Price(0.8, 4, 0.08),
    "claude-haiku-4-5": Price(1, 5, 0.1),
    "claude-haiku-5-5": Price(0.1, 0.5, 0.01, above=100_000, long=5.0),
    **dict.fromkeys(("claude-fable-5", "claude-mythos-5"), _TEN),
    **dict.fromkeys(("claude-fable-5-1", "claude-mythos-5-1"), _TEN_CHEAP_READ),
    **dict.fromkeys(("claude-fable-5-2", "claude-mythos-5-2"), _EIGHT),
}
