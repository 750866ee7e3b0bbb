"""Who configures the agent, decided before anything of a named branch runs and carried out when all of it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import configuring
from sandbox.agent_files import VARIABLE, AgentFiles, read_agent_files
from sandbox.agents.claude import has_own_home
from sandbox.base_files import find_guidance
from sandbox.clone import Clone
from sandbox.git import Git
from sandbox.guidance import FOLDER, Guidance, named
from sandbox.held_files import HeldFiles, hold, lay_out
from sandbox.keys import Keys
from sandbox.task import Task


class Misguided(Exception):
    """What configures the agent was changed, and nothing can take its place; the text says what."""


@dataclass(frozen=True, slots=True)
class Guide:
    """What was found before the preparation. `held` are the base's files, None where none count."""

    found: Guidance
    held: HeldFiles | None
    home_is_free: bool
    clone: Path
    environment: Mapping[str, str] = field(repr=False)
    files: Mapping[str, str] = field(repr=False)
    home: Mapping[str, str] = field(repr=False)

    def settle(self, workspace: str) -> Guidance | None:
        """Return what configures the agent instead of its clone; None when the clone does.

        To be called right before the agent starts. Raises Misguided, and OSError when the workspace is full.
        """
        in_home = configuring.changed(self.home, configuring.of_home(self.environment))
        if in_home and not self.home_is_free:
            raise Misguided(
                f"what the branch runs before the agent changed {named(in_home)}, which configures the agent"
            )
        if not self.found.of_clone:
            return self._in_place_of_clone(workspace, in_home)
        now = configuring.of_clone(self.clone, configuring.home_of(self.environment))
        if files := configuring.changed(self.files, now):
            remark = (
                "No file of the repo configured the agent: what the branch runs before it changed"
            )
            return Guidance(self._empty(workspace), f"{remark} {named(files)}")
        return Guidance(self._empty(workspace), "", of_clone=True) if in_home else None

    def _in_place_of_clone(self, workspace: str, in_home: list[str]) -> Guidance:
        if self.held is not None:
            return Guidance(str(lay_out(self.held, workspace)), self.found.remark)
        return Guidance(self._empty(workspace) if in_home else None, self.found.remark)

    def _empty(self, workspace: str) -> str | None:
        """Make a home in which nothing is, unless the agent needs its own."""
        if not self.home_is_free:
            return None
        folder = lay_out(HeldFiles(), workspace)
        (folder / FOLDER).mkdir()
        return str(folder)


@dataclass(frozen=True, slots=True)
class Guides:
    """Both: what counts of the repository, None where its clone does, and the operator's files."""

    repository: Guide | None = None
    operator: AgentFiles = field(default_factory=AgentFiles)

    def settle(self, workspace: str) -> Guidance | None:
        """Return what configures the agent besides its clone; as `Guide.settle`."""
        found = None if self.repository is None else self.repository.settle(workspace)
        return self.operator.beside(found, workspace)


def find_guides(
    git: Git, keys: Keys, clone: Clone, task: Task, environment: Mapping[str, str]
) -> Guides:
    """Look before anything of the clone has run. Raises GitFailed, and Misguided for files of the operator's."""
    try:
        files = read_agent_files(environment)
    except OSError as error:
        raise Misguided(f"{VARIABLE}: {error}") from error
    if files.files and has_own_home(environment):
        files = AgentFiles(remark="The operator's agent files don't count: the agent has a home.")
    return Guides(find_guide(git, keys, clone, task, environment), files)


def find_guide(
    git: Git, keys: Keys, clone: Clone, task: Task, environment: Mapping[str, str]
) -> Guide | None:
    """Look before anything of the clone has run; None when nothing in it can be a stranger's. Raises GitFailed."""
    free = not has_own_home(environment)
    found = find_guidance(git, keys, clone, task, home_is_free=free)
    if found is None:
        return None
    held = None
    if found.folder is not None:
        try:
            held = hold(Path(found.folder))
        except OSError:
            found = Guidance(
                None, "No file of the repo configured the agent: its base has too many"
            )
    folder = Path(clone.folder)
    files = configuring.of_clone(folder, configuring.home_of(environment)) if found.of_clone else {}
    return Guide(found, held, free, folder, environment, files, configuring.of_home(environment))
