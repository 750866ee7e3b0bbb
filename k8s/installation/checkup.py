"""What `doctor` looks at on a cluster: one Finding or more for each check. Changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec

from k8s import names
from k8s.api import Rejected
from k8s.installation.finding import Finding, bad, good, unknown, warned
from k8s.installation.objects import Kind, Objects, Ref
from k8s.installation.overlay import OVERLAYS, read_overlay
from k8s.installation.plan import BOT, SANDBOXES, SECRET, USUAL_OVERLAY
from k8s.installation.present import Present, read_keys
from k8s.installation.ready import PODS, is_ready, last_words, why_not
from k8s.installation.removal import NAMESPACES
from k8s.installation.rights import Right, account_has
from k8s.structs import PodStatus
from k8s.version import ServerVersion, too_old
from runs.backend import BackendError
from sandbox.report import Cause

_AGAIN = "claude-sandbox init puts it there"
_POLICIES = Kind("networking.k8s.io/v1", "NetworkPolicy")
_QUOTAS = Kind("v1", "ResourceQuota")
_CLAIMS = Kind("v1", "PersistentVolumeClaim")
_LEVEL = "pod-security.kubernetes.io/enforce"
_VOLUME = "claude-sandbox-logs"


@dataclass(frozen=True, slots=True)
class Checkup:
    """Looks at one installation."""

    objects: Objects
    present: Present

    async def run(self) -> list[Finding]:
        """Return what all checks find; a check that isn't allowed finds UNKNOWN. Raises Unavailable."""
        checks: Sequence[tuple[str, Callable[[], Awaitable[list[Finding]]]]] = (
            ("Namespaces", self.namespaces),
            ("Keys on the cluster", self.secrets),
            ("Bot", self.bot),
            ("Bot's rights", self.rights),
            ("Network policies", self.network),
            ("Quota", self.quota),
            ("Log store", self.log_store),
        )
        found: list[Finding] = []
        for name, check in checks:
            found += await allowed(name, check)
        return found

    async def namespaces(self) -> list[Finding]:
        """Say whether the namespaces are there, and whether they keep Pods restricted."""
        found = []
        for name in dict.fromkeys((self.present.namespace, SANDBOXES)):
            one = await self.objects.read(Ref(NAMESPACES, "", name))
            title = f"Namespace {name}"
            if one is None:
                found.append(bad(title, "it isn't there", _AGAIN))
                continue
            level = (one["metadata"].get("labels") or {}).get(_LEVEL)
            if level == "restricted":
                found.append(good(title, "Pod Security restricted"))
            else:
                fix = f"kubectl label namespace {name} {_LEVEL}=restricted"
                found.append(bad(title, f"Pod Security is {level or 'not set'}", fix))
        return found

    async def secrets(self) -> list[Finding]:
        """Say whether each namespace has the keys that it needs."""
        found = []
        for namespace, groups in _needed_keys(self.present.namespace).items():
            title = f"Keys in {namespace}"
            try:
                keys = await read_keys(self.objects, namespace)
            except Rejected:
                found.append(unknown(title, "you may not read the Secret, so it isn't known"))
                continue
            missing = [" or ".join(names) for names in groups if not set(names) & set(keys)]
            if missing:
                found.append(bad(title, f"{SECRET} has no {', '.join(missing)}", _AGAIN))
            elif namespace == SANDBOXES and _GIT not in keys:
                words = f"{SECRET} has no {_GIT}: nothing can be pushed over https"
                found.append(
                    warned(
                        title, words, f"{_GIT}=… claude-sandbox init, unless git over ssh is all"
                    )
                )
            else:
                found.append(good(title, f"{SECRET} has {', '.join(sorted(keys))}"))
        return found

    async def bot(self) -> list[Finding]:
        """Say whether the bot is ready; else what it waits for."""
        deployment = self.present.deployment
        if deployment is None:
            return [bad("Bot", "it isn't installed", "claude-sandbox init")]
        if is_ready(deployment):
            return [good("Bot", "its Pod is ready: Telegram answers it")]
        pods = await self.objects.list(PODS, self.present.namespace, f"app={BOT}")
        words = await last_words(self.objects, self.present.namespace, pods)
        more = f"kubectl -n {self.present.namespace} describe pods"
        return [bad("Bot", why_not(deployment, pods) + words, more)]

    async def rights(self) -> list[Finding]:
        """Say whether the bot's account may do what the manifests give it, and nothing that it is to be kept from."""
        title, api = "Bot's rights", self.objects.api
        account = f"system:serviceaccount:{self.present.namespace}:{BOT}"
        given = _rights()
        kept_from = [right for right in _kept_from(self.present.namespace) if right not in given]
        lacking = [right for right in given if not await account_has(api, account, right)]
        too_much = [right for right in kept_from if await account_has(api, account, right)]
        if lacking:
            words = ", ".join(right.words for right in lacking)
            return [bad(title, f"missing: {words}", _AGAIN)]
        if too_much:
            words = ", ".join(right.words for right in too_much)
            more = f"kubectl get rolebindings,clusterrolebindings -A -o wide | grep {BOT}"
            return [
                bad(title, f"it may more than it should: {words}", f"Find who gives it: {more}")
            ]
        return [good(title, f"{len(given)} as shipped, and none of {len(kept_from)} others")]

    async def network(self) -> list[Finding]:
        """Say whether there are policies, and whether they held for the last Run that waited for them."""
        title = "Network policies"
        policies = await self.objects.list(_POLICIES, SANDBOXES)
        missing = {"closed", "sandboxes"} - {one["metadata"]["name"] for one in policies}
        if missing:
            lacking = ", ".join(sorted(missing))
            return [bad(title, f"{lacking} isn't there: runs reach your network", _AGAIN)]
        held = await self._held()
        if held is None:
            return [unknown(title, "there; whether an engine enforces them shows the first run")]
        if held:
            return [good(title, "there, and they held for the last run")]
        engine = "Install an engine for network policies, such as Calico or Cilium"
        return [bad(title, "there, but nothing enforces them", engine)]

    async def _held(self) -> bool | None:
        """Say whether the policies held for the newest Run that got beyond its gate, or failed there."""
        pods = await self.objects.list(PODS, SANDBOXES, names.SELECTOR)
        pods.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True)
        for pod in pods[:_MOST_LOGS]:
            status = msgspec.convert(pod.get("status") or {}, PodStatus, strict=False)
            ends = [each.state.terminated for each in status.container_statuses or ()]
            if any(f'"{Cause.UNPROTECTED.value}"' in end.message for end in ends if end):
                return False
            path = f"{PODS.path(SANDBOXES)}/{pod['metadata']['name']}/log"
            try:
                log = await self.objects.api.log(path, {"container": names.CONTAINER})
            except BackendError:
                continue
            text = log.decode("utf-8", "replace")
            if "no network policy holds" in text:
                return False
            if "▶ gate until" in text and "▶ agent" in text:
                return True
        return None

    async def quota(self) -> list[Finding]:
        """Say how much of the quota is used."""
        quotas = await self.objects.list(_QUOTAS, SANDBOXES)
        if not quotas:
            return [warned("Quota", "there is none: runs may take all of the cluster", _AGAIN)]
        found = []
        for one in quotas:
            status = one.get("status") or {}
            hard, used = status.get("hard") or {}, status.get("used") or {}
            shown = [f"{used.get(name, 0)} of {hard[name]} {name}" for name in sorted(hard)]
            found.append(good("Quota", ", ".join(shown) or "not counted yet"))
        return found

    async def log_store(self) -> list[Finding]:
        """Say whether the volume of records and logs is bound; a bucket is tried by who has its keys."""
        place = self.present.environment.get("SANDBOX_LOG_STORE", "")
        if place.startswith("s3://"):
            return []  # tried by who has its keys
        claim = await self.objects.read(Ref(_CLAIMS, self.present.namespace, _VOLUME))
        if claim is None:
            return [bad("Log store", f"there is no claim {_VOLUME}", _AGAIN)]
        phase = (claim.get("status") or {}).get("phase")
        if phase == "Bound":
            return [good("Log store", f"the volume of {_VOLUME} is bound")]
        advice = "Has the cluster a default StorageClass? kubectl get storageclass"
        return [bad("Log store", f"the claim {_VOLUME} is {phase}", advice)]


_MOST_LOGS = 5
_BOT_NEEDS = (("TELEGRAM_BOT_TOKEN",), ("TELEGRAM_CHAT_ID",))
_SANDBOXES_NEED = (("CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY"),)
_GIT = "GITHUB_TOKEN"


def _needed_keys(bot: str) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return by namespace groups of keys, one of each of which has to be there."""
    if bot == SANDBOXES:
        return {SANDBOXES: (*_BOT_NEEDS, *_SANDBOXES_NEED)}
    return {bot: _BOT_NEEDS, SANDBOXES: _SANDBOXES_NEED}


def _rights() -> list[Right]:
    """Return the rights that the manifests give the bot."""
    objects = read_overlay(OVERLAYS / USUAL_OVERLAY).objects
    role = next(one for one in objects if one["kind"] == "Role")
    return [
        Right(group, resource, verb, SANDBOXES)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def _kept_from(bot: str) -> list[Right]:
    """Return what a stolen token of the bot would be good for, if it were given."""
    places = dict.fromkeys((SANDBOXES, bot))
    within = [
        ("", "secrets", "get"),
        ("", "secrets", "list"),
        ("", "configmaps", "patch"),
        ("", "pods", "create"),
        ("", "pods/exec", "create"),
        ("", "pods/attach", "create"),
        ("", "pods/ephemeralcontainers", "patch"),
        ("apps", "deployments", "create"),
        ("rbac.authorization.k8s.io", "rolebindings", "create"),
    ]
    whole = [
        ("", "secrets", "list"),
        ("", "nodes", "list"),
        ("", "namespaces", "delete"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicybindings", "delete"),
        ("rbac.authorization.k8s.io", "clusterrolebindings", "create"),
    ]
    found = [Right(*each, place) for place in places for each in within]
    return [*found, *(Right(*each) for each in whole)]


async def allowed(name: str, check: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    """Return what a check finds, or that we may not know. Raises Unavailable."""
    try:
        return await check()
    except Rejected as rejected:
        words = rejected.words or rejected.reason
        said = words if "exceeded quota" in words else f"you may not see it: {words}"
        return [unknown(name, said)]


async def cluster(objects: Objects) -> Finding:
    """Say which version the cluster has. Raises Unavailable."""
    data = await objects.api.get("/version")
    version = msgspec.json.decode(data, type=ServerVersion)
    sentence = too_old(version)
    if sentence is not None:
        return bad("Kubernetes", sentence, "Upgrade the cluster; 1.33 is recommended")
    return good("Kubernetes", f"{version.major}.{version.minor} answers")
