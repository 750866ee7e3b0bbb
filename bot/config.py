"""What the operator allows, as values; `bot.config_file` reads them from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from typing import TypeVar

from bot.address import Address
from runs.backend import Limits
from runs.image_name import RUBIES, has_rubies
from runs.s3_place import S3Place
from sandbox.gate import GateMode

PATIENCE = ("image", "secret", "service", "machine", "refused", "quota", "gone", "other")
"""What a run on a cluster may wait for, each with a limit of its own."""


class Role(Enum):
    """What a person may do: viewer reads, runner also runs and stops what is their own, admin everything."""

    VIEWER = "viewer"
    RUNNER = "runner"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class RepoOptions:
    """What a repo's entry, or `defaults`, may set; None means not set. Fields are those of `sandbox.task.Task`.

    Only admins may run a `protected` repo. `trusts_branch` says that the files of any branch may configure the agent.
    """

    branch: str | None = None
    image: str | None = None
    memory: str | None = None
    cpu: str | None = None
    timeout_seconds: int | None = None
    services: tuple[str, ...] | None = None
    pull_request: bool | None = None
    protected: bool | None = None
    trusts_branch: bool | None = None


@dataclass(frozen=True, slots=True)
class Repo:
    """One repo that the config names."""

    alias: str
    address: Address
    options: RepoOptions = field(default_factory=RepoOptions)


@dataclass(frozen=True, slots=True)
class RepoLimits:
    """The most that a repo's own file may ask for; None means as much as its runs have anyway."""

    memory: str | None = None
    cpu: str | None = None


@dataclass(frozen=True, slots=True)
class RunLimits:
    """The most that a person may ask for, by an option of the command or a button of a failure."""

    memory: str = "64Gi"
    cpu: str = "32"
    timeout_seconds: int = 24 * 3600


@dataclass(frozen=True, slots=True)
class Config:
    """What the operator allows.

    `repos` are by alias; when empty, any repo of the forge may run. `people` are by their Telegram id; when empty,
    membership of the home chat decides. `images` are patterns as in a shell: `ghcr.io/acme/*`. So are `entrypoints`: the
    images that run their own entrypoint. `service_images` are the images of services by name, where they aren't the usual
    ones. `versions` are by language those that the sandbox's image has as tags, such as ruby-3.3; None means the usual
    ones of the usual image. `repo_limits` are the most that a repo's own file may ask for, `run_limits` the most that a person may. `detects` says that repos are
    looked at before their runs. `kueue` names the queue of Kueue that is used instead of `limits`, `runtime_class` the
    RuntimeClass of all Pods, `cache` where dependencies are kept: in a bucket, or on the volume of a claim.
    `gate` says what a run does when no network policy takes hold. An agent that says nothing for `silence_seconds` is
    ended, 0 means never, None the usual time. `patience` are seconds by the names of PATIENCE.
    """

    repos: Mapping[str, Repo] = field(default_factory=dict)
    chats: frozenset[int] = frozenset()
    people: Mapping[int, Role] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    entrypoints: tuple[str, ...] = ()
    service_images: Mapping[str, str] = field(default_factory=dict)
    image_pull_secrets: tuple[str, ...] = ()
    kueue: str | None = None
    cache: str | S3Place | None = None
    agent_files: str | None = None
    runtime_class: str | None = None
    gate: GateMode = GateMode.WARN
    silence_seconds: int | None = None
    patience: Mapping[str, float] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    defaults: RepoOptions = field(default_factory=RepoOptions)
    versions: Mapping[str, tuple[str, ...]] | None = None
    repo_limits: RepoLimits = field(default_factory=RepoLimits)
    run_limits: RunLimits = field(default_factory=RunLimits)
    detects: bool = True

    @property
    def cache_claim(self) -> str | None:
        """Return the claim of the volume on which dependencies are kept."""
        return self.cache if isinstance(self.cache, str) else None

    @property
    def cache_bucket(self) -> S3Place | None:
        """Return the bucket in which dependencies are kept."""
        return self.cache if isinstance(self.cache, S3Place) else None

    def versions_of(self, image: str, owner: str | None = None) -> Mapping[str, tuple[str, ...]]:
        """Return the versions of languages that an image has as tags; `owner` is whose images are the usual ones."""
        if self.versions is not None:
            return self.versions
        return {"ruby": RUBIES} if has_rubies(image, owner) else {}

    def options_of(self, repo: Repo | None) -> RepoOptions:
        """Return what applies to a repo, or to one that isn't named: its own options over the defaults."""
        own = RepoOptions() if repo is None else repo.options
        usual = self.defaults
        return RepoOptions(
            branch=_first(own.branch, usual.branch),
            image=_first(own.image, usual.image),
            memory=_first(own.memory, usual.memory),
            cpu=_first(own.cpu, usual.cpu),
            timeout_seconds=_first(own.timeout_seconds, usual.timeout_seconds),
            services=_first(own.services, usual.services),
            pull_request=_first(own.pull_request, usual.pull_request),
            protected=_first(own.protected, usual.protected),
            trusts_branch=_first(own.trusts_branch, usual.trusts_branch),
        )

    def allows_image(self, image: str) -> bool:
        """Say whether a person may choose an image: one of the patterns, or one that the config itself uses."""
        used = {self.defaults.image, *(repo.options.image for repo in self.repos.values())}
        return image in used or any(fnmatchcase(image, pattern) for pattern in self.images)


_Value = TypeVar("_Value")


def _first(own: _Value | None, usual: _Value | None) -> _Value | None:
    return usual if own is None else own
