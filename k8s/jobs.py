"""Requests about the Jobs of one namespace, with their Pods, events and logs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Mapping
from datetime import datetime
from typing import TypeVar

import msgspec

from k8s import names
from k8s.api import Api, Patch, Rejected
from k8s.structs import Event, Job, Page, Pod
from runs.backend import Moved, Unavailable, UnknownRun
from runs.run import is_run_id

_Kind = TypeVar("_Kind")


class AlreadyExists(Exception):
    """There is a Job with this name."""


class Jobs:
    """The Jobs of one namespace. Every method raises Unavailable and Refused beside what it names."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self.jobs_path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self.pods_path = f"/api/v1/namespaces/{namespace}/pods"
        self._events_path = f"/api/v1/namespaces/{namespace}/events"

    async def create(self, manifest: Mapping[str, object]) -> Job:
        """Create a Job. Raises AlreadyExists; a used-up quota is Unavailable."""
        try:
            return _decode(await self._api.create(self.jobs_path, manifest), Job)
        except Rejected as error:
            if error.code == _CONFLICT:
                raise AlreadyExists from error
            if error.code == _FORBIDDEN and "exceeded quota" in error.words:
                raise Unavailable(f"The cluster is full: {error.words}") from error
            raise

    async def read(self, run_id: str) -> Job:
        """Read the Job of a Run. Raises UnknownRun."""
        return _decode(await self._known(run_id, self._api.get(self._path(run_id))), Job)

    async def change(
        self, run_id: str, before: Mapping[str, str], texts: Mapping[str, str], more: Patch
    ) -> Job:
        """Set annotations and do `more`, if all annotations in `before` are still as they were. Raises Moved, UnknownRun."""
        patch: Patch = [
            {"op": "test", "path": _pointer(name), "value": text} for name, text in before.items()
        ]
        patch += [
            {"op": "add", "path": _pointer(name), "value": text} for name, text in texts.items()
        ]
        try:
            data = await self._known(run_id, self._api.patch(self._path(run_id), patch + more))
        except Rejected as error:
            if error.code in (_CONFLICT, _INVALID):
                raise Moved(f"Run {run_id} changed meanwhile: {error.words}") from error
            raise
        return _decode(data, Job)

    async def delete(self, job: Job) -> None:
        """Delete a Job with its Pods; one that is gone, or another of the same name, counts as deleted."""
        body = {
            "propagationPolicy": "Background",
            "preconditions": {"uid": job.metadata.uid},
        }
        try:
            await self._api.delete(f"{self.jobs_path}/{job.metadata.name}", body)
        except Rejected as error:
            if error.code not in (_NOT_FOUND, _CONFLICT):
                raise

    async def pod(self, job: Job) -> Pod | None:
        """Read the newest Pod of a Job, and not one of a Job that had its name before."""
        selector = f"{names.JOB_UID_LABEL}={job.metadata.uid}"
        page = _decode(await self._api.get(self.pods_path, {"labelSelector": selector}), Page[Pod])
        pods = page.items or []
        return max(pods, key=lambda pod: str(pod.metadata.creation_timestamp), default=None)

    async def events(self, uid: str) -> list[Event]:
        """Read the events about a Job or a Pod, which its uid names."""
        selector = f"involvedObject.uid={uid}"
        data = await self._api.get(self._events_path, {"fieldSelector": selector, "limit": 50})
        return _decode(data, Page[Event]).items or []

    async def log(self, pod_name: str, tail_bytes: int | None, container: str) -> bytes:
        """Read what a container printed, or its end; nothing when it hasn't started or is gone.

        The API can give the last lines only, not the last bytes.
        """
        lines = None if tail_bytes is None else max(_FEWEST_LINES, tail_bytes // _USUAL_LINE)
        while True:
            query: dict[str, str | int] = {"container": container, "limitBytes": _LONGEST_LOG}
            if lines is not None:
                query["tailLines"] = lines
            try:
                data = await self._api.log(f"{self.pods_path}/{pod_name}/log", query)
            except Rejected as error:
                if error.code in (_BAD_REQUEST, _NOT_FOUND):
                    return b""
                raise
            if data.startswith(_GONE):
                return b""
            if tail_bytes is None or lines is None:
                return data
            if len(data) >= tail_bytes or data.count(b"\n") < lines:
                return data[max(len(data) - tail_bytes, 0) :]
            lines *= 16

    async def first_line_at(self, pod_name: str) -> datetime | None:
        """Return when the first line was printed that the cluster has of the agent's container; None where it can't be said."""
        query: dict[str, str | int] = {"container": names.CONTAINER, "timestamps": "true"}
        query["limitBytes"] = _STAMP_BYTES
        try:
            data = await self._api.log(f"{self.pods_path}/{pod_name}/log", query)
            return msgspec.convert(data.partition(b" ")[0].decode(), datetime)
        except (Rejected, msgspec.ValidationError, UnicodeDecodeError):
            return None

    async def log_to_its_end(self, pod_name: str, seconds: float) -> bytes:
        """Read what the agent's container has printed, and then what it prints until it ends."""
        query: dict[str, str | int] = {
            "container": names.CONTAINER,
            "limitBytes": _LONGEST_LOG,
            "follow": "true",
        }
        return await self._api.log(f"{self.pods_path}/{pod_name}/log", query, seconds)

    def stream(
        self, pod_name: str, container: str, where: Mapping[str, str | int]
    ) -> AsyncGenerator[bytes, None]:
        """Read what a container prints, as it comes, each line behind its time; `where` says from where on."""
        query = {"container": container, "timestamps": "true", "follow": "true", **where}
        return self._api.stream(f"{self.pods_path}/{pod_name}/log", query)

    async def read_pod(self, pod_name: str) -> Pod | None:
        """Read a Pod by its name; None where it is gone."""
        try:
            return _decode(await self._api.get(f"{self.pods_path}/{pod_name}"), Pod)
        except Rejected as error:
            if error.code == _NOT_FOUND:
                return None
            raise

    def _path(self, run_id: str) -> str:
        if not is_run_id(run_id):
            raise UnknownRun("There is no such run.")
        return f"{self.jobs_path}/{names.job_name(run_id)}"

    async def _known(self, run_id: str, answer: Awaitable[bytes]) -> bytes:
        try:
            return await answer
        except Rejected as error:
            if error.code == _NOT_FOUND:
                raise UnknownRun(f"There is no run {run_id} (any more).") from error
            raise


def ending(job: Job) -> Patch:
    """Return the part of a patch that ends a Job's Pod for good.

    Kueue would undo a suspension and run the agent again
    (https://github.com/kubernetes-sigs/kueue, pkg/controller/jobframework/reconciler.go, "handle job is suspended"): its
    Jobs are ended by their deadline, which counts from their start.
    """
    if is_kueues(job):
        return [{"op": "add", "path": "/spec/activeDeadlineSeconds", "value": 1}]
    return suspension(wanted=True)


def is_kueues(job: Job) -> bool:
    """Say whether Kueue decides when a Job runs."""
    return names.KUEUE_LABEL in (job.metadata.labels or {})


def suspension(*, wanted: bool) -> Patch:
    """Return the part of a patch that stops a Job's Pod, or lets it start, unless that was done meanwhile."""
    return [
        {"op": "test", "path": "/spec/suspend", "value": not wanted},
        {"op": "add", "path": "/spec/suspend", "value": wanted},
    ]


def known(job: Job, *which: str) -> dict[str, str]:
    """Return the texts of annotations as they are known, for the guard of a change."""
    found = job.metadata.annotations or {}
    return {name: found[name] for name in which if name in found}


def _pointer(annotation: str) -> str:
    """Return the JSON pointer of an annotation (RFC 6901)."""
    return "/metadata/annotations/" + annotation.replace("~", "~0").replace("/", "~1")


def _decode(data: bytes, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unavailable(f"The cluster's answer can't be read: {error}") from error


_GONE = b"unable to retrieve container logs for "
"""What a kubelet gives, with status 200, in place of the log of a container that is gone (kuberuntime_container.go)."""
_BAD_REQUEST = 400
_FORBIDDEN = 403
_NOT_FOUND = 404
_CONFLICT = 409
_INVALID = 422
_LONGEST_LOG = 256 << 20
_STAMP_BYTES = 64
_FEWEST_LINES = 20
_USUAL_LINE = 40
