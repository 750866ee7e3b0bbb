"""The way in: a Task, and its form as the environment of the sandbox program."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.gate import Gate, read_gate
from sandbox.guidance import Guidance

SILENCE_SECONDS = 900
"""An agent that prints nothing for longer hangs; its longest tool call, a command of 10 minutes, is silent too."""

DEFAULT_REPORT = "/dev/termination-log"

USUAL_MEMORY = "4Gi"
"""The limit of a Task that names none, where the Backend applies one (a Kubernetes quantity)."""


@dataclass(frozen=True, slots=True)
class RepoStack:
    """What the repo itself was seen to need before the launch, as far as people are told.

    `chosen` names the fields of the Task that were filled by it, `notes` are remarks, such as a version that can't be had.
    `requirement` is a range such as ">= 3.9, < 4", of which `version` is only the beginning.
    """

    language: str | None = None
    version: str | None = None
    chosen: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    requirement: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What a person asked for.

    `branch` None means the remote's default branch. `timeout_seconds` covers everything from the clone to the
    push. `memory`, `cpu` (Kubernetes quantities), `image` and `services` None mean the Backend's default; a
    Backend that can't apply one says so by `Backend.ignored_options`. `repo_name` is what people call the repo;
    it decides nothing. `base` is the branch that a pull request goes to, None the one that the work starts from.
    The files of `branch` may configure the agent when `trusts_branch`; else those of `trusted_base` do, None being the
    remote's default branch. `setup` is a command of the repo's own file, to be run before the agent; `variables` are
    further ones of that file for the agent. `stack` None means that nobody looked at the repo.
    """

    repo_url: str
    prompt: str
    repo_name: str = ""
    branch: str | None = None
    timeout_seconds: int = 3600
    model: str | None = None
    budget_usd: float | None = None
    pull_request: bool = False
    memory: str | None = None
    cpu: str | None = None
    image: str | None = None
    services: tuple[str, ...] | None = None
    base: str | None = None
    trusted_base: str | None = None
    trusts_branch: bool = False
    setup: str | None = None
    variables: tuple[tuple[str, str], ...] = ()
    stack: RepoStack | None = None


class BadEnvironment(Exception):
    """The environment doesn't hold a Task; the text names every variable that is wrong."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the sandbox program reads from its environment: the Task and its surroundings.

    `report_path` and `workspace` are absolute paths. The clone is made in a folder below `workspace`. `gate` None means
    that no network policies are waited for. An agent that prints nothing for `silence_seconds` is ended; 0 means never. `guidance` is
    what configures the agent in place of its clone; it is found on the way.
    """

    run_id: str
    task: Task
    agent: str
    report_path: str
    workspace: str
    gate: Gate | None = None
    silence_seconds: int = SILENCE_SECONDS
    guidance: Guidance | None = None


def to_environment(task: Task, run_id: str) -> dict[str, str]:
    """Return the contract's variables for a Task; keys and paths are added by the Backend."""
    return {
        "TASK": task.prompt,
        "REPO_URL": task.repo_url,
        "REPO_BRANCH": task.branch or "",
        "SANDBOX_TRUSTED_BASE": task.trusted_base or "",
        "SANDBOX_TRUST": "branch" if task.trusts_branch else "base",
        "SANDBOX_RUN": run_id,
        "SANDBOX_TIMEOUT": str(task.timeout_seconds),
        "SANDBOX_PR": "1" if task.pull_request else "",
        "SANDBOX_BASE": task.base or "",
        "SANDBOX_SETUP": task.setup or "",
        "SANDBOX_TOOLCHAIN": _toolchain(task.stack),
        "SANDBOX_MODEL": task.model or "",
        "SANDBOX_BUDGET": "" if task.budget_usd is None else repr(task.budget_usd),
    }


def from_environment(environment: Mapping[str, str]) -> Assignment:
    """Read the contract's variables; empty counts as absent.

    Raises BadEnvironment with all mistakes at once.
    """
    mistakes: list[str] = []

    def required(name: str) -> str:
        value = environment.get(name, "")
        if not value:
            mistakes.append(f"{name} is not set")
        return value

    timeout = _number(environment, "SANDBOX_TIMEOUT", mistakes)
    budget = _number(environment, "SANDBOX_BUDGET", mistakes)
    assignment = Assignment(
        run_id=environment.get("SANDBOX_RUN") or "local",
        task=Task(
            repo_url=required("REPO_URL"),
            prompt=required("TASK"),
            branch=environment.get("REPO_BRANCH") or None,
            trusted_base=environment.get("SANDBOX_TRUSTED_BASE") or None,
            trusts_branch=environment.get("SANDBOX_TRUST") == "branch",
            timeout_seconds=int(timeout or 3600),
            model=environment.get("SANDBOX_MODEL") or None,
            budget_usd=budget,
            pull_request=environment.get("SANDBOX_PR", "") not in ("", "0", "false"),
            base=environment.get("SANDBOX_BASE") or None,
            setup=environment.get("SANDBOX_SETUP") or None,
            stack=_stack(environment.get("SANDBOX_TOOLCHAIN", "")),
        ),
        agent=environment.get("SANDBOX_AGENT") or "claude",
        report_path=environment.get("SANDBOX_REPORT") or DEFAULT_REPORT,
        workspace=environment.get("SANDBOX_WORKSPACE") or "/workspace",
        gate=_gate(environment, mistakes),
        silence_seconds=_silence(environment, mistakes),
    )
    if mistakes:
        raise BadEnvironment("; ".join(mistakes))
    return assignment


def _toolchain(stack: RepoStack | None) -> str:
    """Return what is asked for, such as `node 18 >=18 <23`; the version `-` where none is."""
    if stack is None or stack.language is None:
        return ""
    # The range is the repository's own text.
    requirement = re.sub(r"[^0-9.,<>=|~^* ]", "", stack.requirement or "")[:200]
    return f"{stack.language} {stack.version or '-'} {requirement}".rstrip()


def _stack(text: str) -> RepoStack | None:
    """Read it back, as far as it concerns what is installed; None for what isn't one."""
    match = re.fullmatch(r"([a-z]{1,20}) (-|[0-9]{1,4}(?:\.[0-9]{1,4}){0,3})(?: (.{1,200}))?", text)
    if match is None:
        return None
    return RepoStack(match[1], None if match[2] == "-" else match[2], requirement=match[3])


def _number(environment: Mapping[str, str], name: str, mistakes: list[str]) -> float | None:
    text = environment.get(name, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if 0 < value < 1e9:
        return value
    mistakes.append(f"{name} is {text!r}, not a positive number")
    return None


def _silence(environment: Mapping[str, str], mistakes: list[str]) -> int:
    text = environment.get("SANDBOX_SILENCE") or str(SILENCE_SECONDS)
    if re.fullmatch("[0-9]{1,6}", text):
        return int(text)
    mistakes.append(f"SANDBOX_SILENCE is {text!r}, not a number of seconds; 0 means never")
    return SILENCE_SECONDS


def _gate(environment: Mapping[str, str], mistakes: list[str]) -> Gate | None:
    text = environment.get("SANDBOX_GATE", "")
    try:
        return read_gate(text) if text else None
    except ValueError as error:
        mistakes.append(f"SANDBOX_GATE is {text!r}, {error}")
        return None
