"""The phase of the dependencies: every project of the clone, within its time, and what people are told of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.dependencies.find import MOST, Project
from sandbox.dependencies.install import How, Installed, Place, install
from sandbox.log import Log
from sandbox.process import Limits

SECONDS = 900.0
"""The longest that dependencies may take, whatever the run's time is."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What came of it: `cache` is "hit", "miss", "part" or None, `remarks` are for people.

    `made` are patterns, as in .gitignore, of the folders that were filled in the clone.
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    made: tuple[str, ...] = ()
    cache: str | None = None
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()
    failed: bool = False


def get_dependencies(
    projects: Sequence[Project], place: Place, limits: Limits, log: Log
) -> Dependencies:
    """Install what there is to install.

    What fails is told and left to the agent: a lockfile that can't be installed may be just what it is to mend.
    """
    started = time.monotonic()
    done: list[Installed] = []
    for project in projects[:MOST]:
        done.append(install(project, place, limits, log))
        log.note(_line(done[-1]))
        if done[-1].how is How.STOPPED:
            break
    left = [project.lockfile for project in projects[MOST:]]
    if left:
        log.note(f"left to the agent, since there are so many: {', '.join(left[:20])}")
    return Dependencies(
        _variables(done),
        tuple(pattern for each in done if each.how is not How.IN_REPO for pattern in _made(each)),
        _cache(done) if place.cache is not None else None,
        time.monotonic() - started,
        tuple(_remarks(done)),
        failed=any(each.how is How.FAILED for each in done),
    )


def what(projects: Sequence[Project]) -> str:
    """Name the projects, for the phase's line."""
    return ", ".join(project.lockfile for project in projects[:MOST])


def _line(done: Installed) -> str:
    name, lockfile = done.project.recipe.name, done.project.lockfile
    lines: Mapping[How, Callable[[], str]] = {
        How.HIT: lambda: f"{name}: {lockfile} from the cache",
        How.INSTALLED: lambda: f"{name}: {lockfile} installed",
        How.IN_REPO: lambda: f"{name}: {lockfile} left alone, {done.words}",
        How.NO_TOOL: lambda: f"{name}: {lockfile} left to the agent, {done.words}",
    }
    return lines.get(done.how, lambda: f"{name}: {lockfile} left to the agent: {done.words}")()


def _variables(done: Sequence[Installed]) -> dict[str, str]:
    """Join what the projects need; of several virtual environments the first is the one that programs find."""
    found: dict[str, str] = {}
    for each in done:
        found = {**each.variables, **found}
    return found


def _made(done: Installed) -> list[str]:
    at = f"/{done.project.place}/" if done.project.place else "/"
    between = "**/" if done.project.recipe.deep else ""
    return [f"{at}{between}{name}/" for name in done.project.recipe.folders]


def _cache(done: Sequence[Installed]) -> str | None:
    hows = {each.how for each in done} & {How.HIT, How.INSTALLED}
    if len(hows) == 2:
        return "part"
    return hows.pop().value if hows else None


def _remarks(done: Sequence[Installed]) -> list[str]:
    missing = sorted({each.project.recipe.tool for each in done if each.how is How.NO_TOOL})
    failed = [each for each in done if each.how is How.FAILED]
    remarks = [
        f"Dependencies of {each.project.lockfile} weren't installed: {_last(each)}"
        for each in failed
    ]
    if missing:
        remarks.append(f"Not installed, for want of {', '.join(missing)} in the image.")
    return remarks


def _last(failed: Installed) -> str:
    return failed.words.strip().split("\n")[-1][:100]
