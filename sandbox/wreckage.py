"""What the agent left of its clone, read without git and without trusting any of it.

The agent may have put links, pipes or foreign configuration into .git. So refs are read as plain files, no link is
followed, no read blocks or grows without limit; git itself only ever sees the objects and a copy of the index.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.plain_files import is_real_folder, open_plain

_REF_BYTES = 4096
_PACKED_BYTES = 16 << 20
_MAX_REFS = 5000
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_UNFINISHED = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}


@dataclass(frozen=True, slots=True)
class Remains:
    """What can be known of a .git; the defaults are those of one that is destroyed.

    `objects` is its object store, `head` the commit that is checked out, `index` the path of its index, `branches`
    the local branches (and the stash) by name, `fetched` the commits that came from the remote, `unfinished` the
    operation that it was in the middle of.
    """

    objects: Path | None = None
    head: str | None = None
    index: Path | None = None
    branches: dict[str, str] = field(default_factory=dict)
    fetched: tuple[str, ...] = ()
    unfinished: str | None = None


def look(folder: Path) -> Remains:
    """Read the .git of a clone."""
    git_folder = folder / ".git"
    objects = git_folder / "objects"
    if not is_real_folder(git_folder) or not is_real_folder(objects):
        return Remains()
    refs = _refs(git_folder)
    index = git_folder / "index"
    branches = {
        name.removeprefix("refs/heads/"): commit
        for name, commit in refs.items()
        if name.startswith("refs/heads/") or name == "refs/stash"
    }
    return Remains(
        objects=objects,
        head=_head(git_folder, refs),
        index=index if os.path.lexists(index) else None,
        branches=branches,
        fetched=tuple({c for name, c in refs.items() if name.startswith("refs/remotes/")}),
        unfinished=next(
            (word for name, word in _UNFINISHED.items() if os.path.lexists(git_folder / name)), None
        ),
    )


def copy_index(source: Path, target: Path) -> bool:
    """Copy an index if it is a plain file, with its time, by which git knows which entries may be stale."""
    with open_plain(source) as found:
        if found is None:
            return False
        with target.open("wb") as copy:
            shutil.copyfileobj(found, copy)
        times = os.fstat(found.fileno())
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
    return True


def _head(git_folder: Path, refs: dict[str, str]) -> str | None:
    text = _read(git_folder / "HEAD", _REF_BYTES).strip()
    if text.startswith("ref:"):
        return refs.get(text.removeprefix("ref:").strip())
    return text if _COMMIT.fullmatch(text) else None


def _refs(git_folder: Path) -> dict[str, str]:
    found = {}
    for line in _read(git_folder / "packed-refs", _PACKED_BYTES).split("\n")[:_MAX_REFS]:
        commit, _, name = line.partition(" ")
        if _COMMIT.fullmatch(commit) and name:
            found[name] = commit
    for path in _files_below(git_folder / "refs"):
        text = _read(path, _REF_BYTES).strip()
        if _COMMIT.fullmatch(text) and len(found) < _MAX_REFS:
            found[str(path.relative_to(git_folder))] = text
    return found


def _files_below(top: Path) -> Iterator[Path]:
    if is_real_folder(top):
        for folder, _, names in os.walk(top):
            for name in names:
                yield Path(folder, name)


def _read(path: Path, limit: int) -> str:
    with open_plain(path) as found:
        return "" if found is None else found.read(limit).decode("utf-8", "surrogateescape")
