"""A witness of all that a cluster says of Jobs, Pods and events, beside the product and not through it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections import defaultdict
from dataclasses import replace
from itertools import product
from types import TracebackType
from typing import IO, Any

from runs.outcome import Outcome
from tests.cluster.kubectl import Kubectl
from tests.outcomes.samples import Sample, judged, pruned

Object = dict[str, Any]
_KINDS = ("jobs", "pods", "events")
_MOST_EVENTS = 8


class Witness:
    """Watches all namespaces by kubectl, as a context manager, and keeps every state of every object."""

    def __init__(self, cluster: Kubectl) -> None:
        self._cluster = cluster
        self._seen: dict[tuple[str, str], list[tuple[str, Object]]] = defaultdict(list)
        self._watches: list[subprocess.Popen[bytes]] = []
        self._readers: list[threading.Thread] = []

    def __enter__(self) -> Witness:
        for kind in _KINDS:
            watch = subprocess.Popen(
                [
                    *self._cluster.command,
                    f"--kubeconfig={self._cluster.kubeconfig}",
                    *("get", kind, "--all-namespaces", "--watch", "--output-watch-events"),
                    "--output=json",
                ],
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            assert watch.stdout is not None
            reader = threading.Thread(target=self._read, args=(kind, watch.stdout), daemon=True)
            reader.start()
            self._watches.append(watch)
            self._readers.append(reader)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for watch in self._watches:
            os.killpg(watch.pid, signal.SIGKILL)  # a script may stand before kubectl
            watch.wait()
        for reader in self._readers:
            reader.join(10)
        for watch in self._watches:
            assert watch.stdout is not None
            watch.stdout.close()

    def proof(
        self, namespace: str, job_name: str, empty: Sample, outcome: Outcome
    ) -> Sample | None:
        """Return the first state of things in which the product has to come to this outcome; None if there is none."""
        jobs = self._states(namespace, "jobs", job_name)
        pods = self._states(namespace, "pods", job_name)
        events = self._events(namespace, job_name)
        for (_, pod), (what, job) in product([*pods, ("", None)], jobs):
            sample = replace(
                empty,
                job=job,
                job_gone=what == "DELETED" and "deletionTimestamp" not in (job or {})["metadata"],
                pod=pod,
                events=tuple(events),
            )
            found = judged(sample)
            if found is not None and _gist(found) == _gist(outcome):
                return sample
        return None

    def _states(self, namespace: str, kind: str, job_name: str) -> list[tuple[str, Object | None]]:
        found: list[tuple[str, Object | None]] = []
        for what, item in list(self._seen[namespace, kind]):
            if _belongs(item["metadata"], job_name):
                found.append((what, pruned(item)))
        return found

    def _events(self, namespace: str, job_name: str) -> list[Object]:
        found = [
            pruned(item)
            for _, item in list(self._seen[namespace, "events"])
            if item["involvedObject"].get("name", "").startswith(job_name)
        ]
        return found[-_MOST_EVENTS:]

    def _read(self, kind: str, stream: IO[bytes]) -> None:
        for line in stream:  # kubectl prints each event of a watch on one line
            found = json.loads(line)
            item = found["object"]
            namespace = item.get("metadata", {}).get("namespace", "")
            self._seen[namespace, kind].append((found["type"], item))


def _belongs(metadata: Object, job_name: str) -> bool:
    labels = metadata.get("labels", {})
    return metadata["name"] == job_name or labels.get("batch.kubernetes.io/job-name") == job_name


def _gist(outcome: Outcome) -> tuple[object, ...]:
    return outcome.ending, outcome.cause, outcome.error, outcome.remark
