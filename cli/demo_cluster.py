"""The demo on a cluster: a namespace of its own for the Jobs, and a git server that their Pods reach."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from cli.demo_stage import DemoError, Ground, make_remote
from cli.git_server import serve_git
from k8s.api import Api, Rejected
from k8s.backend import KubernetesBackend
from k8s.place import KubernetesPlace
from runs.backend import BackendError, Unavailable

IMAGE = "localhost/claude-sandbox:test"
"""What `make cluster` builds."""

_SECRET = "claude-sandbox-secrets"  # noqa: S105 - the name of a Secret
_MODEL_KEYS = ("CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY")
_SMALL = {"memory": "1Gi", "cpu": "500m"}
"""What a Run of the demo needs, so that a small machine has room for some."""

_NEXT = "Bring one up with `make cluster`, or name yours with KUBECONFIG=…"
_READY_SECONDS = 30.0
_LOOK_SECONDS = 0.5


@asynccontextmanager
async def open_cluster(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Ground]:
    """Make the demo's repository, and a place for its Runs on the cluster of KUBECONFIG, as long as the block lasts.

    CLAUDE_IMAGE is the sandbox's image. DEMO_ADDRESS is the address by which Pods reach this machine, where that isn't the
    one by which it reaches the API server. Raises DemoError.
    """
    kubeconfig = _kubeconfig(environment)
    image = environment.get("CLAUDE_IMAGE") or IMAGE
    token = secrets.token_urlsafe(24)
    keys = {"GITHUB_TOKEN": token, **_model_keys(environment)}
    remote = await asyncio.to_thread(make_remote, folder)
    api = Api(kubeconfig)
    try:
        await api.get("/version")
        address = environment.get("DEMO_ADDRESS") or _address_towards(await api.server())
        async with (
            serve_git(remote, address, token) as url,
            own_namespace(api, f"claude-sandbox-demo-{secrets.token_hex(3)}", keys) as namespace,
        ):
            variables = {
                "SANDBOX_BACKEND": "kubernetes",
                "SANDBOX_NAMESPACE": namespace,
                "CLAUDE_IMAGE": image,
                "KUBECONFIG": str(kubeconfig),
                "GITHUB_TOKEN": token,
            }
            backend = KubernetesBackend(KubernetesPlace(namespace, image, kubeconfig))
            yield Ground(remote, {"url": url, **_SMALL}, variables, backend, _LOOK_SECONDS)
    except Unavailable as error:
        raise DemoError(f"{error} {_NEXT}") from error
    except BackendError as error:
        raise DemoError(str(error)) from error
    finally:
        await api.close()


@asynccontextmanager
async def own_namespace(api: Api, name: str, keys: Mapping[str, str]) -> AsyncIterator[str]:
    """Make a namespace under Pod Security "restricted", with the sandboxes' Secret; remove it with all that is in it.

    Its end is only begun when the block is left: Kubernetes takes some seconds. Raises Unavailable, Rejected.
    """
    level = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    path = f"/api/v1/namespaces/{name}"
    try:
        await api.create(
            "/api/v1/namespaces",
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": name, "labels": level},
            },
        )
        await api.create(
            f"{path}/secrets",
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": _SECRET},
                "stringData": dict(keys),
            },
        )
        await _wait_until_there(api, f"{path}/serviceaccounts/default")
        yield name
    finally:
        await _remove(api, path, name)


async def _wait_until_there(api: Api, path: str) -> None:
    """Wait for what the cluster makes by itself; Pods are refused before it is there."""
    try:
        async with asyncio.timeout(_READY_SECONDS):
            while True:
                try:
                    await api.get(path)
                except Rejected as error:
                    if error.code != _NOT_FOUND:
                        raise
                    await asyncio.sleep(0.1)
                else:
                    return
    except TimeoutError:
        raise Unavailable(f"The cluster doesn't make {path}.") from None


async def _remove(api: Api, path: str, name: str) -> None:
    try:
        await api.delete(path, {})
    except Rejected as error:
        if error.code not in (_NOT_FOUND, _FORBIDDEN):  # then it was never made
            _complain(name, error)
    except Unavailable as error:
        _complain(name, error)


def _complain(name: str, error: Exception) -> None:
    print(f"{error}\nThen remove it with: kubectl delete namespace {name}", file=sys.stderr)


def _kubeconfig(environment: Mapping[str, str]) -> Path:
    path = Path(environment.get("KUBECONFIG") or Path.home() / ".kube" / "config").absolute()
    if not path.is_file():
        raise DemoError(f"There is no cluster: {path} is missing. {_NEXT}")
    return path


def _model_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what opens the model to an agent that has one. Raises DemoError when there is nothing."""
    if environment.get("SANDBOX_AGENT") != "claude":
        return {}
    keys = {name: environment[name] for name in _MODEL_KEYS if environment.get(name)}
    if not keys:
        raise DemoError(
            "In a Pod the agent doesn't have this machine's login. Set CLAUDE_CODE_OAUTH_TOKEN, which"
            " `claude setup-token` makes, or ANTHROPIC_API_KEY."
        )
    return keys


def _address_towards(server: str) -> str:
    """Return the address of this machine from which packets leave for the API server. Raises DemoError."""
    parts = urlsplit(server)
    host = parts.hostname or ""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as way:
        way.connect((host, parts.port or 443))  # sends nothing
        address = str(way.getsockname()[0])
    if ipaddress.ip_address(address).is_loopback:
        raise DemoError(
            "Say by which of this machine's addresses Pods reach it: DEMO_ADDRESS=172.18.0.1, for example."
        )
    return address


_FORBIDDEN = 403
_NOT_FOUND = 404
