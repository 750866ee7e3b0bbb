"""The base's configuration of the agent, for a branch that a person named: read by our git, kept beside the clone."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from sandbox.clone import Clone
from sandbox.git import Git, GitFailed
from sandbox.guidance import (
    AGENTS,
    FOLDER,
    INSTRUCTIONS,
    SERVERS,
    Guidance,
    TooMany,
    Tree,
    differing,
    moved,
    named,
    read_tree,
    taken,
)
from sandbox.keys import Keys
from sandbox.process import Ended
from sandbox.task import Task

FETCH_SECONDS = 60.0
SETTINGS = ("settings.json", "settings.local.json")
_NOTHING = "No file of the repo configured the agent"
_LISTING_BYTES = 64 << 20
_PATHS_AT_ONCE = 200


def find_guidance(
    git: Git, keys: Keys, clone: Clone, task: Task, *, home_is_free: bool = True
) -> Guidance | None:
    """Return what configures the agent instead of its clone; None when the clone does.

    To be called before the agent starts. The clone does for the base itself, for a branch that the operator trusts,
    and for one whose configuration is the base's. `git.folder` is the workspace. `home_is_free` False means that the
    agent has a configuration of its own in its home, whose place the base's would take. When the base can't be read,
    nothing configures it. Raises GitFailed only when the run was stopped or its time is over.
    """
    if task.branch is None or task.trusts_branch or clone.base_commit is None:
        return None
    limited = replace(git, deadline=min(git.deadline, time.monotonic() + FETCH_SECONDS))
    try:
        return _Base(limited, keys, clone, task).guidance(home_is_free=home_is_free)
    except GitFailed as failure:
        if failure.ended is Ended.STOPPED or time.monotonic() >= git.deadline:
            raise
        return Guidance(None, f"{_NOTHING}: its base branch can't be read.")
    except OSError:
        return Guidance(None, f"{_NOTHING}: those of its base branch can't be put beside it.")
    except TooMany:
        return Guidance(None, f"{_NOTHING}: there are too many to compare with its base branch.")


class _Base:
    """The base's newest commit, without its files' contents until they are asked for."""

    def __init__(self, git: Git, keys: Keys, clone: Clone, task: Task) -> None:
        self._clone = clone
        self._task = task
        self._network = (keys, clone.url)
        self._folder = Path(tempfile.mkdtemp(prefix="base-", dir=git.folder))
        self._files = self._folder / "files"
        self._own = replace(git, folder=clone.folder)
        variables = {
            "GIT_DIR": str(self._folder / "git"),
            "GIT_WORK_TREE": str(self._files),
            "GIT_LITERAL_PATHSPECS": "1",
        }
        self._git = replace(
            git, folder=str(self._folder), environment={**git.environment, **variables}
        )

    def guidance(self, *, home_is_free: bool) -> Guidance | None:
        self._fetch()
        commit = self._git.run("rev-parse", "HEAD")
        if commit == self._clone.base_commit:
            return None
        name = self._git.run("symbolic-ref", "--short", "HEAD")
        own = self._tree(self._own, str(self._clone.base_commit), self._clone.folder)
        base = self._tree(self._git, commit, self._clone.folder)
        paths = differing(own, base, lambda path: self._text_of_own(own, path))
        if not paths:
            return None
        if not home_is_free:
            whose = "Neither the branch's files nor those of its base configured the agent"
            return Guidance(None, f"{whose}: {named(paths)}")
        self._files.mkdir()
        chosen = taken(base, self._text_of_base)
        for at in range(0, len(chosen), _PATHS_AT_ONCE):
            self._take(*chosen[at : at + _PATHS_AT_ONCE])
        self._make_home()
        whose = f"The agent was configured by {name}'s files, not by the branch's own"
        return Guidance(str(self._files), f"{whose}: {named(paths)}")

    def _fetch(self) -> None:
        options = ["--quiet", "--bare", "--depth=1", "--single-branch", "--no-tags", "--template="]
        options.append("--filter=blob:none")
        if self._task.trusted_base is not None:
            options.append(f"--branch={self._task.trusted_base}")
        plain = replace(self._git, environment=self._own.environment)
        target = str(self._folder / "git")
        plain.run("clone", *options, "--", self._clone.url, target, network=self._network)

    def _tree(self, git: Git, commit: str, root: str) -> Tree:
        listed = git.run("ls-tree", "-r", "-z", "--full-tree", commit, limit=_LISTING_BYTES + 1)
        if len(listed) > _LISTING_BYTES:
            raise TooMany
        return read_tree(listed, root)

    def _text_of_own(self, tree: Tree, path: str) -> str:
        return self._own.run("cat-file", "blob", tree.files[path][1])

    def _text_of_base(self, path: str) -> str:
        self._take(path)
        file = self._files / path
        if file.is_symlink():
            return str(file.readlink())
        return file.read_text("utf-8", "surrogateescape")

    def _take(self, *paths: str) -> None:
        """Write files of the base; their contents are fetched for it."""
        self._git.run("checkout", "HEAD", "--", *paths, network=self._network)

    def _make_home(self) -> None:
        """Lay the files out as the configuration folder of a person: what is there counts wherever the agent works."""
        home = self._files / FOLDER
        home.mkdir(exist_ok=True)
        if self._files.resolve() not in home.resolve().parents:
            raise OSError("the base's .claude leads out of the repository")
        project = home / "CLAUDE.project.md"
        own = home / "CLAUDE.md"
        imports = [f"@../{name}" for name in self._instructions()]
        if own.is_file():
            own.replace(project)
            imports.append(f"@{project.name}")
        own.write_text("".join(f"{line}\n" for line in imports), "utf-8")
        for file in (*(home / name for name in SETTINGS), self._files / SERVERS):
            if file.is_file():
                text = moved(file.read_text("utf-8", "replace"))
                file.unlink()
                file.write_text(text, "utf-8")

    def _instructions(self) -> list[str]:
        """Return those that count: AGENTS.md does where nothing else is there."""
        there = [name for name in INSTRUCTIONS if (self._files / name).is_file()]
        return there if there == [AGENTS] else [name for name in there if name != AGENTS]
