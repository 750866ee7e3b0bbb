"""The fresh clone in which the agent works, and why there is none when git refuses."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.git import EMAIL, NAME, Git, GitFailed
from sandbox.keys import Keys
from sandbox.process import Ended
from sandbox.report import Cause
from sandbox.task import BadEnvironment, Task


class CloneFailed(Exception):
    """There is no clone; the text is git's own last lines."""

    def __init__(self, cause: Cause, text: str) -> None:
        super().__init__(text)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Clone:
    """A work tree with its .git. From the agent's start on, everything in it is the agent's.

    `base` is the branch that it started from, `base_commit` its commit; both None for an empty repository. `branch`
    is the run's own branch, checked out. `ignored` are patterns, as in .gitignore, of what isn't the agent's work.
    """

    folder: str
    url: str
    branch: str
    base: str | None
    base_commit: str | None
    ignored: tuple[str, ...] = ()


def check_url(url: str) -> None:
    """Raise BadEnvironment when a URL could be something else than a place to clone from."""
    if url.startswith("-") or any(
        ord(character) < 32 or ord(character) == 127 for character in url
    ):
        raise BadEnvironment("REPO_URL may not begin with a hyphen nor hold control characters")
    try:
        password = urlsplit(url).password
    except ValueError as error:
        raise BadEnvironment(f"REPO_URL is no URL: {error}") from error
    if password is not None:
        raise BadEnvironment("REPO_URL holds a password; remove it and set GITHUB_TOKEN")


def make_clone(git: Git, keys: Keys, task: Task, branch: str) -> Clone:
    """Clone the task's repository into a folder of its own below `git.folder`, and check out a new branch.

    One branch with its whole history; no tags. Raises CloneFailed.
    """
    folder = _own_folder(git.folder)
    arguments = [
        "clone",
        "--quiet",
        "--single-branch",
        "--no-tags",
        "--template=",
        "--origin=origin",
    ]
    arguments += ["-c", f"user.name={NAME}", "-c", f"user.email={EMAIL}"]
    arguments += keys.clone_options(task.repo_url)
    if task.branch is not None:
        arguments.append(f"--branch={task.branch}")
    try:
        git.run(*arguments, "--", task.repo_url, folder, network=(keys, task.repo_url))
        return _check_out(replace(git, folder=folder), task, branch)
    except GitFailed as failure:
        raise CloneFailed(cause_of(failure, task), _words(failure)) from failure


def cause_of(failure: GitFailed, task: Task) -> Cause:
    """Tell from git's own words why a clone failed."""
    if failure.ended is Ended.STOPPED:
        return Cause.CANCELLED
    if failure.ended is Ended.DEADLINE:
        return Cause.CLONE_TIMEOUT
    said = failure.errors
    if task.branch is not None:
        if f"Remote branch {task.branch} not found in upstream" in said:
            return Cause.CLONE_BRANCH
        said = re.sub(rf"(?<!\w){re.escape(task.branch)}(?!\w)", "", said)
    # What people wrote isn't git's judgement; git puts it between quotes.
    said = re.sub(r"'.*?'", "''", said.replace(task.repo_url, ""))
    return next((cause for pattern, cause in _SIGNS if pattern.search(said)), Cause.CLONE_FAILED)


def _own_folder(workspace: str) -> str:
    """Make the folder: never the workspace itself, which may belong to another user, and then git refuses it."""
    try:
        Path(workspace).mkdir(parents=True, exist_ok=True)
        folder = Path(workspace).resolve() / "repo"
        if os.path.lexists(folder):
            return tempfile.mkdtemp(prefix="repo-", dir=folder.parent)
        folder.mkdir()
    except OSError as error:
        cause = _OF_DISK.get(error.errno or 0, Cause.CLONE_FAILED)
        raise CloneFailed(cause, f"the workspace can't be used: {error}") from error
    return str(folder)


def _check_out(git: Git, task: Task, branch: str) -> Clone:
    try:
        commit, _, name = git.run("rev-parse", "HEAD", "--abbrev-ref", "HEAD").partition("\n")
    except GitFailed:
        # An empty repository: HEAD names a branch that isn't born.
        git.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        return Clone(git.folder, task.repo_url, branch, None, None)
    base = task.branch if name == "HEAD" else name
    # Just so, and not --quiet, git touches no file: builtin/checkout.c, skip_merge_working_tree.
    git.run("checkout", "-b", branch)
    return Clone(git.folder, task.repo_url, branch, base, commit)


def _words(failure: GitFailed) -> str:
    if failure.ended is Ended.DEADLINE:
        return f"the clone took too long and was ended\n{failure.errors}".rstrip()
    return failure.errors


_OF_DISK = {
    errno.ENOSPC: Cause.DISK_FULL,
    errno.EDQUOT: Cause.DISK_FULL,
    errno.EROFS: Cause.READ_ONLY,
}
_SIGNS = tuple(
    (re.compile(pattern, re.IGNORECASE), cause)
    for pattern, cause in (
        (r"No space left on device|Disk quota exceeded", Cause.DISK_FULL),
        (r"Read-only file system", Cause.READ_ONLY),
        (
            r"Authentication failed|could not read (Username|Password)|returned error: 40[13]"
            r"|Permission denied \(|Host key verification failed|Access denied",
            Cause.CLONE_AUTH,
        ),
        (
            r"repository .*not found|not appear to be a git repository|returned error: 404"
            r"|repository .*does not exist|not valid: is this a git repository",
            Cause.CLONE_NOT_FOUND,
        ),
        (
            r"unable to access|Could not resolve|timed out|Connection (refused|reset|closed)"
            r"|remote end hung up|early EOF|RPC failed|unexpected disconnect|Could not read from remote",
            Cause.CLONE_NETWORK,
        ),
    )
)
