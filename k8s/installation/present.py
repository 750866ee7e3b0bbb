"""What is installed already: a later `init` keeps what the operator has set, and goes on where an earlier one stopped."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from k8s.installation.objects import Kind, Objects, Ref
from k8s.installation.plan import (
    ALLOWED,
    BOT,
    CONFIG,
    CONFIG_FILE,
    ENVIRONMENT,
    ONE_NAMESPACE,
    SANDBOXES,
    SECRET,
    USUAL_OVERLAY,
)

DEPLOYMENT = Kind("apps/v1", "Deployment")
CONFIG_MAP = Kind("v1", "ConfigMap")
SECRETS = Kind("v1", "Secret")
OVERLAY = "claude-sandbox/overlay"
"""An annotation of the bot's Deployment: of which overlay it is."""


@dataclass(frozen=True, slots=True)
class Present:
    """What there is. `overlay` None means that there is no bot."""

    overlay: str | None = None
    namespace: str = BOT
    config: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    allowed: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    deployment: Mapping[str, Any] | None = None


async def read_present(objects: Objects, *, with_keys: bool = True) -> Present:
    """Read what is installed. Raises Unavailable, Rejected where that isn't allowed."""
    namespace, deployment = BOT, None
    for place in (BOT, SANDBOXES):
        found = await objects.read(Ref(DEPLOYMENT, place, BOT))
        if found is not None:
            namespace, deployment = place, found
            break
    allowed = await objects.read(Ref(CONFIG_MAP, SANDBOXES, ALLOWED))
    keys: dict[str, str] = {}
    for place in (SANDBOXES, BOT) if with_keys else ():
        keys |= await read_keys(objects, place)
    config = await _generated(objects, namespace, deployment, CONFIG)
    return Present(
        None if deployment is None else _overlay(deployment, namespace),
        namespace,
        config.get(CONFIG_FILE),
        await _generated(objects, namespace, deployment, ENVIRONMENT),
        (allowed or {}).get("data") or {},
        keys,
        deployment,
    )


async def read_keys(objects: Objects, namespace: str) -> dict[str, str]:
    """Return the keys of a namespace's Secret. Raises Unavailable, Rejected."""
    found = await objects.read(Ref(SECRETS, namespace, SECRET))
    data: Mapping[str, str] = (found or {}).get("data") or {}
    return {
        name: base64.b64decode(value).decode("utf-8", "replace") for name, value in data.items()
    }


def _overlay(deployment: Mapping[str, Any], namespace: str) -> str:
    noted = (deployment["metadata"].get("annotations") or {}).get(OVERLAY)
    return str(noted or (ONE_NAMESPACE if namespace == SANDBOXES else USUAL_OVERLAY))


async def _generated(
    objects: Objects, namespace: str, deployment: Mapping[str, Any] | None, name: str
) -> Mapping[str, str]:
    """Return the data of the ConfigMap that the bot's Pod reads under a name and any hash."""
    if deployment is None:
        return {}
    pod = deployment["spec"]["template"]["spec"]
    used = [volume.get("configMap", {}).get("name", "") for volume in pod.get("volumes", ())]
    for container in pod["containers"]:
        used += [
            each.get("configMapRef", {}).get("name", "") for each in container.get("envFrom", ())
        ]
    for found in used:
        if found == name or found.startswith(f"{name}-"):
            one = await objects.read(Ref(CONFIG_MAP, namespace, found))
            return (one or {}).get("data") or {}
    return {}
