"""Samples of how Runs ended on a real cluster: what it said of Job, Pod and events when the end was told.

Each is a file of `tests/data/outcomes/`, written by the test that it names: `KEEP_SAMPLES=1 make test-cluster`.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from k8s import annotations as notes
from k8s import names
from k8s.diagnosis import ended_by_job, ended_by_pod, report_of, with_job
from k8s.obstacles import obstacle, with_events
from k8s.reading import run_of
from k8s.structs import Event, Job, Pod
from runs import encoding
from runs.outcome import Ending, Outcome, Seen
from runs.run import Run, State

FOLDER = Path(__file__).parents[1] / "data" / "outcomes"
FUNCTION = "test_each_way_to_end_happens_fault_12_fault_18_fault_19_fault_20_fault_21_fault_22_fault_23_fault_32_fault_33"
TEST = f"tests/cluster/test_outcomes.py::{FUNCTION}"
MOST_LINES = 350
LOG_LINES = 40

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """What the cluster said. `job_gone` says that the Job was deleted; then `record` may be what is left of the Run.

    `log` are the last lines that the program printed.
    """

    name: str
    test: str
    taken: str
    kubernetes: str
    job: Object | None = None
    job_gone: bool = False
    pod: Object | None = None
    events: tuple[Object, ...] = ()
    log: tuple[str, ...] = ()
    record: Object | None = None


def read_samples() -> dict[str, Sample]:
    """Return all samples by their names."""
    return {path.stem: _read(path) for path in sorted(FOLDER.glob("*.json"))}


def write(sample: Sample) -> None:
    """Write a sample over the one of its name."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    values = {key: value for key, value in asdict(sample).items() if value}
    # A node of the tests keeps logs below the cache of whoever runs them; usual ones here.
    text = _PODS.sub("/var/log/pods", json.dumps(values, indent=1, ensure_ascii=False))
    (FOLDER / f"{sample.name}.json").write_text(text + "\n", encoding="utf-8")


def judged(sample: Sample) -> Outcome | None:
    """Judge what the cluster said as the product does; None when it says nothing yet."""
    if sample.record is not None:
        run = encoding.read_run(sample.record)
        return None if run is None else run.outcome
    if sample.job is None:
        return None
    job = msgspec.convert(sample.job, Job)
    cancelled = notes.read_cancelled(job.metadata.annotations or {}) is not None
    run_id = names.run_of_job(job.metadata.name) or ""
    pod = None if sample.pod is None else msgspec.convert(sample.pod, Pod)
    if sample.job_gone:
        return Outcome(Ending.FAILED, report_of(run_id, pod), Seen.JOB_DELETED)
    ended = (
        ended_by_job(job, cancelled=cancelled)
        if pod is None
        else ended_by_pod(run_id, pod, cancelled=cancelled)
    )
    if ended is not None:
        return with_job(ended, job).outcome
    found = obstacle(pod, events_of(sample, "Job"))
    if found is None:
        return None
    found = with_events(found, events_of(sample, "Pod"))
    ending = Ending.CANCELLED if cancelled else Ending.FAILED
    return Outcome(ending, report_of(run_id, pod), found.cause, found.error or None)


def run_with(sample: Sample, outcome: Outcome) -> Run:
    """Return the Run of a sample with an end."""
    if sample.record is not None:
        run = encoding.read_run(sample.record)
    else:
        run = run_of(msgspec.convert(sample.job, Job), None)
    assert run is not None
    return replace(run, state=State.ENDED, outcome=outcome, report=outcome.report)


def events_of(sample: Sample, kind: str) -> list[Event]:
    """Return the events about objects of a kind."""
    return [
        msgspec.convert(event, Event)
        for event in sample.events
        if event["involvedObject"]["kind"] == kind
    ]


def pruned(found: Object) -> Object:
    """Leave out of an object what says nothing of how it fares, and what is long."""
    if "involvedObject" in found:
        about = {key: found["involvedObject"][key] for key in ("kind", "name")}
        return {**{key: found[key] for key in _EVENT if key in found}, "involvedObject": about}
    metadata = {key: found["metadata"][key] for key in _METADATA if key in found["metadata"]}
    spec = found.get("spec", {})
    kept: Object = {key: spec[key] for key in _SPEC if key in spec}
    kept |= {
        kind: [{key: each[key] for key in _CONTAINER if key in each} for each in spec[kind]]
        for kind in ("initContainers", "containers")
        if kind in spec
    }
    more: Object = {"spec": kept} if kept else {}
    if "status" in found:
        status = json.loads(json.dumps(found["status"]))
        for each in [
            *status.get("containerStatuses", ()),
            *status.get("initContainerStatuses", ()),
        ]:
            for key in _NOISE:
                each.pop(key, None)
        for key in _NOISE:
            status.pop(key, None)
        more["status"] = status
    return {"metadata": metadata, **more}


_PODS = re.compile(r"/[^\s\"]*/claude-sandbox/cluster/run/pods")
_METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
)
_EVENT = ("type", "reason", "message", "count")
_SPEC = (
    "suspend",
    "backoffLimit",
    "activeDeadlineSeconds",
    "nodeName",
    "nodeSelector",
    "priority",
    "restartPolicy",
    "schedulingGates",
    "terminationGracePeriodSeconds",
)
_CONTAINER = ("name", "image", "command", "resources", "restartPolicy")
_NOISE = (
    "volumeMounts",
    "imageID",
    "containerID",
    "allocatedResources",
    "resources",
    "user",
    "hostIP",
    "hostIPs",
    "podIP",
    "podIPs",
)


def _read(path: Path) -> Sample:
    found = json.loads(path.read_text(encoding="utf-8"))
    found["events"] = tuple(found.get("events", ()))
    found["log"] = tuple(found.get("log", ()))
    return Sample(**found)
