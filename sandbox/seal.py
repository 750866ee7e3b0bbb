"""Making commits of what the agent left, in a git folder that it never saw.

The clone's objects are borrowed as alternates, its index is copied; its configuration, hooks, filters and helpers
play no part. Nothing is decided by what the agent says of its work.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.clone import Clone
from sandbox.debris import exclude_file
from sandbox.git import Git, GitFailed
from sandbox.keys import Keys
from sandbox.plain_files import is_real_folder
from sandbox.wreckage import Remains, copy_index, look

_MAX_OTHERS = 8
_MAX_EMBEDDED = 50
_LISTING_BYTES = 16 << 20


class NothingLeft(Exception):
    """The work tree itself is gone; the text says so."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The work as commits. `git` runs in the folder that holds them.

    `commit` is what is to be pushed, None when nothing differs from the base. `others` are further commits that
    `commit` doesn't contain, by a name for each. Counts are against the base. `notes` are for people.
    """

    git: Git
    commit: str | None
    commits: int = 0
    files: int = 0
    insertions: int = 0
    deletions: int = 0
    others: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def seal(git: Git, clone: Clone, keys: Keys, message: str) -> Sealed:
    """Commit what was left uncommitted, and find out what there is to push.

    `git.folder` is where the new git folder is made. What can't be read of the agent's .git is done without, step by
    step, down to the bare work tree on a base fetched anew. Raises NothingLeft, GitFailed, OSError.
    """
    if not is_real_folder(Path(clone.folder)):
        raise NothingLeft("the agent removed its clone, or put something else in its place")
    remains = look(Path(clone.folder))
    attempts = [remains, replace(remains, index=None), Remains()]
    for attempt in attempts[:-1]:
        try:
            return _Sealer(git, clone, keys, attempt).seal(message)
        except GitFailed as failure:
            if failure.disk_full:
                raise
    return _Sealer(git, clone, keys, attempts[-1]).seal(message)


class _Sealer:
    """One attempt."""

    def __init__(self, git: Git, clone: Clone, keys: Keys, remains: Remains) -> None:
        self._clone = clone
        self._keys = keys
        self._remains = remains
        self._folder = Path(tempfile.mkdtemp(prefix="git-", dir=git.folder))
        self._notes: list[str] = []
        environment = {
            **git.environment,
            "GIT_DIR": str(self._folder),
            "GIT_WORK_TREE": clone.folder,
        }
        self._bare = replace(git, folder=str(self._folder))
        self._git = replace(git, folder=clone.folder, environment=environment)

    def seal(self, message: str) -> Sealed:
        self._make_folder()
        base = self._base()
        head = self._head()
        tree = self._tree_of_work(head, base)
        tip = head
        if tree != (self._git.run("rev-parse", f"{head}^{{tree}}") if head else self._empty_tree()):
            parents = ["-p", head] if head else []
            tip = self._git.run("commit-tree", *parents, "-m", message, tree)
            self._note_unfinished()
        others = self._others(tip)
        if not self._differs(tip, base):
            tip, others = self._promote(others)
        if tip is None:
            return Sealed(self._git, None, notes=tuple(self._notes))
        return self._sealed(tip, base, others)

    def _make_folder(self) -> None:
        commit = self._clone.base_commit or self._remains.head or ""
        kind = "sha256" if len(commit) == 64 else "sha1"
        options = ("--quiet", "--bare", "--template=", f"--object-format={kind}")
        self._bare.run("init", *options, str(self._folder))
        exclude = self._folder / "info" / "exclude"
        exclude.parent.mkdir(exist_ok=True)
        exclude.write_bytes(exclude_file(self._clone.ignored))
        if self._remains.objects is not None:
            alternates = self._folder / "objects" / "info" / "alternates"
            alternates.parent.mkdir(parents=True, exist_ok=True)
            alternates.write_bytes(os.fsencode(self._remains.objects) + b"\n")

    def _base(self) -> str:
        """Return the commit (or empty tree) to compare with; it is fetched when the clone doesn't have it any more."""
        base = self._clone.base_commit
        if base is None:
            return self._empty_tree()
        if self._known(base) is None:
            url = self._clone.url
            self._notes.append("the clone's .git was damaged; its base was fetched again")
            try:
                self._fetch(url, base)
            except GitFailed:
                self._fetch(url, f"refs/heads/{self._clone.base}")
        return base

    def _head(self) -> str | None:
        """Return the commit that the work tree stands on: what is checked out, else the run's branch, else the base."""
        own = self._remains.branches.get(self._clone.branch)
        return self._known(self._remains.head) or self._known(own) or self._clone.base_commit

    def _fetch(self, url: str, what: str) -> None:
        network = (self._keys, url)
        self._git.run("fetch", "--quiet", "--no-tags", "--", url, what, network=network)

    def _known(self, commit: str | None) -> str | None:
        if commit is None:
            return None
        try:
            self._git.run("cat-file", "-e", f"{commit}^{{commit}}")
        except GitFailed:
            return None
        return commit

    def _empty_tree(self) -> str:
        return self._git.run("hash-object", "-t", "tree", "/dev/null")

    def _tree_of_work(self, head: str | None, base: str) -> str:
        """Bring the index up to the work tree, and return its tree."""
        index = self._folder / "index"
        if self._remains.index is None or not copy_index(self._remains.index, index):
            self._git.run("read-tree", head or base)
        errors = self._add_all()
        for _ in range(_MAX_EMBEDDED):
            opened = [self._open_embedded(path) for path in self._embedded(base, errors)]
            if not any(opened):
                break
            errors = self._add_all()
        if errors:
            self._notes.append("not everything could be committed: " + _last_lines(errors, 3))
        return self._git.run("write-tree")

    def _add_all(self) -> str:
        try:
            self._git.run("add", "--all", "--ignore-errors")
        except GitFailed as failure:
            if failure.disk_full or "fatal:" in failure.errors:
                raise
            return failure.errors
        return ""

    def _embedded(self, base: str, errors: str) -> list[str]:
        """Return the paths of repositories inside the work tree that are no submodules; git would add only a pointer."""
        options = ("--cached", "--raw", "--no-renames", "--no-abbrev", "-z")
        fields = self._git.run("diff", *options, base, limit=_LISTING_BYTES).split("\0")
        changes = zip(fields[::2], fields[1::2], strict=False)
        links = [path for change, path in changes if re.match(r":(?!160000)\d+ 160000 ", change)]
        unborn = re.findall(r"'(.+?)/?' does not have a commit checked out", errors)
        submodules = self._submodules() if links else set()
        return [path for path in [*links, *unborn] if path not in submodules]

    def _submodules(self) -> set[str]:
        pattern = r"^submodule\..*\.path$"
        try:
            listed = self._git.run(
                "config", "-z", "--blob", ":.gitmodules", "--get-regexp", pattern
            )
        except GitFailed:
            return set()
        return {entry.partition("\n")[2] for entry in listed.split("\0")}

    def _open_embedded(self, path: str) -> bool:
        """Move an embedded repository's .git away, so that its files count as files; True when that was done."""
        folder = Path(self._clone.folder, path)
        inner = folder / ".git"
        if not is_real_folder(folder) or not os.path.lexists(inner):
            return False
        shutil.move(inner, tempfile.mkdtemp(prefix="embedded-", dir=self._folder))
        self._git.run("update-index", "--force-remove", "--", path)
        self._notes.append(f"{path} was a repository of its own; its files were added as files")
        return True

    def _note_unfinished(self) -> None:
        if self._remains.unfinished:
            what = self._remains.unfinished
            self._notes.append(
                f"a {what} was left unfinished; the files are committed as they stood"
            )

    def _others(self, tip: str | None) -> list[tuple[str, str]]:
        """Return the other local branches, and the stash, that hold commits which the rest doesn't."""
        known = [
            commit for commit in (tip, self._clone.base_commit, *self._remains.fetched) if commit
        ]
        others: list[tuple[str, str]] = []
        own_first = sorted(
            self._remains.branches.items(), key=lambda item: item[0] != self._clone.branch
        )
        for name, commit in own_first:
            if len(others) < _MAX_OTHERS and self._known(commit) and self._count(commit, known):
                others.append((name.removeprefix("refs/"), commit))
                known.append(commit)
        return others

    def _count(self, commit: str, known: list[str]) -> int:
        counted = self._git.run("rev-list", "--count", "--ignore-missing", commit, "--not", *known)
        return int(counted)

    def _differs(self, tip: str | None, base: str) -> bool:
        if tip is None or tip == base:
            return False
        known = [commit for commit in (self._clone.base_commit,) if commit]
        trees = self._git.run("rev-parse", f"{tip}^{{tree}}", f"{base}^{{tree}}").split("\n")
        return self._count(tip, known) > 0 or trees[0] != trees[1]

    def _promote(self, others: list[tuple[str, str]]) -> tuple[str | None, list[tuple[str, str]]]:
        """Choose what is pushed when nothing was checked out that differs: the run's branch, else the newest other."""
        if not others:
            return None, []
        commits = [commit for _, commit in others]
        newest = self._git.run("rev-list", "--no-walk", *commits).split("\n")[0]
        tip = commits[0] if others[0][0] == self._clone.branch else newest
        return tip, [(name, commit) for name, commit in others if commit != tip]

    def _sealed(self, tip: str, base: str, others: list[tuple[str, str]]) -> Sealed:
        known = [commit for commit in (self._clone.base_commit,) if commit]
        for commit in (tip, *(commit for _, commit in others)):
            # Fails when an object of it is missing, which the push would find out too late.
            self._git.run("rev-list", "--objects", "--quiet", commit, "--not", *known)
        counted = self._git.run("diff", "--shortstat", "--no-ext-diff", "--no-textconv", base, tip)
        return Sealed(
            self._git,
            tip,
            commits=self._count(tip, known),
            files=_number_before(r"files? changed", counted),
            insertions=_number_before(r"insertion", counted),
            deletions=_number_before(r"deletion", counted),
            others=tuple(others),
            notes=tuple(self._notes),
        )


def _number_before(words: str, text: str) -> int:
    found = re.search(rf"(\d+) {words}", text)
    return int(found[1]) if found else 0


def _last_lines(text: str, count: int) -> str:
    return "; ".join(text.split("\n")[-count:])
