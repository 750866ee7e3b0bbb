"""What the bot's page holds, taken from the code that makes it: each sample's name with its labels and their values."""

from __future__ import annotations

from collections.abc import Mapping

from bot.metrics import Metrics
from bot.outbox import Priority
from bot.present import Present, Views
from runs.counted import Counted

Samples = dict[str, dict[str, set[str]]]
COUNTED = Counted({"200": 7}, {("jobs", "ended"): 1, ("pods", "failed"): 2, ("jobs", "expired"): 1})


def samples() -> Samples:
    """Return every sample of a bot that has seen nothing but its cluster, by name: its labels, each with its values."""
    metrics = Metrics(["shop"])
    metrics.asked_telegram("getMe", "200")
    waiting: Mapping[Priority, int] = dict.fromkeys(Priority, 0)
    metrics.show(Present(Views(list, list, lambda: waiting, lambda: COUNTED, lambda: 0.0)))
    # The library finds these on Linux only.
    found: Samples = {"process_resident_memory_bytes": {}, "process_cpu_seconds_total": {}}
    for family in metrics.registry.collect():
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    return found
