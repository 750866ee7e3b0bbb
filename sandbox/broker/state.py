"""What the broker knows of its Run: what was spent and what was refused. Pure; JSON is its form on the wire and on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sandbox.broker.refusals import MAX_DETAIL, MAX_KEPT, Refusal, Refused


class ModelKey(str, Enum):
    """Which kind of key opens the model's API; the value is the variable that holds it."""

    NONE = ""
    API_KEY = "ANTHROPIC_API_KEY"
    BEARER = "ANTHROPIC_AUTH_TOKEN"
    OAUTH = "CLAUDE_CODE_OAUTH_TOKEN"


@dataclass(frozen=True, slots=True)
class State:
    """`calls` are those of the model that were answered. `over_budget` says that one was refused for its cost."""

    cost_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0
    over_budget: bool = False
    refusals: tuple[Refusal, ...] = ()
    model_key: ModelKey = ModelKey.NONE


def encode(state: State) -> bytes:
    """Return a State as JSON."""
    values = {
        "version": 1,
        "cost_usd": state.cost_usd,
        "input_tokens": state.input_tokens,
        "output_tokens": state.output_tokens,
        "calls": state.calls,
        "over_budget": state.over_budget,
        "refusals": [[each.kind.value, each.detail, each.times] for each in state.refusals],
        "model_key": state.model_key.value,
    }
    return json.dumps(values, separators=(",", ":")).encode()


def decode(data: bytes) -> State | None:
    """Read a State tolerantly; None when it isn't one."""
    try:
        found = json.loads(data)
        return State(
            cost_usd=float(found["cost_usd"]),
            input_tokens=int(found["input_tokens"]),
            output_tokens=int(found["output_tokens"]),
            calls=int(found["calls"]),
            over_budget=found["over_budget"] is True,
            refusals=tuple(map(_refusal, found["refusals"][:MAX_KEPT])),
            model_key=ModelKey(found["model_key"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None


def _refusal(values: Any) -> Refusal:
    kind, detail, times = values
    return Refusal(Refused(kind), str(detail)[:MAX_DETAIL], int(times))
