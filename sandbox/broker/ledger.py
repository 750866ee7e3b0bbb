"""The broker's one memory: its State, shared by all requests, and kept in a file that outlives the process."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from sandbox.broker.prices import Usage, cost_usd
from sandbox.broker.refusals import Refusal, joined
from sandbox.broker.state import ModelKey, State, decode, encode

STATE = "state.json"


class Ledger:
    """Counts for one Run. Every method may be called from any thread.

    `folder` None keeps nothing. What can't be written to disk is still counted.
    """

    def __init__(
        self, folder: Path | None, budget_usd: float | None, model_key: ModelKey = ModelKey.NONE
    ) -> None:
        self._path = None if folder is None else folder / STATE
        self._budget = budget_usd
        self._lock = threading.Lock()
        self._state = replace(self._read() or State(), model_key=model_key)

    @property
    def state(self) -> State:
        """Return what is known now."""
        return self._state

    def may_spend(self) -> bool:
        """Say whether there is still something of the budget; that there isn't is remembered."""
        with self._lock:
            if self._budget is None or self._state.cost_usd < self._budget:
                return True
            self._change(replace(self._state, over_budget=True))
            return False

    def count_call(self) -> None:
        """Count a call of the model that was answered."""
        with self._lock:
            self._change(replace(self._state, calls=self._state.calls + 1))

    def spend(self, model: str, before: Usage, now: Usage) -> None:
        """Count what a call used since it was last counted."""
        with self._lock:
            known = self._state
            self._change(
                replace(
                    known,
                    cost_usd=known.cost_usd + cost_usd(model, now) - cost_usd(model, before),
                    input_tokens=known.input_tokens + now.input_tokens - before.input_tokens,
                    output_tokens=known.output_tokens + now.output - before.output,
                )
            )

    def refuse(self, refusal: Refusal) -> None:
        """Remember what was refused."""
        with self._lock:
            self._change(replace(self._state, refusals=joined(self._state.refusals, refusal)))

    def _change(self, state: State) -> None:
        if state == self._state:
            return
        self._state = state
        if self._path is None:
            return
        new = self._path.with_suffix(".new")
        try:
            new.write_bytes(encode(state))
            new.replace(self._path)
        except OSError:
            # A full disk must not end the run; after a restart it would be counted anew.
            self._path = None

    def _read(self) -> State | None:
        if self._path is None:
            return None
        try:
            return decode(self._path.read_bytes())
        except OSError:
            return None
