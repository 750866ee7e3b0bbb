"""A small strict API server with Jobs, Pods and their controllers, over HTTP on loopback, with faults on demand.

It knows what the Backend asks of the real one, and refuses everything else. What the real one does is shown by
tests/cluster; here are the faults that a real one can't be told to have.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

Object = dict[str, Any]
Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]

NAMESPACE = "sandboxes"
KINDS = {"jobs": "/apis/batch/v1", "pods": "/api/v1"}
EPOCH = "2026-11-25T10:00:00Z"


class FakeCluster:
    """`faults` are asked before each request; the first that answers wins, and may remove itself."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Object]] = {"jobs": {}, "pods": {}}
        self.events: list[tuple[int, str, str, Object]] = []
        self.version = 10
        self.logs: dict[str, bytes] = {}
        self.first_line_at = EPOCH
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.controlled = True
        self.server_version: Object = {"major": "1", "minor": "37"}
        self.oldest_version = 0
        self.page_size: int | None = None
        self.job_events: list[Object] = []
        self._news = asyncio.Event()
        self._generation = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._stops: dict[str, asyncio.Event] = {}

    def put(self, kind: str, item: Object, event: str = "MODIFIED") -> Object:
        """Store an object with a new version, and tell the watches."""
        self.version += 1
        item = json.loads(json.dumps(item))
        item["metadata"]["resourceVersion"] = str(self.version)
        name = item["metadata"]["name"]
        if event == "DELETED":
            self.objects[kind].pop(name, None)
        else:
            self.objects[kind][name] = item
        self.events.append((self.version, kind, event, item))
        self._news.set()
        self._news = asyncio.Event()
        return item

    def suspend(self, name: str, *, wanted: bool) -> None:
        """Stop a Job or let it start, as Kueue does."""
        self.edit("jobs", name, lambda job: job["spec"].update(suspend=wanted))
        self._control(name)

    def remove(self, kind: str, name: str) -> None:
        """Delete an object at once."""
        self.put(kind, self.objects[kind][name], "DELETED")

    def edit(self, kind: str, name: str, change: Callable[[Object], None]) -> None:
        """Change an object as somebody's hand would."""
        item = json.loads(json.dumps(self.objects[kind][name]))
        change(item)
        self.put(kind, item)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path_qs))
        for fault in list(self.faults):
            answer = await fault(request)
            if answer is not None:
                return answer
        for kind, root in KINDS.items():
            prefix = f"{root}/namespaces/{NAMESPACE}/{kind}"
            if request.path == prefix or request.path.startswith(prefix + "/"):
                return await self._resource(request, kind, request.path[len(prefix) + 1 :])
        if request.path == "/version":
            return web.json_response(self.server_version)
        if request.path == f"/api/v1/namespaces/{NAMESPACE}/events":
            return web.json_response({"metadata": {}, "items": self.job_events})
        return status(404, "NotFound", f"the server could not find {request.path}")

    async def _resource(self, request: web.Request, kind: str, rest: str) -> web.StreamResponse:
        name, _, sub = rest.partition("/")
        if request.method == "POST" and not rest:
            return self._create(kind, await request.json())
        if not rest and request.query.get("watch"):
            return await self._watch(request, kind)
        if not rest:
            return self._list(request, kind)
        if name not in self.objects[kind]:
            return status(404, "NotFound", f'{kind} "{name}" not found')
        if sub == "log":
            return await self._log(request, name)
        if request.method == "PATCH":
            return self._patch(kind, name, await request.json())
        if request.method == "DELETE":
            assert (await request.json())["propagationPolicy"] == "Background"
            self.remove(kind, name)
            self._stops.setdefault(name, asyncio.Event()).set()
        return web.json_response(self.objects[kind].get(name, {"kind": "Status"}))

    def _create(self, kind: str, item: Object) -> web.Response:
        name = item["metadata"]["name"]
        if name in self.objects[kind]:
            return status(409, "AlreadyExists", f'{kind} "{name}" already exists')
        item["metadata"] |= {"uid": f"uid-{self.version}", "creationTimestamp": now()}
        item["status"] = {}
        item = self.put(kind, item, "ADDED")
        self._control(name)
        return web.json_response(item, status=201)

    def _patch(self, kind: str, name: str, patch: list[Object]) -> web.Response:
        item = json.loads(json.dumps(self.objects[kind][name]))
        for step in patch:
            *parents, last = [
                part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]
            ]
            target = item
            for parent in parents:
                target = target[parent]
            if step["op"] == "test" and target.get(last) != step["value"]:
                return status(422, "Invalid", f"testing value {step['path']} failed: test failed")
            if step["op"] == "add":
                target[last] = step["value"]
        item = self.put(kind, item)
        self._control(name)
        return web.json_response(item)

    def _list(self, request: web.Request, kind: str) -> web.Response:
        found = [item for item in self.objects[kind].values() if chosen(item, request)]
        start = int(request.query.get("continue") or 0)
        size = self.page_size or len(found) or 1
        metadata = {"resourceVersion": str(self.version)}
        if start + size < len(found):
            metadata["continue"] = str(start + size)
        return web.json_response({"metadata": metadata, "items": found[start : start + size]})

    async def _watch(self, request: web.Request, kind: str) -> web.StreamResponse:
        since = int(request.query["resourceVersion"])
        if since < self.oldest_version:
            return status(410, "Expired", "too old resource version")
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            news = self._news
            for version, of_kind, event, item in list(self.events):
                if version > since and of_kind == kind and chosen(item, request):
                    since = version
                    await response.write(line(event, item))
            generation = self._generation
            await news.wait()
            if generation != self._generation:
                return response

    async def _stream_log(self, request: web.Request, name: str) -> web.StreamResponse:
        """Send the log of the agent as it comes, each line behind its time."""
        response = web.StreamResponse()
        await response.prepare(request)
        since, sent = request.query.get("sinceTime", ""), 0
        while True:
            news, generation = self._news, self._generation
            lines = self.logs.get(name, b"").splitlines(keepends=True)
            for number, printed in enumerate(lines[sent:], sent):
                stamp = f"2026-11-25T10:00:{number:02}.5Z"
                if stamp[:19] >= since[:19]:
                    await response.write(f"{stamp} ".encode() + printed)
            sent = len(lines)
            if not self._runs(name):
                return response
            await news.wait()
            if generation != self._generation:
                return response

    async def _log(self, request: web.Request, name: str) -> web.StreamResponse:
        if request.query.get("follow") and request.query.get("timestamps"):
            return await self._stream_log(request, name)
        while request.query.get("follow") and self._runs(name):
            await self._news.wait()
        container = request.query["container"]
        data = self.logs.get(name if container == "claude" else f"{name}/{container}", b"")
        if "timestamps" in request.query:
            data = f"{self.first_line_at} ".encode() + data
        if "tailLines" in request.query:
            wanted = int(request.query["tailLines"])
            data = b"".join(data.splitlines(keepends=True)[-wanted:])
        return web.Response(body=data[: int(request.query["limitBytes"])])

    def _runs(self, name: str) -> bool:
        """Say whether the program of a Pod is running."""
        found = self.objects["pods"].get(name, {"status": {}})["status"]
        return any("running" in one["state"] for one in found.get("containerStatuses", ()))

    def _control(self, name: str) -> None:
        """Do what Job controller, scheduler and kubelet do."""
        job = self.objects["jobs"].get(name)
        if job is None or not self.controlled:
            return
        if job["spec"].get("activeDeadlineSeconds") == 1:
            self._stops.setdefault(name, asyncio.Event()).set()
        if job["spec"]["suspend"]:
            self._stops.setdefault(name, asyncio.Event()).set()
            if name not in self.objects["pods"]:
                self._set_status(name, Suspended="True")
            return
        if name not in self.objects["pods"] and "startTime" not in job["status"]:
            self._stops[name] = asyncio.Event()
            task = asyncio.create_task(self._work(name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _set_status(self, name: str, **conditions: str) -> None:
        found = [
            {"type": kind, "status": value, "lastTransitionTime": now()}
            for kind, value in conditions.items()
        ]
        if name in self.objects["jobs"]:
            self.edit("jobs", name, lambda job: job["status"].update(conditions=found))

    async def _work(self, name: str) -> None:
        job = self.objects["jobs"][name]
        self.edit("jobs", name, lambda job: job["status"].update(startTime=now(), active=1))
        labels = {
            "app": "claude-sandbox",
            "batch.kubernetes.io/job-name": name,
            "batch.kubernetes.io/controller-uid": job["metadata"]["uid"],
        }
        metadata = {"name": name, "uid": f"pod-{self.version}", "labels": labels}
        self.put(
            "pods", {"metadata": metadata | {"creationTimestamp": now()}, "status": {}}, "ADDED"
        )
        await asyncio.sleep(0.01)
        self.logs[name] = "▶ clone\n▶ done\n".encode()
        self._set_pod(name, "Running", {"running": {"startedAt": now()}})
        variables = job["spec"]["template"]["spec"]["containers"][0]["env"]
        task = next(found["value"] for found in variables if found["name"] == "TASK")
        run_id = name.removeprefix("claude-")
        if "wait" in task:
            await self._stops[name].wait()
            await asyncio.sleep(0.1)  # a program that is stopped takes its leave
            self.logs[name] += b"the last words\n"
            report: Object = {"verdict": "failed", "cause": "cancelled"}
        elif "ask" in task:
            report = {"verdict": "nothing-changed", "question": "Which one?"}
        elif "fail" in task:
            report = {"verdict": "failed", "cause": "agent-failed"}
        else:
            report = {"verdict": "nothing-changed" if "nothing" in task else "pushed"}
        message = json.dumps({"run_id": run_id, "phase": "done", **report})
        code = 1 if report["verdict"] == "failed" else 0
        ended = {"exitCode": code, "message": message, "startedAt": now(), "finishedAt": now()}
        self._set_pod(name, "Failed" if code else "Succeeded", {"terminated": ended})
        if self._stops[name].is_set():
            self.remove("pods", name)
            suspended = self.objects["jobs"][name]["spec"]["suspend"]
            self._set_status(name, **{"Suspended" if suspended else "Failed": "True"})
        else:
            self._set_status(name, **{"Failed" if code else "Complete": "True"})
        if name in self.objects["jobs"]:
            self.edit("jobs", name, lambda job: job["status"].update(active=0))

    def _set_pod(self, name: str, phase: str, state: Object) -> None:
        status = {"phase": phase, "containerStatuses": [{"name": "claude", "state": state}]}
        self.edit("pods", name, lambda pod: pod.update(status=status))

    async def end(self, name: str) -> None:
        """Let the program of a slow Job end by itself."""
        state = {"terminated": {"exitCode": 1, "startedAt": now(), "finishedAt": now()}}
        self._set_pod(name, "Failed", state)
        self._set_status(name, Failed="True")

    def drop_watches(self) -> None:
        """End all watches, as a server does that goes away."""
        self._generation += 1
        self._news.set()
        self._news = asyncio.Event()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def times(number: int, method: str, words: str, answer: Fault) -> Fault:
    """Return a fault of the first so many requests of a method whose address holds some words."""
    left = number

    async def fault(request: web.Request) -> web.StreamResponse | None:
        nonlocal left
        if left <= 0 or request.method != method or words not in request.path_qs:
            return None
        left -= 1
        return await answer(request)

    return fault


def refusing(code: int, reason: str = "", message: str = "") -> Fault:
    """Return a fault that refuses."""

    async def fault(request: web.Request) -> web.StreamResponse:
        return status(code, reason, message)

    return fault


def streaming(*chunks: bytes, silent: bool = False) -> Fault:
    """Return a fault that answers with a stream, and then ends it, or never says anything again."""

    async def fault(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        if silent:
            await asyncio.sleep(3600)
        return response

    return fault


def line(event: str, item: Object) -> bytes:
    """Return one line of a watch."""
    return json.dumps({"type": event, "object": item}).encode() + b"\n"


def status(code: int, reason: str, message: str) -> web.Response:
    """Return a refusal in the API server's form."""
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return web.json_response(body, status=code)


def chosen(item: Object, request: web.Request) -> bool:
    """Apply the label selector of a request."""
    key, _, value = request.query.get("labelSelector", "").partition("=")
    return not key or item["metadata"].get("labels", {}).get(key) == value


def now() -> str:
    import datetime

    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@asynccontextmanager
async def serve(cluster: FakeCluster, folder: Path, port: int = 0) -> AsyncIterator[Path]:
    """Serve a fake cluster, on a port of the system's choice by default; yield its kubeconfig."""
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", cluster.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    host, port = runner.addresses[0][:2]
    path = folder / "kubeconfig"
    path.write_text(kubeconfig(f"http://{host}:{port}"))
    try:
        yield path
    finally:
        await cluster.close()
        await runner.cleanup()


def kubeconfig(server: str) -> str:
    """Return a kubeconfig for a server without a login."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
            "clusters": [{"name": "fake", "cluster": {"server": server}}],
            "users": [{"name": "fake", "user": {}}],
        }
    )
