"""An API server in memory that keeps objects of any kind: what `init`, `doctor` and `uninstall` ask of the real one.

tests/cluster/test_installation.py says the same to a real one; here are the moments and refusals that can't be had there.
"""

from __future__ import annotations

import copy
import datetime
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

Object = dict[str, Any]
Moment = Callable[[web.Request], web.Response | None]


class ObjectApi:
    """`objects` by their path. `moment` is asked before each request, and may answer it. `denied` are refused rights,
    `unknown` API versions that the cluster doesn't have."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.version: dict[str, str] = {"major": "1", "minor": "37"}
        self.denied: set[tuple[str, str]] = set()
        self.unknown: set[str] = set()
        self.moment: Moment = lambda _request: None
        self.changes: list[str] = []
        self.refuses_images = True
        self.bot_is_ready = True
        self.kueue_runs = True
        self.bots_own: set[tuple[str, str]] = set()
        self.clock_ahead_seconds = 0
        self._number = 0

    def names(self, kind: str) -> list[str]:
        """Return the names of the objects of a kind."""
        return sorted(
            one["metadata"]["name"] for one in self.objects.values() if one["kind"] == kind
        )

    def one(self, kind: str, name: str, namespace: str = "") -> Object:
        """Return an object."""
        (found,) = (
            one
            for one in self.objects.values()
            if one["kind"] == kind
            and one["metadata"]["name"] == name
            and namespace in ("", one["metadata"].get("namespace"))
        )
        return found

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request."""
        if (answer := self.moment(request)) is not None:
            return answer
        if request.path == "/version":
            return web.json_response(self.version)
        if _VERSION.fullmatch(request.path):
            return self._kinds(request.path.removeprefix("/apis/"))
        if request.path.startswith("/apis/authorization.k8s.io/"):
            return self._review(await request.json())
        if request.method == "POST":
            return self._job(await request.json())
        if request.method == "PATCH":
            return self._patch(request, json.loads(await request.text()))
        if request.method == "DELETE":
            return self._delete(request.path)
        if request.path in self.objects:
            return web.json_response(self.objects[request.path])
        if request.path.rpartition("/")[2] in _KINDS:
            return self._list(request)
        return refused(404, "not found")

    def _kinds(self, version: str) -> web.Response:
        if version in self.unknown:
            return refused(404, "the server could not find the requested resource")
        return web.json_response({"resources": [{"kind": kind} for kind in _KINDS.values()]})

    def _review(self, asked: Object) -> web.Response:
        wanted = asked["spec"]["resourceAttributes"]
        is_bot = "user" in asked["spec"]
        right = (wanted["verb"], wanted["resource"])
        given = (
            right in self.bots_own
            or wanted["resource"] in ("jobs", "events")
            or (wanted["resource"] == "pods" and wanted["verb"] in ("get", "list", "watch"))
        )
        allowed = given if is_bot else right not in self.denied
        return web.json_response({"status": {"allowed": allowed}})

    def _job(self, job: Object) -> web.Response:
        image = job["spec"]["template"]["spec"]["containers"][0]["image"]
        if self.refuses_images and image.startswith("not.allowed"):
            words = "ValidatingAdmissionPolicy 'claude-sandbox' with binding 'claude-sandbox' denied request: no"
            return refused(422, words)
        job["metadata"]["creationTimestamp"] = _now(self.clock_ahead_seconds)
        return web.json_response(job, status=201)

    def _patch(self, request: web.Request, body: Any) -> web.Response:
        path = request.path
        before = self.objects.get(path)
        if isinstance(body, list):
            assert before is not None
            for step in body:
                _, part, key = step["path"].removeprefix("/metadata").split("/")
                before["metadata"].setdefault(part, {})[key.replace("~1", "/")] = step["value"]
            return web.json_response(before)
        after = _merged(copy.deepcopy(before or {}), body)
        after["metadata"].pop("resourceVersion", None)
        known = copy.deepcopy(before or {})
        known.get("metadata", {}).pop("resourceVersion", None)
        if after != known or before is None:
            self.changes.append(path)
            self._number += 1
        version = str(self._number) if after != known else before["metadata"]["resourceVersion"]  # type: ignore[index]
        after["metadata"]["resourceVersion"] = version
        after["metadata"]["generation"] = 1
        after["metadata"]["managedFields"] = [{"manager": request.query["fieldManager"]}]
        if after["kind"] == "Deployment" and self.bot_is_ready:
            after["status"] = dict.fromkeys(
                ("observedGeneration", "updatedReplicas", "replicas", "availableReplicas"), 1
            )
        if after["kind"] == "LocalQueue" and self.kueue_runs:
            after["status"] = {"conditions": [{"type": "Active", "status": "True"}]}
        if after["kind"] == "PersistentVolumeClaim":
            after["status"] = {"phase": "Bound"}
        self.objects[path] = after
        return web.json_response(after, status=200 if before else 201)

    def _delete(self, path: str) -> web.Response:
        if path not in self.objects:
            return refused(404, "not found")
        one = self.objects.pop(path)
        if one["kind"] == "Namespace":
            within = f"/namespaces/{one['metadata']['name']}/"
            self.objects = {path: each for path, each in self.objects.items() if within not in path}
        return web.json_response({})

    def _list(self, request: web.Request) -> web.Response:
        *root, plural = request.path.split("/")
        key, _, value = request.query.get("labelSelector", "").partition("=")
        found = [
            one
            for path, one in self.objects.items()
            if path.split("/")[-2] == plural
            and path.startswith("/".join(root[:3]))
            and ("namespaces" not in root or path.startswith(request.path + "/"))
            and (not key or (one["metadata"].get("labels") or {}).get(key) == value)
        ]
        return web.json_response({"items": found})


_VERSION = re.compile("/apis/[^/]+/v[^/]+")
_KINDS = {
    "clusterqueues": "ClusterQueue",
    "configmaps": "ConfigMap",
    "deployments": "Deployment",
    "jobs": "Job",
    "limitranges": "LimitRange",
    "localqueues": "LocalQueue",
    "namespaces": "Namespace",
    "networkpolicies": "NetworkPolicy",
    "nodes": "Node",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "pods": "Pod",
    "poddisruptionbudgets": "PodDisruptionBudget",
    "resourceflavors": "ResourceFlavor",
    "resourcequotas": "ResourceQuota",
    "roles": "Role",
    "rolebindings": "RoleBinding",
    "runtimeclasses": "RuntimeClass",
    "secrets": "Secret",
    "serviceaccounts": "ServiceAccount",
    "validatingadmissionpolicies": "ValidatingAdmissionPolicy",
    "validatingadmissionpolicybindings": "ValidatingAdmissionPolicyBinding",
}
"""By their names in paths."""


def refused(code: int, message: str) -> web.Response:
    """Return a refusal in the API server's form."""
    body = {"kind": "Status", "code": code, "reason": "", "message": message}
    return web.json_response(body, status=code)


@asynccontextmanager
async def serving(
    api: ObjectApi, folder: Path, certificate: Path | None = None
) -> AsyncIterator[Path]:
    """Serve it on loopback; the path is that of its kubeconfig. `certificate` has its key beside it, as key.pem."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", api.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    server = f"{'https' if context else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    trust = {"certificate-authority": str(certificate)} if certificate else {}
    settings = {
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **trust}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(settings))
    try:
        yield path
    finally:
        await runner.cleanup()


def _merged(before: Object, change: Object) -> Object:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(before.get(key), dict) and key != "data":
            before[key] = _merged(before[key], value)
        else:
            before[key] = copy.deepcopy(value)
    return before


def _now(ahead_seconds: int) -> str:
    when = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=ahead_seconds)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
