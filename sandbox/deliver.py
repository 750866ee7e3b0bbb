"""Bringing the work to the remote, and asking the remote whether it is there."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.clone import Clone
from sandbox.git import Git, GitFailed
from sandbox.keys import Keys
from sandbox.process import Ended
from sandbox.report import Cause
from sandbox.seal import NothingLeft, Sealed, seal
from sandbox.words import slug

_NAMES_TRIED = 5
_VERIFY_TRIES = 3
_ERROR_LINES = 8


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the work. `pushed` is what the remote itself says.

    `changed` False means that there was nothing to push; `branch` is set when there was. `cause` and `error` say
    why it isn't on the remote.
    """

    changed: bool
    branch: str | None = None
    pushed: bool = False
    commits: int = 0
    files: int = 0
    insertions: int = 0
    deletions: int = 0
    notes: tuple[str, ...] = ()
    cause: Cause | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Delivering:
    """What a delivery needs. `git.folder` is the workspace; `say` prints a line for people."""

    git: Git
    keys: Keys
    clone: Clone
    message: str
    say: Callable[[str], None]


def deliver(work: Delivering, suffix: str = "") -> Delivery:
    """Commit what was left, push it to the run's branch with `suffix`, and verify it there.

    To be called when no process of the agent is left. Never overwrites what stands on the remote: a branch that has
    other commits already is left alone, and the next free name is taken. Doesn't raise for anything that the agent,
    the disk or the remote did.
    """
    problem: Exception | None = None
    for place in _places(work.git.folder):
        try:
            with _own_folder(place, keep=place == work.git.folder) as folder:
                git = replace(work.git, folder=folder)
                sealed = seal(git, work.clone, work.keys, work.message)
                return _push_all(work, sealed, work.clone.branch + suffix)
        except NothingLeft as nothing:
            return Delivery(True, cause=Cause.AGENT_FAILED, error=str(nothing))
        except GitFailed as failure:
            problem = failure
            if not failure.disk_full:
                break
        except OSError as failure:
            problem = failure
            if failure.errno not in _NO_ROOM:
                break
        work.say(f"no room left in {place}")
    return Delivery(
        True, cause=_local_cause(problem), error=f"the work can't be committed: {problem}"
    )


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _places(workspace: str) -> Iterator[str]:
    """Give folders for our git folder: elsewhere there may be room when the workspace's disk is full."""
    for place in (workspace, tempfile.gettempdir(), "/dev/shm"):  # noqa: S108 - mkdtemp makes the name
        if Path(place).is_dir() and os.access(place, os.W_OK):
            yield place


@contextmanager
def _own_folder(place: str, *, keep: bool) -> Iterator[str]:
    """Make a folder; what isn't in the workspace, and so isn't removed with it, is removed at the end."""
    folder = tempfile.mkdtemp(prefix=".deliver-", dir=place)
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _local_cause(problem: Exception | None) -> Cause:
    if isinstance(problem, GitFailed) and not problem.disk_full:
        return Cause.DEADLINE if problem.ended is Ended.DEADLINE else Cause.PUSH_FAILED
    return Cause.DISK_FULL if problem is not None else Cause.PUSH_FAILED


def _push_all(work: Delivering, sealed: Sealed, branch: str) -> Delivery:
    delivery = Delivery(
        changed=sealed.commit is not None,
        commits=sealed.commits,
        files=sealed.files,
        insertions=sealed.insertions,
        deletions=sealed.deletions,
        notes=sealed.notes,
    )
    if sealed.commit is None:
        return delivery
    pushed = _push_free(work, sealed.git, sealed.commit, branch)
    notes = list(sealed.notes)
    if pushed.branch != branch:
        notes.append(f"{branch} holds other commits on the remote; it was left alone")
    for name, commit in sealed.others:
        other = _push_free(work, sealed.git, commit, f"{branch}-{slug(name)}")
        where = f"is on {other.branch}" if other.pushed else f"couldn't be pushed: {other.error}"
        notes.append(f"the agent's branch {name} {where}")
    return replace(
        delivery,
        branch=pushed.branch,
        pushed=pushed.pushed,
        cause=pushed.cause,
        error=pushed.error,
        notes=tuple(notes),
    )


def _push_free(work: Delivering, git: Git, commit: str, branch: str) -> Delivery:
    """Push a commit to the branch, or to the next name of which the remote has nothing else."""
    names = [branch, *(f"{branch}-{number}" for number in range(2, _NAMES_TRIED + 1))]
    for name in names:
        failure = _push(work, git, commit, name)
        if _stands(work, git, commit, name):
            return Delivery(True, name, pushed=True)
        if failure is None or not _moved(failure):
            break
        work.say(f"{name} holds other commits on the remote")
    if failure is None:
        error = "the push went through, but the remote doesn't show the commit"
        return Delivery(True, name, cause=Cause.PUSH_FAILED, error=error)
    return Delivery(True, name, cause=_push_cause(failure), error=_remote_words(failure))


def _push(work: Delivering, git: Git, commit: str, branch: str) -> GitFailed | None:
    url = work.clone.url
    refspec = f"{commit}:refs/heads/{branch}"
    try:
        git.run("push", "--porcelain", "--no-verify", "--", url, refspec, network=(work.keys, url))
    except GitFailed as failure:
        return failure
    return None


def _stands(work: Delivering, git: Git, commit: str, branch: str) -> bool:
    """Ask the remote whether the branch is exactly this commit."""
    url = work.clone.url
    reference = f"refs/heads/{branch}"
    for attempt in range(_VERIFY_TRIES):
        try:
            listed = git.run("ls-remote", "--", url, reference, network=(work.keys, url))
        except GitFailed as failure:
            if failure.ended is not Ended.BY_ITSELF:
                return False
            time.sleep(0.2 * attempt)
        else:
            return f"{commit}\t{reference}" in listed.split("\n")
    return False


def _moved(failure: GitFailed) -> bool:
    return any(
        line.startswith("!") and ("(non-fast-forward)" in line or "(fetch first)" in line)
        for line in failure.output.split("\n")
    )


def _push_cause(failure: GitFailed) -> Cause:
    if failure.ended is not Ended.BY_ITSELF:
        return Cause.PUSH_FAILED
    if any(line.startswith("!") for line in failure.output.split("\n")):
        return Cause.PUSH_REFUSED
    # What a hook prints comes as "remote: …" and may say anything.
    own = "\n".join(line for line in failure.errors.split("\n") if not line.startswith("remote:"))
    if any(sign in own for sign in _AUTH_SIGNS):
        return Cause.PUSH_AUTH
    return Cause.DISK_FULL if failure.disk_full else Cause.PUSH_FAILED


_AUTH_SIGNS = (
    "Authentication failed",
    "could not read Username",
    "could not read Password",
    "returned error: 401",
    "returned error: 403",
    "Permission denied (",
    "Host key verification failed",
    "' not found",  # a forge hides what a token may not write to
)


def _remote_words(failure: GitFailed) -> str:
    """Return what the remote said, else git's own last lines."""
    if failure.ended is Ended.DEADLINE:
        return "the push took too long and was ended"
    lines = failure.errors.split("\n")
    said = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    refused = [line.rpartition("\t")[2] for line in failure.output.split("\n") if line[:1] == "!"]
    found = [line for line in [*said, *refused] if line]
    return "\n".join((found or lines)[-_ERROR_LINES:])
