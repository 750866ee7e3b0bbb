"""Takes away what `init` has made or taken over, and nothing else. Of what was there before it takes back labels and keys only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from k8s import names
from k8s.api import Rejected
from k8s.installation.objects import LABEL, MANAGER, OWN, Kind, Objects, Ref, is_own, ref_of
from k8s.installation.overlay import overlay_names
from k8s.installation.plan import Wishes, planned
from runs.backend import Refused

NAMESPACES = Kind("v1", "Namespace")
CLAIM = "PersistentVolumeClaim"
JOBS = Kind("batch/v1", "Job")
GONE_SECONDS = 240.0
_LOOK_SECONDS = 0.5
_LET_GO = ("Namespace", "Secret")
"""From these, where they were there before, labels and keys are taken back. What else was overwritten stays as it is: what
it was before isn't known."""
_FIRST = ("Deployment", "ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy")
"""The bot goes first, so that it makes nothing anew; a policy without its binding does nothing."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What would go: objects that `init` made, and those that it only set fields on.

    `jobs` are the Runs in namespaces that stay, `running` how many of all are running, `claims` the volumes with records
    and logs among `own`.
    """

    own: tuple[Ref, ...]
    touched: tuple[Ref, ...]
    jobs: tuple[Ref, ...] = ()
    running: int = 0

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing to take away."""
        return not self.own and not self.touched

    @property
    def namespaces(self) -> list[str]:
        """Return the namespaces that go, with all that is in them."""
        return [ref.name for ref in self.own if ref.kind == NAMESPACES]

    @property
    def claims(self) -> list[Ref]:
        """Return the claims of volumes."""
        return [ref for ref in self.own if ref.kind.name == CLAIM]

    def without_logs(self) -> Removal:
        """Return the same, but the volumes of records and logs stay, and so do their namespaces."""
        kept = {ref.namespace for ref in self.claims}
        own = tuple(
            ref
            for ref in self.own
            if ref.kind.name != CLAIM and not (ref.kind == NAMESPACES and ref.name in kept)
        )
        return Removal(own, self.touched, self.jobs, self.running)

    def steps(self) -> list[Ref]:
        """Return what is deleted by name, in order: what goes with its namespace isn't."""
        going = set(self.namespaces)
        apart = [ref for ref in self.own if ref.namespace not in going and ref.kind != NAMESPACES]
        first = sorted(
            (ref for ref in self.own if ref.kind.name in _FIRST),
            key=lambda ref: _FIRST.index(ref.kind.name),
        )
        rest = [ref for ref in (*self.jobs, *apart) if ref not in first]
        namespaces = [ref for ref in self.own if ref.kind == NAMESPACES]
        return [*first, *(ref for ref in rest if ref.namespace not in going), *namespaces]


async def find_removal(objects: Objects) -> Removal:
    """Look for all that `init` made, in the whole cluster. Raises Unavailable, Rejected."""
    own: list[Ref] = []
    for kind in dict.fromkeys(ref.kind for ref in _everything()):
        own += map(ref_of, await objects.list(kind, None, f"{LABEL}={OWN}"))
    going = {ref.name for ref in own if ref.kind == NAMESPACES}
    touched = [ref for ref in await _touched(objects) if ref.namespace not in going]
    places = {ref.namespace for ref in (*own, *touched) if ref.namespace}
    jobs: list[Ref] = []
    running = 0
    for namespace in sorted(places):
        for job in await objects.list(JOBS, namespace, names.SELECTOR):
            labels = job["metadata"].get("labels") or {}
            running += labels.get(names.STATUS_LABEL) == names.RUNNING
            if namespace not in going:
                jobs.append(ref_of(job))
    return Removal(tuple(own), tuple(touched), tuple(jobs), running)


async def remove(objects: Objects, removal: Removal, tell: Callable[[Ref], None]) -> None:
    """Take it away, and wait until it is gone. May be repeated, and stopped anywhere.

    Raises Unavailable, Rejected, Refused for what doesn't go.
    """
    steps = removal.steps()
    for ref in steps:
        await objects.delete(ref)
        if ref.kind.name in _FIRST:
            await _gone(objects, ref)
            tell(ref)
    for ref in steps:
        if ref.kind.name not in _FIRST:
            await _gone(objects, ref)
            tell(ref)
    for ref in removal.touched:
        if ref.kind.name in _LET_GO:
            await _let_go(objects, ref)


@cache
def _everything() -> tuple[Ref, ...]:
    """Return which objects any overlay has."""
    found: dict[Ref, None] = {}
    for name in overlay_names():
        wishes = Wishes(name, {"GITHUB_TOKEN": "-"}, registry="{}", age_key="-")
        found |= dict.fromkeys(map(ref_of, planned(wishes)))
    return tuple(found)


async def _touched(objects: Objects) -> list[Ref]:
    """Find what was there before `init`, and has fields of its."""
    touched = []
    for ref in _everything():
        found = await objects.read(ref)
        if found is None or is_own(found):
            continue
        managers = found["metadata"].get("managedFields") or ()
        if MANAGER in [each.get("manager") for each in managers]:
            touched.append(ref)
    return touched


async def _let_go(objects: Objects, ref: Ref) -> None:
    """Take our fields from an object, where that leaves one that is whole."""
    metadata = {"name": ref.name} | ({"namespace": ref.namespace} if ref.namespace else {})
    bare = {"apiVersion": ref.kind.version, "kind": ref.kind.name, "metadata": metadata}
    try:
        await objects.apply(bare, force=False)
    except Rejected as rejected:
        raise Refused(
            f"{ref.words} was there before, and isn't whole without what init set on it."
        ) from rejected


async def _gone(objects: Objects, ref: Ref) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while await objects.read(ref) is not None:
        if time.monotonic() > deadline:
            raise Refused(f"{ref.words} is being deleted, and doesn't go.")
        await asyncio.sleep(_LOOK_SECONDS)
