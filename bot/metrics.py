"""What the bot counts and measures: the one place where a metric has its name, its labels and its meaning.

No label holds what somebody wrote: repos are the config's aliases, all else comes from closed sets of our own. A series
that may have to tell of its first event is there from the start, at 0, for Prometheus' `increase` misses the event with
which a series appears.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import product

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.registry import Collector

from runs.outcome import Ending, Seen
from runs.run import Run
from sandbox.report import Cause, Phase

OTHER = "other"
"""The repo of a Run that the config doesn't name; and any other thing outside of a closed set."""

CACHE_RESULTS = ("hit", "part", "miss")
UPDATE_KINDS = ("message", "edited_message", "callback_query", OTHER)
"""What is asked for with getUpdates, and what can't be read."""

METHODS = (
    "getMe",
    "getUpdates",
    "getChatMember",
    "sendMessage",
    "sendDocument",
    "sendChatAction",
    "editMessageText",
    "deleteMessage",
    "setMessageReaction",
    "answerCallbackQuery",
    "setMyCommands",
)
"""What the bot asks of the Bot API."""

NO_ANSWER = "none"
ANSWERS = ("200", "400", "401", "403", "404", "409", "429", "500", "502", "503", "504", NO_ANSWER)
"""How the Bot API is known to answer, by HTTP status."""

MOST_DOLLARS = 10_000.0
"""No Run costs more; a forged Report may say so, and a counter never forgets."""

ANSWER_SECONDS = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)
WORK_SECONDS = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)
SWEEP_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counters and histograms of one bot, over a registry of its own.

    `repos` are the aliases of the config; `clock` gives seconds since 1970.
    """

    def __init__(self, repos: Iterable[str] = (), clock: Callable[[], float] = time.time) -> None:
        # Times of creation would double the series, and our counters begin with the process, which has its own.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own code
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._repos = frozenset(repos)
        self._clock = clock
        self._start_runs()
        self._start_times()
        self._start_telegram()
        self._start_sweeps()
        self._fill()

    def show(self, present: Collector) -> None:
        """Let the page tell of the present, too."""
        self.registry.register(present)

    def started(self, repo: str) -> None:
        """Count a Run that a person asked for and that exists now."""
        self._started.labels(self._known(repo)).inc()

    def told(self, run: Run, repo: str, told_at: float) -> None:
        """Take in a Run whose end people were told of; `told_at` is in seconds since 1970."""
        outcome, repo = run.outcome, self._known(repo)
        if outcome is None or run.ended_at is None:
            return
        self._ended.labels(repo, outcome.ending.value).inc()
        if outcome.cause is not None and outcome.ending is not Ending.CANCELLED:
            self._failures.labels(outcome.cause.value).inc()
        self._lag.observe(max(0.0, told_at - run.ended_at))
        begun_at = run.ended_at if run.started_at is None else run.started_at
        self._wait.observe(max(0.0, begun_at - run.created_at))
        if run.started_at is not None:
            self._length.observe(max(0.0, run.ended_at - run.started_at))
        self._take_report(run, repo)

    def asked_telegram(self, method: str, answer: str) -> None:
        """Count a request to the Bot API: `answer` is an HTTP status, or NO_ANSWER."""
        self._telegram.labels(method if method in METHODS else OTHER, answer).inc()

    def polled(self) -> None:
        """Note that Telegram answered getUpdates just now."""
        self._polled_at.set(self._clock())

    def handled(self, kind: str) -> None:
        """Count an update that was handled."""
        self._updates.labels(kind if kind in UPDATE_KINDS else OTHER).inc()

    def swept(self, seconds: float, *, well: bool) -> None:
        """Take in a sweep; one that didn't end well was cut short."""
        self._sweep.observe(seconds)
        if not well:
            self._bad_sweeps.inc()

    def _start_runs(self) -> None:
        self._started = self._counter("runs_started", "Runs that were asked for in a chat", "repo")
        self._ended = self._counter(
            "runs_ended", "Runs whose end people were told of", "repo", "ending"
        )
        self._failures = self._counter(
            "failures", "Runs that didn't end well, by what was seen to be the cause", "cause"
        )
        self._cost = self._counter(
            "cost_dollars", "What the model cost in runs that were told", "repo"
        )
        self._cache = self._counter(
            "dependency_cache", "Runs by what the cache of dependencies had for them", "result"
        )

    def _start_times(self) -> None:
        self._lag = self._histogram(
            "delivery_lag_seconds", "From the end of a run until people were told", ANSWER_SECONDS
        )
        self._wait = self._histogram(
            "run_wait_seconds", "How long a run that was told waited for its place", WORK_SECONDS
        )
        self._length = self._histogram(
            "run_seconds",
            "How long a run that was told took from its place to its end",
            WORK_SECONDS,
        )
        self._phases = self._histogram(
            "phase_seconds", "How long a phase took, as the sandbox says", WORK_SECONDS, "phase"
        )

    def _start_telegram(self) -> None:
        self._telegram = self._counter(
            "telegram_requests",
            "Requests to the Bot API by HTTP status, or none for no answer",
            "method",
            "answer",
        )
        self._updates = self._counter("updates", "Updates of Telegram that were handled", "kind")
        self._polled_at = Gauge(
            "claude_sandbox_telegram_last_answer_timestamp_seconds",
            "When Telegram last answered getUpdates, in seconds since 1970",
            registry=self.registry,
        )

    def _start_sweeps(self) -> None:
        self._sweep = self._histogram(
            "sweep_seconds", "How long it took to re-read everything", SWEEP_SECONDS
        )
        self._bad_sweeps = self._counter("sweeps_failed", "Sweeps that were cut short")

    def _fill(self) -> None:
        """Make the series of all that is known beforehand."""
        for repo in (*self._repos, OTHER):
            self._started.labels(repo)
            self._cost.labels(repo)
            for ending in Ending:
                self._ended.labels(repo, ending.value)
        for cause in (*Cause, *Seen):
            self._failures.labels(cause.value)
        for result in CACHE_RESULTS:
            self._cache.labels(result)
        for kind in UPDATE_KINDS:
            self._updates.labels(kind)
        for method, answer in product(METHODS, ANSWERS):
            self._telegram.labels(method, answer)
        for phase in Phase:
            if phase is not Phase.DONE:
                self._phases.labels(phase.value)

    def _take_report(self, run: Run, repo: str) -> None:
        """Take in what the sandbox says; a forged Report may say anything, but nothing took longer than its Run."""
        report = None if run.outcome is None else run.outcome.report
        if report is None or run.ended_at is None:
            return
        # A number by its type; but a Report that was made otherwise than by reading one may hold anything.
        if isinstance(report.cost_usd, int | float):
            self._cost.labels(repo).inc(min(max(0.0, report.cost_usd), MOST_DOLLARS))
        if report.cache in CACHE_RESULTS:
            self._cache.labels(report.cache).inc()
        most = max(0.0, run.ended_at - run.created_at)
        for phase, seconds in report.phase_seconds:
            if phase is not Phase.DONE:
                self._phases.labels(phase.value).observe(min(max(0.0, seconds), most))

    def _known(self, repo: str) -> str:
        return repo if repo in self._repos else OTHER

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"claude_sandbox_{name}", meaning, labels, registry=self.registry)

    def _histogram(
        self, name: str, meaning: str, buckets: Iterable[float], *labels: str
    ) -> Histogram:
        return Histogram(
            f"claude_sandbox_{name}",
            meaning,
            labels,
            buckets=tuple(buckets),
            registry=self.registry,
        )
