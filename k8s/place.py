"""Where and how Runs go on a cluster: the operator's settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from runs.backend import Limits
from runs.image_name import repository
from runs.outcome import Seen
from sandbox.dependencies.slots import Slot
from sandbox.gate import GateMode
from sandbox.task import USUAL_MEMORY, Task

TEMPLATE = Path(__file__).resolve().parent.parent / "manifests" / "job.yaml.j2"

DAY_SECONDS = 24 * 3600.0

GATE_SECONDS: Mapping[GateMode, int] = {GateMode.OFF: 0, GateMode.WARN: 5, GateMode.FAIL: 30}
"""How long a Run waits for the network policy: where it would fail, a slow engine gets the time that it needs."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What the agent's container asks for and may use at most, as Kubernetes quantities.

    A Task's own memory or cpu replaces both.
    """

    memory_request: str = "2Gi"
    memory_limit: str = USUAL_MEMORY
    cpu_request: str = "1000m"
    cpu_limit: str = "2000m"


@dataclass(frozen=True, slots=True)
class Patience:
    """For how many seconds a Run may wait for something that Kubernetes would wait for without end.

    `other` bounds every wait that nothing here names, `gone` the wait for a machine that doesn't say how a deleted Pod
    ended, beyond the Pod's grace time. `no_pod` is after how long, and how often, the events of a Job without a Pod are
    read.
    """

    image: float = 180.0
    secret: float = 60.0
    service: float = 180.0
    machine: float = 900.0
    refused: float = 60.0
    quota: float = 1800.0
    gone: float = 60.0
    other: float = 900.0
    no_pod: float = 10.0

    def of(self, cause: Seen) -> float:
        """Return how long a Run may wait for the end of this."""
        seconds: float = getattr(self, _LIMITS.get(cause, "other"))
        return seconds

    def name_of(self, cause: Seen) -> str | None:
        """Return the name of the limit that bounds a cause; None where that is `other`."""
        return _LIMITS.get(cause)

    def is_same(self, cause: Seen, other: Seen) -> bool:
        """Say whether two causes have one limit, within which they may take turns."""
        return _LIMITS.get(cause, cause) == _LIMITS.get(other, other)


_LIMITS = {
    Seen.IMAGE_PULL: "image",
    Seen.IMAGE_REFUSED: "image",
    Seen.MISSING_SECRET: "secret",
    Seen.MISSING_KEY: "secret",
    Seen.BROKER_FAILED: "service",
    Seen.SERVICE_FAILED: "service",
    Seen.SERVICE_OUT_OF_MEMORY: "service",
    Seen.SERVICE_NOT_READY: "service",
    Seen.UNSCHEDULABLE: "machine",
    Seen.NO_MACHINE_FITS: "machine",
    Seen.POD_REFUSED: "refused",
    Seen.POD_SECURITY: "refused",
    Seen.QUOTA: "quota",
    Seen.NODE_GONE: "gone",
}
"""Which limit of Patience bounds the wait for the end of a cause."""


class CacheSigner(Protocol):
    """Who gives the addresses at which a repository's dependencies are kept in a bucket."""

    async def sign(self, repo_url: str, seconds: float) -> tuple[Slot, ...]:
        """Return addresses that are valid for so long; none where there can't be any."""
        ...


@dataclass(frozen=True, slots=True)
class KubernetesPlace:
    """Where and how Runs go on a cluster.

    `kubeconfig` None means: from inside of a Pod; `context` None means its current one. `image` is the sandbox's unless the Task names one; into that one the
    sandbox program of `image` is brought, unless a pattern of `entrypoints` fits it. `gate` says what a sandbox does when
    no network policy has taken hold within `gate_seconds`. `kueue` names the LocalQueue of Kueue that decides who may
    start; then `limits` don't. `cache_claim` names the claim of the volume on which dependencies are kept; or else
    `cache_signer` gives the addresses of a bucket. `agent_files` is the ConfigMap of the operator's files for every agent
    (`sandbox.agent_files`). `environment`
    has the plain variables that are passed on (ANTHROPIC_BASE_URL, GITHUB_API_URL); keys come from `secret`.
    `runtime_class` names the RuntimeClass of every Pod, gVisor's for example.
    `service_images` are `repository:tag` by service, where they aren't the usual ones; a Task's `redis:6` replaces the
    tag, but not where there is a digest. The Pod's deadline is the Task's time and `pod_margin_seconds`, for the image pull and the delivery;
    the Job's `job_margin_seconds` later. A told Run is removed after `ttl_seconds`, one that nobody could be told of
    after `backstop_seconds`. `clock` gives seconds since 1970.
    """

    namespace: str
    image: str
    kubeconfig: Path | None = None
    context: str | None = None
    agent: str = "claude"
    limits: Limits = field(default_factory=Limits)
    environment: Mapping[str, str] = field(default_factory=dict)
    image_pull_secrets: tuple[str, ...] = ()
    kueue: str | None = None
    cache_claim: str | None = None
    cache_signer: CacheSigner | None = None
    agent_files: str | None = None
    runtime_class: str | None = None
    entrypoints: tuple[str, ...] = ()
    gate: GateMode = GateMode.OFF
    gate_seconds: int = 5
    secret: str = "claude-sandbox-secrets"  # noqa: S105 - the name of a Secret
    age_secret: str = "age-key"  # noqa: S105 - the name of a Secret
    service_images: Mapping[str, str] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    patience: Patience = field(default_factory=Patience)
    template: Path = TEMPLATE
    grace_seconds: int = 90
    pod_margin_seconds: int = 900
    job_margin_seconds: int = 1800
    ttl_seconds: int = 3600
    backstop_seconds: int = 7 * 24 * 3600
    clock: Callable[[], float] = time.time

    @property
    def own_limits(self) -> Limits:
        """Return the limits that our own queue keeps."""
        return self.limits if self.kueue is None else Limits()

    def life_seconds(self, task: Task) -> float:
        """Return how long a Run may wait and work at most, from its creation on."""
        waits = self.kueue is not None or self.limits.runs or self.limits.runs_per_person
        longest = DAY_SECONDS if self.kueue else self.limits.queue_seconds or DAY_SECONDS
        work = task.timeout_seconds + self.pod_margin_seconds + self.job_margin_seconds
        return work + (longest if waits else 0.0)

    def runs_entrypoint(self, image: str) -> bool:
        """Say whether an image runs its own entrypoint: ours, whatever its tag, and those that the operator names."""
        return repository(image) == repository(self.image) or any(
            fnmatchcase(image, pattern) for pattern in self.entrypoints
        )

    def brokers(self, task: Task) -> bool:
        """Say whether a Run's keys are with a broker: unless its image has a program of its own, which knows none.

        What `entrypoints` names has one; of `image` it is known that it is ours.
        """
        image = task.image or self.image
        return not any(fnmatchcase(image, pattern) for pattern in self.entrypoints)
