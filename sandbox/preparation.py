"""What happens between the clone and the agent, so that the project can be worked on; what a repository lacks costs nothing.

Its secrets, its services, its dependencies, its setup. All that runs here is the repository's own code: without any key
of ours, ended with all its processes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sandbox import services, sops
from sandbox.broker import client
from sandbox.clone import Clone
from sandbox.commands import perform
from sandbox.debris import Baseline, Debris, hide
from sandbox.dependencies import slots
from sandbox.dependencies.cache import Cache, Entries
from sandbox.dependencies.find import Project, find_projects
from sandbox.dependencies.install import Place
from sandbox.dependencies.phase import SECONDS as DEPENDENCIES_SECONDS
from sandbox.dependencies.phase import Dependencies, get_dependencies, what
from sandbox.git import Git, GitFailed
from sandbox.keys import past_proxies, without_keys
from sandbox.log import Log
from sandbox.process import Command, Limits
from sandbox.report import Cause, Phase
from sandbox.secrets_of_repo import BadSecrets, files_of, read_secrets
from sandbox.setup import SECONDS as SETUP_SECONDS
from sandbox.setup import Setup, find_setup
from sandbox.task import Assignment
from sandbox.toolchain import SECONDS as TOOLCHAIN_SECONDS
from sandbox.toolchain import TOOLS, Site, get_toolchain

SHARE = 1 / 3
"""The part of the run's time that the dependencies, and then the setup, may use at most."""


class NotPrepared(Exception):
    """The run can't go on; the text says why."""

    def __init__(self, cause: Cause, text: str) -> None:
        super().__init__(text)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Prepared:
    """The project as the agent finds it.

    `environment` is that of the agent, before what it needs itself. `clone` knows what isn't the agent's work.
    """

    clone: Clone
    environment: Mapping[str, str] = field(repr=False)
    cache: str | None = None
    dependency_seconds: float | None = None
    remarks: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """Return what the heading of the next phase says of the cache: only from there a live card learns of it."""
        return (
            "" if self.cache is None else f", cache {self.cache}, {self.dependency_seconds:.0f} s"
        )


@dataclass(frozen=True, slots=True)
class Means:
    """What a preparation works with. `environment` is the sandbox's own; `enter` tells that a phase begins.

    `broker` is the address of the broker, None without one. `limits` are those of everything that runs here: the deadline
    is that of the agent.
    """

    assignment: Assignment
    environment: Mapping[str, str] = field(repr=False)
    git: Git
    limits: Limits
    log: Log
    enter: Callable[[Phase, str], None]
    broker: str | None


def prepare(clone: Clone, means: Means) -> Prepared:
    """Prepare a clone that nothing has run in yet. Raises NotPrepared."""
    return _Preparation(clone, means).prepare()


class _Preparation:
    def __init__(self, clone: Clone, means: Means) -> None:
        self._clone = clone
        self._folder = Path(clone.folder)
        self._means = means
        self._log = means.log
        self._given = {**without_keys(means.environment), **past_proxies(means.environment)}
        self._environment = {**self._given, "GIT_TERMINAL_PROMPT": "0", "PWD": clone.folder}
        self._remarks: list[str] = []

    def prepare(self) -> Prepared:
        self._take_secrets()
        cache = self._find_cache()
        self._end_decrypting()
        self._await_services()
        self._get_toolchain(cache)
        projects = find_projects(self._folder)
        setup = find_setup(self._folder, self._means.assignment.task.setup, self._environment)
        if not projects and setup is None:
            return Prepared(self._clone, self._environment, remarks=tuple(self._remarks))
        baseline = self._baseline()
        dependencies = self._get_dependencies(projects, cache) if projects else Dependencies()
        if setup is not None:
            self._set_up(setup, dependencies)
        clone = self._without_debris(baseline, dependencies.made)
        seconds = dependencies.seconds if dependencies.cache else None
        return Prepared(clone, self._environment, dependencies.cache, seconds, tuple(self._remarks))

    def _take_secrets(self) -> None:
        names = files_of(self._folder)
        if not names:
            return
        self._means.enter(Phase.SECRETS, ", ".join(names))
        try:
            found = read_secrets(self._folder, names, self._decrypt)
        except BadSecrets as error:
            raise NotPrepared(Cause.DECRYPT_FAILED, str(error)) from error
        # Before anything else is printed.
        self._log.redactor.learn(found.secrets)
        for note in found.notes:
            self._log.note(note)
        ours = [name for name in found.variables if self._given.get(name)]
        if ours:
            self._log.note(f"the repository's own {', '.join(ours)} counts, not ours")
        addresses = [name for name in ours if _HERE.search(self._given[name])]
        if addresses:
            self._remarks.append(f"The repo's own {', '.join(addresses)} counts, not ours.")
        self._environment |= found.variables

    def _decrypt(self, data: bytes, kind: str) -> bytes:
        if self._means.broker is not None:
            return client.decrypt(self._means.broker, data, kind)
        return sops.decrypt(data, kind, self._means.environment)

    def _end_decrypting(self) -> None:
        broker = self._means.broker
        if broker is not None and not client.end_decrypting(broker):
            self._log.note("the broker doesn't answer: the agent could have it decrypt")

    def _find_cache(self) -> Entries | None:
        """Return where dependencies are kept; a bucket's addresses are taken before anybody else can ask for them."""
        folder = self._means.environment.get("SANDBOX_CACHE")
        if not folder:
            return None
        if folder != slots.BROKERED:
            return Cache(Path(folder))
        broker = self._means.broker
        found = slots.decode(client.take_cache(broker)) if broker is not None else ()
        if not found:
            self._log.note("there is no cache: the broker has no addresses of it")
            return None
        from sandbox.dependencies.bucket_cache import BucketCache  # only who needs HTTP loads it

        return BucketCache(found, self._folder.parent / f"{self._folder.name}-cache")

    def _await_services(self) -> None:
        """Wait for what stands beside the run; the repository's own addresses may lead anywhere."""
        expected = services.read_services(self._means.environment.get(services.VARIABLE, ""))
        if not expected:
            return
        self._means.enter(Phase.SERVICES, ", ".join(each.name for each in expected))
        limit = services.read_limit(self._means.environment.get(services.LIMIT_VARIABLE, ""))
        stop, begun = self._means.limits.stop, time.monotonic()
        missing = services.wait(
            expected, self._until(limit), lambda: stop is not None and stop.requested
        )
        seconds = time.monotonic() - begun
        if not missing:
            self._log.note(f"ready after {seconds:.1f} s")
            return
        self._stop_if_asked()
        self._log.note(f"not ready after {seconds:.0f} s")
        raise NotPrepared(Cause.SERVICE_UNREACHABLE, services.shown(missing))

    def _get_toolchain(self, cache: Entries | None) -> None:
        stack = self._means.assignment.task.stack
        if stack is None or stack.language not in TOOLS:
            return
        self._means.enter(Phase.DEPENDENCIES, f"{stack.language} {stack.version or ''}".rstrip())
        limits = replace(self._means.limits, deadline=self._until(TOOLCHAIN_SECONDS))
        folder = self._folder.parent / f"{self._folder.name}-toolchain"
        site = Site(folder, self._environment, cache, self._origin())
        found = get_toolchain(stack, site, limits, self._log)
        self._stop_if_asked()
        self._environment |= found.variables
        self._remarks += [found.remark] if found.remark else []
        if found.variables:
            self._tell_of(cache)

    def _get_dependencies(self, projects: list[Project], cache: Entries | None) -> Dependencies:
        means = self._means
        means.enter(Phase.DEPENDENCIES, what(projects))
        place = Place(
            self._folder,
            self._folder.parent / f"{self._folder.name}-dependencies",
            cache,
            self._origin(),
            {**self._environment, "CI": "true"},
        )
        limits = replace(means.limits, deadline=self._until(DEPENDENCIES_SECONDS))
        found = get_dependencies(projects, place, limits, self._log)
        self._stop_if_asked()
        self._environment |= found.variables
        self._remarks += found.remarks
        self._tell_of(cache)
        return found

    def _origin(self) -> tuple[str, str]:
        """Return whose entries those in the cache are: of which repository, for which image."""
        image = self._means.environment.get("SANDBOX_IMAGE", "")
        return self._means.assignment.task.repo_url, image

    def _tell_of(self, cache: Entries | None) -> None:
        remark = f"The cache couldn't be used: {cache.problem}." if cache and cache.problem else ""
        if remark and remark not in self._remarks:
            self._remarks.append(remark)

    def _set_up(self, setup: Setup, dependencies: Dependencies) -> None:
        if not setup.asked and dependencies.failed:
            self._log.note(f"{setup.name} is left out, since its dependencies aren't there")
            return
        self._means.enter(Phase.SETUP, setup.name)
        command = Command(list(setup.arguments), self._clone.folder, self._environment)
        limits = replace(self._means.limits, deadline=self._until(SETUP_SECONDS))
        did = perform(command, limits, self._log)
        self._stop_if_asked()
        if did.well:
            return
        if setup.asked:
            raise NotPrepared(Cause.SETUP_FAILED, did.words)
        self._remarks.append(f"{setup.name} failed; the agent works without.")
        self._log.note(did.words)

    def _baseline(self) -> Baseline | None:
        try:
            return Baseline(self._means.git, self._clone)
        except (GitFailed, OSError) as error:
            self._log.note(f"what the preparation makes can't be told from the work: {error}")
            return None

    def _without_debris(self, baseline: Baseline | None, made: tuple[str, ...]) -> Clone:
        found = Debris(made) if baseline is None else baseline.debris(made)
        if found.changed:
            names = ", ".join(found.changed[:5])
            self._log.note(f"the preparation changed {names}: that is part of the work")
        hide(self._clone, found.ignored)
        return replace(self._clone, ignored=found.ignored)

    def _until(self, seconds: float) -> float:
        """Return the deadline of a step that may take so long, or its share of the run's time."""
        share = SHARE * self._means.assignment.task.timeout_seconds
        return min(time.monotonic() + min(seconds, share), self._means.limits.deadline)

    def _stop_if_asked(self) -> None:
        stop = self._means.limits.stop
        if stop is not None and stop.requested:
            raise NotPrepared(Cause.CANCELLED, "stopped from outside")


_HERE = re.compile(r"\b(localhost|127\.0\.0\.1)\b")
"""In the address of what stands beside the run."""
