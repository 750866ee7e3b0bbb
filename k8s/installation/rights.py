"""Who may what: asks the API server, as `kubectl auth can-i` does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from k8s.api import Api
from k8s.installation.objects import ref_of
from k8s.installation.overlay import Object

_REVIEWS = "/apis/authorization.k8s.io/v1"


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """A right: a verb on a resource of an API group, in a namespace or ("") in the whole cluster."""

    group: str
    resource: str
    verb: str
    namespace: str = ""

    @property
    def words(self) -> str:
        """Return it as `kubectl auth can-i` takes it."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {resource}" + (f" -n {self.namespace}" if self.namespace else "")


def needed_for(plan: Iterable[Object], verbs: Iterable[str]) -> list[Right]:
    """Return the rights that these verbs on the planned objects need."""
    found = set()
    for one in plan:
        ref = ref_of(one)
        found |= {Right(ref.kind.group, ref.kind.plural, verb, ref.namespace) for verb in verbs}
    return sorted(found)


async def missing(api: Api, rights: Iterable[Right]) -> list[Right]:
    """Return which of these rights we don't have. Raises Unavailable, Rejected."""
    wanted = list(rights)
    turns = asyncio.Semaphore(8)

    async def has(right: Right) -> bool:
        async with turns:
            return await _review(api, "selfsubjectaccessreviews", {}, right)

    found = await asyncio.gather(*map(has, wanted))
    return [right for right, is_given in zip(wanted, found, strict=True) if not is_given]


async def account_has(api: Api, account: str, right: Right) -> bool:
    """Say whether an account, such as system:serviceaccount:a:b, has a right. Raises Unavailable, Rejected."""
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{account.split(':')[2]}"]
    who = {"user": account, "groups": [*groups, "system:authenticated"]}
    return await _review(api, "subjectaccessreviews", who, right)


async def _review(api: Api, kind: str, who: Mapping[str, object], right: Right) -> bool:
    resource, _, part = right.resource.partition("/")
    asked = {
        "group": right.group,
        "resource": resource,
        "subresource": part,
        "verb": right.verb,
        "namespace": right.namespace,
    }
    name = "SelfSubjectAccessReview" if not who else "SubjectAccessReview"
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": name,
        "spec": {**who, "resourceAttributes": asked},
    }
    answer: dict[str, Any] = json.loads(await api.create(f"{_REVIEWS}/{kind}", body))
    return bool((answer.get("status") or {}).get("allowed"))
