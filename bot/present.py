"""What is so at this moment, looked at only when somebody asks: nothing here is counted along."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.outbox import Priority
from runs.counted import Counted
from runs.run import Run, State


@dataclass(frozen=True, slots=True)
class Views:
    """Where it is looked: Runs under way, ends that nobody knows yet (by when they came), who waits to be sent."""

    live: Callable[[], list[Run]]
    untold: Callable[[], list[float]]
    waiting: Callable[[], Mapping[Priority, int]]
    counted: Callable[[], Counted]
    clock: Callable[[], float]


class Present(Collector):
    """Metrics of the present. Must be asked on the bot's own loop, which changes what is looked at."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def collect(self) -> Iterator[Metric]:
        """Yield each metric."""
        yield from self._runs()
        yield from self._ends()
        waiting = _gauge("outbox_waiting", "Messages that wait for their turn", "priority")
        for priority, count in self._views.waiting().items():
            waiting.add_metric([priority.name.lower()], count)
        yield waiting
        yield from self._backend()

    def _runs(self) -> Iterator[Metric]:
        live = self._views.live()
        runs = _gauge("runs", "Runs under way", "state")
        for state in (State.QUEUED, State.RUNNING):
            runs.add_metric([state.value], sum(run.state is state for run in live))
        yield runs
        queued = [run.created_at for run in live if run.state is State.QUEUED]
        yield self._age("queue_oldest_seconds", "How long the oldest queued run waits", queued)

    def _ends(self) -> Iterator[Metric]:
        untold = self._views.untold()
        ends = _gauge("ends_untold", "Runs that ended and wait to be told")
        ends.add_metric([], len(untold))
        yield ends
        yield self._age("ends_untold_oldest_seconds", "How long the oldest of them waits", untold)

    def _age(self, name: str, meaning: str, times: list[float]) -> Metric:
        age = _gauge(name, meaning)
        age.add_metric([], max(0.0, self._views.clock() - min(times)) if times else 0.0)
        return age

    def _backend(self) -> Iterator[Metric]:
        counted = self._views.counted()
        requests = CounterMetricFamily(
            "claude_sandbox_backend_requests",
            "Requests to the cluster's API by HTTP status, or none for no answer",
            labels=["answer"],
        )
        for answer, count in counted.requests.items():
            requests.add_metric([answer], count)
        yield requests
        restarts = CounterMetricFamily(
            "claude_sandbox_watch_restarts",
            "Watches that began anew: ended by the server in its own time, expired or failed",
            labels=["resource", "reason"],
        )
        for (resource, reason), count in counted.watch_restarts.items():
            restarts.add_metric([resource, reason], count)
        yield restarts


def _gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"claude_sandbox_{name}", meaning, labels=labels)
