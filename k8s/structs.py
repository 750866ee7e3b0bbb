"""The few fields that we read of Kubernetes objects. Unknown fields are skipped; enums are plain strings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Generic, TypeVar

import msgspec


class Metadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What every object has. `resource_version` grows with every change."""

    name: str = ""
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    deletion_grace_period_seconds: int | None = None
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None


class Condition(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One condition of a Job or a Pod."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class JobSpec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What was asked of a Job."""

    suspend: bool = False


class JobStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What Kubernetes says about a Job."""

    active: int = 0
    terminating: int | None = None
    start_time: datetime | None = None
    conditions: list[Condition] | None = None


class Job(msgspec.Struct, frozen=True, gc=False):
    """A Job."""

    metadata: Metadata
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()

    def condition(self, kind: str) -> Condition | None:
        """Return a condition that is true."""
        return _true(self.status.conditions, kind)


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """Why a container isn't running yet."""

    reason: str = ""
    message: str = ""


class Running(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Since when a container is running."""

    started_at: datetime | None = None


class Terminated(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """How a container ended; `message` is what it left in its termination message, or the runtime's error."""

    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class ContainerState(msgspec.Struct, frozen=True, gc=False):
    """One of the three is set."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """How one container fares; `started` says whether its startup probe succeeded, None that nobody says."""

    name: str = ""
    started: bool | None = None
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class PodStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What Kubernetes says about a Pod."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None


class Pod(msgspec.Struct, frozen=True, gc=False):
    """A Pod."""

    metadata: Metadata
    status: PodStatus = PodStatus()

    def condition(self, kind: str) -> Condition | None:
        """Return a condition that is true."""
        return _true(self.status.conditions, kind)

    def container(self, name: str) -> ContainerState:
        """Return the state of a container; an empty one when nothing is known of it."""
        for status in self.status.container_statuses or ():
            if status.name == name:
                return status.state
        return ContainerState()

    @property
    def statuses(self) -> list[ContainerStatus]:
        """Return all containers, sidecars first."""
        return [
            *(self.status.init_container_statuses or ()),
            *(self.status.container_statuses or ()),
        ]


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event about a Job or a Pod; its `type` is Normal or Warning."""

    metadata: Metadata = Metadata()
    type: str = ""
    reason: str = ""
    message: str = ""


class ListMetadata(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={"continue_": "continue", "resource_version": "resourceVersion"},
):
    """Where a list stands: its version, and how to get the next page."""

    resource_version: str = ""
    continue_: str = ""


Item = TypeVar("Item")


class Page(msgspec.Struct, Generic[Item], frozen=True, gc=False):
    """One page of a list."""

    metadata: ListMetadata = ListMetadata()
    items: list[Item] | None = None


class WatchEvent(msgspec.Struct, frozen=True, gc=False):
    """One line of a watch; `object` is decoded when its type is known."""

    type: str
    object: msgspec.Raw = msgspec.Raw(b"{}")


class Status(msgspec.Struct, frozen=True, gc=False):
    """What the API server says about a request that it didn't carry out."""

    code: int = 0
    reason: str = ""
    message: str = ""


def _true(conditions: list[Condition] | None, kind: str) -> Condition | None:
    for condition in conditions or ():
        if condition.type == kind and condition.status == "True":
            return condition
    return None
