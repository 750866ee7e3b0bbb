"""A run in containers: the same image, variables and services as the Job's, with Docker or Podman."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from bot.settings import BackendName
from bot.stack_words import stack_words
from cli.exits import Exit, Failure
from cli.local.arguments import LABEL, Made
from cli.local.compose import compose_file
from cli.local.engine import Engine, EngineError
from cli.local.kept import Kept
from cli.local.leftovers import owner, sweep
from cli.local.one_run import OneRun
from cli.local.pod import Means, PodHere, Stopping
from cli.local.pulling import pull
from cli.parts import make_place, make_stacks
from k8s.annotations import Asked
from k8s.containers import Containers, containers_of
from k8s.manifest import manifest
from k8s.place import KubernetesPlace
from runs.run import Run
from sandbox.gate import GateMode
from sandbox.keys import GIT_TOKEN, MODEL_KEYS
from sandbox.sops import KEY_FILE_VARIABLE

CACHE = "claude-sandbox-cache"
"""Volumes of this name hold the dependencies of repositories, one for each, and outlive their runs."""
REPORT = "termination-log"

Tell = Callable[[str], None]
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Here:
    """Where a run in containers goes: which engine, and a network of its that the run joins (None: one of its own)."""

    engine: Engine
    network: str | None = None


async def run_contained(one: OneRun, here: Here, tell: Tell, stopping: Stopping) -> Run:
    """Carry out a run to its end, and remove all that was made for it. Raises Failure."""
    _check_reach(one)
    _check_model_key(one)
    one, place = await _fitted(one)
    for line in filter(None, (stack_words(one.task), *_notes(one))):
        tell(f"· {line}")
    containers = _containers(one, place)
    with Kept(one.settings.state_folder).report(one.id) as report:
        made = Made(containers, place.image, report, owner(), here.network)
        means = Means(here.engine, made, tell, _age_key(one))
        try:
            for name in await sweep(here.engine):
                tell(f"· removed what was left of {name}, whose command was killed")
            if await here.engine.limits_nothing():
                tell("· Docker has no cgroups here: neither memory nor cpu is limited")
            await _pull(means, place, stopping)
            return await _run(one, means, stopping)
        except EngineError as error:
            raise _failure(error) from error


async def compose_of(one: OneRun) -> str:
    """Return the compose file of a run. Its Report is a file beside it. Raises Failure."""
    _check_reach(one)
    one, place = await _fitted(one)
    return compose_file(Made(_containers(one, place), place.image, Path(f"./{REPORT}"), owner()))


async def _run(one: OneRun, means: Means, stopping: Stopping) -> Run:
    pod = PodHere(means, one.id)
    started_at = time.time()
    try:
        outcome = await pod.run(stopping)
        return one.ended(outcome, started_at, time.time())
    finally:
        try:
            await pod.remove()
        except EngineError as error:  # how the run ended is worth more than that
            name, engine = means.made.containers.name, means.engine.name.value
            means.tell(f"· not all of it could be removed: {_last_line(str(error))}")
            means.tell(f"· see {engine} ps --all --filter label={LABEL}={name}")


def _notes(one: OneRun) -> tuple[str, ...]:
    return () if one.task.stack is None else one.task.stack.notes


async def _fitted(one: OneRun) -> tuple[OneRun, KubernetesPlace]:
    """Return the run with what its repository needs, as the bot would see it, and its place without a cluster."""
    settings = replace(one.settings, backend=BackendName.KUBERNETES)
    place = replace(
        make_place(settings, one.config, one.environment),
        gate=GateMode.OFF,  # no network policy is waited for
        kueue=None,
        runtime_class=None,
        cache_claim=CACHE,
        agent_files=None,  # `remarks` says so
    )
    stacks = make_stacks(settings, one.config, one.environment)
    task = one.task if stacks is None else await stacks.fit(one.task)
    return replace(one, task=task), place


def _containers(one: OneRun, place: KubernetesPlace) -> Containers:
    asked = Asked(one.key, one.task, one.origin, time.time())
    return containers_of(manifest(asked, place, suspended=False))


def _check_reach(one: OneRun) -> None:
    """Refuse what can't come to a good end in a container. Raises Failure."""
    url = one.task.repo_url
    if not url.startswith(("http://", "https://")):
        raise Failure(
            "A sandbox in a container reaches git servers by https only: it has no ssh key, and no folder of this machine.",
            "Name the repository by its https address: --repo https://…, or run without containers: --bare",
        )
    for name, address in (("the repository", url), *_servers(one)):
        if urlsplit(address).hostname in ("localhost", "127.0.0.1", "::1"):
            raise Failure(
                f"In a container, {name} at {address} isn't this machine.",
                "Name it by an address that containers reach (host.docker.internal, host.containers.internal), or run "
                "without them: --bare",
            )


def _check_model_key(one: OneRun) -> None:
    """Refuse an agent that could ask no model. Raises Failure."""
    if one.settings.agent.value == "claude" and not any(map(one.environment.get, MODEL_KEYS)):
        raise Failure(
            "There is no key of the model: in a container the agent doesn't have this machine's login.",
            "Set CLAUDE_CODE_OAUTH_TOKEN, which `claude setup-token` makes, or ANTHROPIC_API_KEY; "
            "or use this machine's login: --bare",
        )


def _servers(one: OneRun) -> list[tuple[str, str]]:
    names = ("ANTHROPIC_BASE_URL", "GITHUB_API_URL")
    return [(name, one.environment[name]) for name in names if one.environment.get(name)]


def remarks(one: OneRun) -> list[str]:
    """Return what a person should know before the run begins."""
    told = []
    if not one.environment.get(GIT_TOKEN):
        told.append(
            f"{GIT_TOKEN} isn't set: only public repositories can be cloned, and nothing is pushed."
        )
    if one.config.agent_files is not None:
        told.append(
            f"The agent's files of the ConfigMap {one.config.agent_files} are on the cluster: here those in the image count."
        )
    return told


async def _pull(means: Means, place: KubernetesPlace, stopping: Stopping) -> None:
    """Have all images here. Raises Failure for one that can't be had."""
    made, engine = means.made, means.engine
    for image in dict.fromkeys((made.image, *(each.image for each in made.containers.all))):
        if stopping.asked.is_set() or await engine.has_image(image):
            continue
        why = await _unless_stopped(pull(engine, image, means.tell), stopping)
        if why is None:
            continue
        raise Failure(
            f"The image {image} isn't here, and can't be pulled: {_last_line(why)}",
            "Build it: claude-sandbox build, or name another one: CLAUDE_IMAGE=…"
            if place.runs_entrypoint(image)
            else f"Get it where it can be had ({engine.name.value} pull {image}), or name another: "
            "serviceImages in the config, --image",
            Exit.CLUSTER,
        )


async def _unless_stopped(
    work: Coroutine[object, object, _Result], stopping: Stopping
) -> _Result | None:
    """Return what comes of some work; None when a person wants to stop before that."""
    working, asked = asyncio.create_task(work), asyncio.create_task(stopping.asked.wait())
    try:
        await asyncio.wait({working, asked}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        asked.cancel()
        await asyncio.gather(working, asked, return_exceptions=True)


def _failure(error: EngineError) -> Failure:
    words = str(error)
    if "no space left" in words:
        return Failure(
            f"The disk is full: {_last_line(words)}",
            "Remove what isn't needed any more: docker system prune, or podman system prune",
            Exit.CLUSTER,
        )
    if "cgroup controller" in words:
        return Failure(
            f"{_last_line(words)}",
            "Podman without root may not limit memory or cpu here. Let systemd hand both on (Delegate=cpu memory pids "
            "for user@.service), or run it as root.",
            Exit.CLUSTER,
        )
    return Failure(
        f"The containers can't be made: {_last_line(words)}",
        "Nothing of the run is left. Without containers: --bare",
        Exit.CLUSTER,
    )


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it doesn't say why"])[-1][:300]


def _age_key(one: OneRun) -> bytes | None:
    """Return the age key that SOPS_AGE_KEY_FILE names. Raises Failure."""
    name = one.environment.get(KEY_FILE_VARIABLE)
    if not name:
        return None
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise Failure(
            f"{KEY_FILE_VARIABLE}: {name} can't be read: {os.strerror(error.errno or 0)}.",
            "Name the file of your age key, or leave the variable out.",
        ) from error
