"""Which projects with a lockfile there are in a clone: at its root, and one or two folders down."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.dependencies.recipes import RECIPES, Recipe

MOST = 6
"""So many are installed; a repository with more is a collection, of which a task needs one."""
_DEPTH = 2
_MAX_FOLDERS = 2000
_NOT_ENTERED = frozenset(
    (
        *("node_modules", "vendor", "deps", "third_party", "dist", "build", "target"),
        *("test", "tests", "spec", "fixtures", "testdata"),
        *("example", "examples", "sample", "samples", "templates", "docs"),
    )
)
"""Folders whose lockfiles don't make the project run."""


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a lockfile: its recipe, and where it is below the clone ("" for the root)."""

    recipe: Recipe
    place: str

    @property
    def lockfile(self) -> str:
        """Return the lockfile's path below the clone."""
        return f"{self.place}/{self.recipe.lockfile}" if self.place else self.recipe.lockfile


def find_projects(clone: Path) -> list[Project]:
    """Return what there is to install, the root's first.

    Of a language that the root has, other folders count only where a recipe isn't the root's workspace already.
    """
    found: list[Project] = []
    at_root: set[str] = set()
    for place, names in _folders(clone):
        languages: set[str] = set()
        for recipe in RECIPES:
            if recipe.lockfile not in names or recipe.language in languages | at_root:
                continue
            if recipe.beside is None or recipe.beside in names:
                languages.add(recipe.language)
                found.append(Project(recipe, place))
        if not place:
            at_root = languages
    return found


def _folders(clone: Path) -> Iterator[tuple[str, set[str]]]:
    """Give folders with the names of their plain files, level by level."""
    level = [""]
    seen = 0
    for depth in range(_DEPTH + 1):
        below: list[str] = []
        for place in level:
            seen += 1
            if seen > _MAX_FOLDERS:
                return
            files, folders = _listed(clone / place)
            yield place, files
            below += [f"{place}/{name}" if place else name for name in folders]
        level = below if depth < _DEPTH else []


def _listed(folder: Path) -> tuple[set[str], list[str]]:
    files: set[str] = set()
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    files.add(entry.name)
                elif entry.is_dir(follow_symlinks=False) and _is_entered(entry.name):
                    folders.append(entry.name)
    except OSError:
        return set(), []
    return files, sorted(folders)


def _is_entered(name: str) -> bool:
    return not name.startswith(".") and name not in _NOT_ENTERED
