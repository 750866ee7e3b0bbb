"""Faults that a test switches on: what the network and Telegram itself do wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum


class FaultKind(Enum):
    """ANSWER instead of working; DROP the connection BEFORE or AFTER the call had its effect; HANG, then drop."""

    ANSWER = "answer"
    DROP_BEFORE = "drop-before"
    DROP_AFTER = "drop-after"
    HANG = "hang"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong with the next `times` calls of a method ("*" is any but getUpdates)."""

    method: str
    kind: FaultKind
    times: int = 1
    status: int = 500
    body: bytes = b""
    content_type: str = "application/json"
    seconds: float = 0.0

    def meets(self, method: str) -> bool:
        """Say whether a call of this method is hit; names of methods are case-insensitive."""
        if self.method == "*":
            return method.lower() != "getupdates"
        return self.method.lower() == method.lower()


class Faults:
    """The faults that wait for their call, oldest first."""

    def __init__(self) -> None:
        """Start without any."""
        self._waiting: list[Fault] = []

    def refuse(
        self,
        method: str,
        status: int,
        description: str,
        *,
        times: int = 1,
        parameters: Mapping[str, int] | None = None,
    ) -> None:
        """Answer the next calls as the Bot API refuses, e.g. 429 with parameters {"retry_after": 30}."""
        answer: dict[str, object] = {
            "ok": False,
            "error_code": status,
            "description": description,
        }
        if parameters:
            answer["parameters"] = dict(parameters)
        self.answer(method, status, json.dumps(answer).encode(), times=times)

    def answer(
        self,
        method: str,
        status: int,
        body: bytes,
        *,
        times: int = 1,
        content_type: str = "application/json",
    ) -> None:
        """Answer the next calls with these bytes, e.g. a proxy's 502 page or JSON that is cut off."""
        self.add(Fault(method, FaultKind.ANSWER, times, status, body, content_type))

    def drop(self, method: str, *, after_effect: bool, times: int = 1) -> None:
        """Close the connection without an answer, before or after the call did its work."""
        kind = FaultKind.DROP_AFTER if after_effect else FaultKind.DROP_BEFORE
        self.add(Fault(method, kind, times))

    def hang(self, method: str, seconds: float, *, times: int = 1) -> None:
        """Say nothing for some seconds, then close the connection; the call has no effect."""
        self.add(Fault(method, FaultKind.HANG, times, seconds=seconds))

    def add(self, fault: Fault) -> None:
        """Put a fault in line."""
        self._waiting.append(fault)

    def take(self, method: str) -> Fault | None:
        """Take the fault that this call meets, if any; it counts as used."""
        for index, fault in enumerate(self._waiting):
            if fault.meets(method):
                if fault.times > 1:
                    self._waiting[index] = replace(fault, times=fault.times - 1)
                else:
                    del self._waiting[index]
                return fault
        return None

    def clear(self) -> None:
        """Let everything work again."""
        self._waiting.clear()
