"""What belongs on the cluster: the objects of an overlay with what the operator wishes in them. Pure."""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from k8s.installation.overlay import OVERLAYS, Object, Overlay, read_overlay

SANDBOXES = "claude-sandbox"
BOT = "claude-sandbox-bot"
"""The name of the bot's Deployment, and of its namespace where it has one of its own."""
SECRET = "claude-sandbox-secrets"  # noqa: S105 - the name of a Secret
CONFIG = "claude-sandbox-config"
CONFIG_FILE = "config.yaml"
ENVIRONMENT = "claude-sandbox-environment"
ALLOWED = "claude-sandbox-allowed"
AGE_SECRET, AGE_FILE = "age-key", "age-key.txt"
REGISTRY_SECRET = "regcred"  # noqa: S105 - the name of a Secret

BOT_KEYS = (
    "TELEGRAM_BOT_TOKEN",
    "TELEGRAM_CHAT_ID",
    "GITHUB_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
)
SANDBOX_KEYS = ("GITHUB_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY")
"""Which keys go into which namespace."""

ONE_NAMESPACE = "one-namespace"
USUAL_OVERLAY = "two-namespaces"

_ORDER = (
    "Namespace",
    "ResourceQuota",
    "LimitRange",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "NetworkPolicy",
    "RuntimeClass",
    "ResourceFlavor",
    "ClusterQueue",
    "LocalQueue",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "Deployment",
)
"""What others need comes first."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator wishes. `keys` are by name; `config` None means the shipped one.

    `environment` are the bot's variables that are other than shipped, `allowed` the data of the policy's list that
    replace the shipped, `images` the patterns of images that have to be allowed, `registry` a Docker config as JSON;
    `has_registry` says that one is installed already.
    """

    overlay: str = USUAL_OVERLAY
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    config: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    allowed: Mapping[str, str] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    bot_image: str | None = None
    age_key: str | None = field(default=None, repr=False)
    registry: str | None = field(default=None, repr=False)
    has_registry: bool = False

    @property
    def bot_namespace(self) -> str:
        """Return where the bot is."""
        return bot_namespace(self.overlay)


def bot_namespace(overlay: str) -> str:
    """Return where an overlay has the bot."""
    return SANDBOXES if overlay == ONE_NAMESPACE else BOT


def shipped_config(overlay: str) -> str:
    """Return the config that an overlay comes with."""
    return str(read_overlay(OVERLAYS / overlay).generated[CONFIG]["data"][CONFIG_FILE])


def planned(wishes: Wishes) -> list[Object]:
    """Return all objects in the order in which they are made."""
    overlay = _configured(read_overlay(OVERLAYS / wishes.overlay), wishes)
    objects = [_fitted(one, wishes) for one in overlay.named()]
    objects += _secrets(wishes)
    return sorted(objects, key=lambda one: _ORDER.index(one["kind"]))


def _configured(overlay: Overlay, wishes: Wishes) -> Overlay:
    if wishes.config is not None:
        overlay = overlay.with_data(CONFIG, {CONFIG_FILE: wishes.config})
    return overlay.with_data(ENVIRONMENT, wishes.environment) if wishes.environment else overlay


def _fitted(one: Object, wishes: Wishes) -> Object:
    if one["kind"] == "ConfigMap" and one["metadata"]["name"] == ALLOWED:
        return _allowing(one, wishes)
    if one["kind"] == "Deployment":
        return _deployment(one, wishes)
    return one


def _allowing(one: Object, wishes: Wishes) -> Object:
    data = {**one["data"], **wishes.allowed}
    lines = [line.strip() for line in data.get("images", "").split("\n") if line.strip()]
    more = [
        image
        for image in dict.fromkeys(wishes.images)
        if not any(fnmatchcase(image, line) for line in lines)
    ]
    if more:
        data["images"] = "\n".join([*lines, *more]) + "\n"
    return {**one, "data": data}


def _deployment(one: Object, wishes: Wishes) -> Object:
    made: dict[str, Any] = copy.deepcopy(dict(one))
    pod = made["spec"]["template"]["spec"]
    container = pod["containers"][0]
    if wishes.bot_image is not None:
        container["image"] = wishes.bot_image
    # Said, since what the cluster once chose by an image's tag stays when the tag changes, and would pull what a node has.
    container["imagePullPolicy"] = pull_policy(container["image"])
    if wishes.registry is not None or wishes.has_registry:
        pod["imagePullSecrets"] = [{"name": REGISTRY_SECRET}]
    return made


def pull_policy(image: str) -> str:
    """Return the policy that Kubernetes chooses for an image: https://kubernetes.io/docs/concepts/containers/images/."""
    if "@" in image:
        return "IfNotPresent"
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def _secrets(wishes: Wishes) -> Iterator[Object]:
    names: dict[str, list[str]] = {}
    names.setdefault(wishes.bot_namespace, []).extend(BOT_KEYS)
    names.setdefault(SANDBOXES, []).extend(SANDBOX_KEYS)
    for namespace, keys in names.items():
        data = {key: wishes.keys[key] for key in keys if wishes.keys.get(key)}
        if data:
            yield _secret(SECRET, namespace, data)
        if wishes.registry is not None:
            kind = "kubernetes.io/dockerconfigjson"
            content = {".dockerconfigjson": wishes.registry}
            yield {**_secret(REGISTRY_SECRET, namespace, content), "type": kind}
    if wishes.age_key is not None:
        yield _secret(AGE_SECRET, SANDBOXES, {AGE_FILE: wishes.age_key})


def _secret(name: str, namespace: str, data: Mapping[str, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }


def without_values(one: Object) -> Object:
    """Return a Secret with placeholders for its values, to be shown; anything else as it is."""
    if one["kind"] != "Secret":
        return one
    shown = {key: value for key, value in one.items() if key != "data"}
    return {**shown, "stringData": {key: f"<{key}>" for key in one["data"]}}
