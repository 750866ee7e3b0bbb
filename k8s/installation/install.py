"""Puts the planned objects on the cluster; whatever is there already as it should be stays untouched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from k8s.api import Rejected
from k8s.installation.adopting import PART, PART_OF, is_adoptable
from k8s.installation.objects import LABEL, OWN, Objects, Ref, is_own, ref_of
from k8s.installation.overlay import Object, with_labels
from k8s.installation.plan import ALLOWED, CONFIG, ENVIRONMENT, SECRET
from k8s.installation.present import CONFIG_MAP
from runs.backend import Refused

KEYS = "claude-sandbox/keys"
"""An annotation of the bot's Pod: the version of its Secret, so that a bot with old keys is started anew."""
GONE_SECONDS = 180.0
_LOOK_SECONDS = 0.5
_FORCED = frozenset(
    [
        "Deployment",
        "Secret",
        "Role",
        "RoleBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ]
)
"""What has to be as we say; of anything else what somebody set by hand stays. The list of what may run has it in it."""
_VOLATILE = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")


class Change(Enum):
    """What came of an object."""

    MADE = "made"
    CHANGED = "changed"
    TAKEN_OVER = "taken over"
    SAME = "same"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of one object; `why` says by whom a kept one was changed."""

    ref: Ref
    change: Change
    why: str = ""


async def install(
    objects: Objects, plan: Sequence[Object], tell: Callable[[Applied], None]
) -> list[Applied]:
    """Make all objects, one after the other. May be repeated, and stopped anywhere.

    Raises Unavailable, Rejected.
    """
    found = []
    versions: dict[str, str] = {}
    for one in plan:
        if one["kind"] == "Deployment":
            namespace = one["metadata"]["namespace"]
            one = _noted(one, {KEYS: versions.get(namespace, "")})
        applied, made = await _apply(objects, one)
        if one["kind"] == "Secret" and one["metadata"]["name"] == SECRET:
            versions[one["metadata"]["namespace"]] = made["metadata"]["resourceVersion"]
        found.append(applied)
        tell(applied)
    return found


async def prune(objects: Objects, plan: Sequence[Object], namespace: str) -> None:
    """Remove the configs of before, which nothing reads any more. Raises Unavailable, Rejected."""
    current = {one["metadata"]["name"] for one in plan if one["kind"] == "ConfigMap"}
    for one in await objects.list(CONFIG_MAP, namespace, f"{PART_OF}={PART}"):
        name = one["metadata"]["name"]
        if name.startswith((f"{CONFIG}-", f"{ENVIRONMENT}-")) and name not in current:
            await objects.delete(ref_of(one))


async def _apply(objects: Objects, one: Object) -> tuple[Applied, Mapping[str, Any]]:
    ref = ref_of(one)
    before = await _settled(objects, ref)
    adopts = before is not None and is_adoptable(before)
    is_ours = before is None or adopts or is_own(before)
    try:
        after = await objects.apply(
            with_labels(one, {LABEL: OWN}) if is_ours else one, force=_is_forced(ref)
        )
    except Rejected as rejected:
        if rejected.code != 409 or before is None:
            raise _explained(rejected, ref) from rejected
        if adopts:
            await objects.label(ref, LABEL, OWN)
        return Applied(ref, Change.KEPT, rejected.words), before
    if before is None:
        return Applied(ref, Change.MADE), after
    if adopts:
        return Applied(ref, Change.TAKEN_OVER), after
    same = _lasting(before) == _lasting(after)
    return Applied(ref, Change.SAME if same else Change.CHANGED), after


async def _settled(objects: Objects, ref: Ref) -> dict[str, Any] | None:
    """Return the object as it is; one that is being deleted is waited for. Raises Refused when that takes too long."""
    deadline = time.monotonic() + GONE_SECONDS
    while True:
        found = await objects.read(ref)
        if found is None or "deletionTimestamp" not in found["metadata"]:
            return found
        if time.monotonic() > deadline:
            raise Refused(f"{ref.words} is being deleted, and doesn't go.")
        await asyncio.sleep(_LOOK_SECONDS)


def _is_forced(ref: Ref) -> bool:
    return ref.kind.name in _FORCED or ref.name == ALLOWED


def _explained(rejected: Rejected, ref: Ref) -> Rejected:
    """Return a refusal with the object that it is about."""
    words = rejected.words
    if rejected.code == 404:
        words = (
            "the cluster doesn't know this kind of object; what the overlay needs isn't installed"
        )
    return Rejected(rejected.code, rejected.reason, f"{ref.words}: {words}")


def _noted(one: Object, of_pod: Mapping[str, str]) -> Object:
    template = one["spec"]["template"]
    pod = {**template["metadata"], "annotations": dict(of_pod)}
    return {**one, "spec": {**one["spec"], "template": {**template, "metadata": pod}}}


def _lasting(one: Object) -> dict[str, Any]:
    """Return what a person would call the object: without what the cluster notes on it."""
    metadata = {key: value for key, value in one["metadata"].items() if key not in _VOLATILE}
    return {**one, "metadata": metadata, "status": None}
