"""What a preparation left in the work tree: files that aren't the agent's work, and don't belong into its commit."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.clone import Clone
from sandbox.git import Git, GitFailed
from sandbox.plain_files import is_real_folder
from sandbox.wreckage import copy_index

_MOST_FILES = 3000
_LISTING_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Debris:
    """`ignored` are patterns as in .gitignore, `changed` files of the repository that aren't as they were."""

    ignored: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class Baseline:
    """The clone as it was before anything of it ran, in a git folder that nothing of it configures."""

    def __init__(self, git: Git, clone: Clone) -> None:
        """Take it. Raises GitFailed, OSError."""
        folder = tempfile.mkdtemp(prefix=".baseline-", dir=git.folder)
        kind = "sha256" if len(clone.base_commit or "") == 64 else "sha1"
        options = ("--quiet", "--bare", "--template=", f"--object-format={kind}")
        replace(git, folder=folder).run("init", *options, folder)
        environment = {**git.environment, "GIT_DIR": folder, "GIT_WORK_TREE": clone.folder}
        self._git = replace(git, folder=clone.folder, environment=environment)
        copy_index(Path(clone.folder, ".git", "index"), Path(folder, "index"))

    def debris(self, made: Iterable[str]) -> Debris:
        """Return what is there now and wasn't; `made` are patterns of folders that nobody need list. Never raises."""
        known = tuple(made)
        try:
            changed = self._listed("diff-files", "--name-only", "-z")
            new = self._new(known)
        except (GitFailed, OSError):
            return Debris(known)
        return Debris((*known, *map(_pattern, new)), tuple(changed))

    def _new(self, known: tuple[str, ...]) -> list[str]:
        excluded = [option for pattern in known for option in ("--exclude", pattern)]
        arguments = ("ls-files", "--others", "--exclude-standard", *excluded, "-z")
        found = self._listed(*arguments)
        if len(found) > _MOST_FILES:
            found = self._listed(*arguments, "--directory")[:_MOST_FILES]
        return [name for name in found if "\n" not in name]

    def _listed(self, *arguments: str) -> list[str]:
        text = self._git.run(*arguments, limit=_LISTING_BYTES)
        # What was cut off may have lost the end of its last name.
        return text.split("\0")[:-1]


def hide(clone: Clone, patterns: Iterable[str]) -> None:
    """Keep the agent's own git from adding them. Where that can't be done, what is delivered is without them still."""
    folder = Path(clone.folder, ".git")
    info = folder / "info"
    try:
        if not is_real_folder(folder):
            return
        info.mkdir(exist_ok=True)
        if not is_real_folder(info):
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
        with os.fdopen(os.open(info / "exclude", flags, 0o644), "wb") as file:
            file.write(exclude_file(patterns))
    except OSError:
        return


def exclude_file(patterns: Iterable[str]) -> bytes:
    """Return the content of a file of patterns, for `info/exclude` of a git folder."""
    return b"".join(os.fsencode(pattern) + b"\n" for pattern in patterns)


def _pattern(name: str) -> str:
    """Return the pattern of just this name."""
    escaped = re.sub(r"([\\*?\[\]])", r"\\\1", name)
    return "/" + re.sub(r" $", r"\\ ", escaped)
