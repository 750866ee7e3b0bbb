"""The git folder in which a command was given: which repository and branch it stands for, and what isn't pushed."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.exits import Failure

GIT_SECONDS = 20.0
"""So long the remote may take to say which branches it has."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a run would work on: the remote's address, and the branch as the remote calls it (None: its default one).

    `warnings` say what of the folder the run won't see.
    """

    url: str
    branch: str | None
    warnings: tuple[str, ...] = ()


class Checkout:
    """A git folder. Every method raises Failure, with what to do."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = {
            **environment,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "LC_ALL": "C",
            "GIT_SSH_COMMAND": environment.get("GIT_SSH_COMMAND") or "ssh -o BatchMode=yes",
        }

    def source(self, ref: str | None, *, in_folders: bool = False) -> Source:
        """Return the repository, and its branch: `ref`, else the one that is checked out where the remote has it.

        A remote that is a folder of this machine counts `in_folders` only.
        """
        self._demand_folder()
        branch = self._git("symbolic-ref", "--quiet", "--short", "HEAD", may_fail=True)
        remote = self._remote(branch)
        url, warnings = without_login(self._git("remote", "get-url", remote))
        folder = re.match(r"file:|[/.~]|[A-Za-z]:[\\/]", url) is not None
        if folder and in_folders:
            url = (self._folder / url.removeprefix("file://")).resolve().as_uri()
        elif folder:
            raise Failure(
                f"The remote {remote} is a folder of this machine, which a sandbox doesn't reach.",
                "Push it to a git server, or name another repository: --repo owner/name",
            )
        if ref is not None:
            return Source(url, ref, warnings)
        if not branch:
            raise Failure(
                "No branch is checked out here (detached HEAD).",
                "Say which one the run works on: --ref BRANCH, or check one out: git switch BRANCH",
            )
        found, more = self._on_remote(branch, remote)
        return Source(url, found, (*warnings, *more, *self._uncommitted()))

    def _demand_folder(self) -> None:
        if not self._folder.is_dir():
            raise Failure(f"There is no folder {self._folder}.")
        inside = self._git("rev-parse", "--is-inside-work-tree", may_fail=True)
        if inside == "true":
            return
        words = self._run("rev-parse", "--is-inside-work-tree").stderr.strip()
        if "dubious ownership" in words:
            raise Failure(
                "git doesn't trust this folder: it belongs to somebody else.",
                f"git config --global --add safe.directory {self._folder}",
            )
        raise Failure(
            "This isn't a git folder.",
            "Go into one (cd), or name the repository: --repo owner/name",
        )

    def _remote(self, branch: str) -> str:
        """Return the name of the remote that counts: the branch's own, origin, upstream, or the only one."""
        remotes = self._git("remote").split()
        if not remotes:
            raise Failure(
                "This repository has no remote, and a run clones from one.",
                "Add it: git remote add origin URL, and push; or name another repository: --repo owner/name",
            )
        own = self._git("config", f"branch.{branch}.remote", may_fail=True) if branch else ""
        for name in (own, "origin", "upstream"):
            if name in remotes:
                return name
        if len(remotes) == 1:
            return remotes[0]
        raise Failure(
            f"Which remote? There are: {', '.join(remotes)}.",
            "Name the repository: --repo owner/name, or call one of them origin.",
        )

    def _on_remote(self, branch: str, remote: str) -> tuple[str | None, tuple[str, ...]]:
        """Return the branch as the remote calls it, None where it hasn't got it, and what is to be said about that."""
        merge = self._git("config", f"branch.{branch}.merge", may_fail=True)
        name = merge.removeprefix("refs/heads/") or branch
        commit, remark = self._remote_commit(remote, name)
        if commit is None:
            return None, (
                f"{branch} isn't on {remote}: the run starts from the default branch, without your commits. "
                f"For the branch: git push -u {remote} {branch}",
            )
        return name, (*remark, *self._unpushed(commit, name, remote))

    def _remote_commit(self, remote: str, name: str) -> tuple[str | None, tuple[str, ...]]:
        """Return the commit of a branch on the remote; where that doesn't answer, as it was seen last."""
        listed = self._run("ls-remote", "--heads", remote, f"refs/heads/{name}")
        if listed.returncode == 0:
            return next(iter(listed.stdout.split()), None), ()
        seen = self._git(
            "rev-parse", "--verify", "-q", f"refs/remotes/{remote}/{name}", may_fail=True
        )
        remark = f"{remote} can't be asked from here; what was seen of it last counts."
        return seen or None, (remark,)

    def _unpushed(self, commit: str, name: str, remote: str) -> tuple[str, ...]:
        counted = self._git("rev-list", "--count", f"{commit}..HEAD", "--", may_fail=True)
        if not counted:
            return (f"{remote} has commits of {name} that aren't here: the run works on those.",)
        if counted == "0":
            return ()
        commits, them = (
            ("1 commit isn't", "it") if counted == "1" else (f"{counted} commits aren't", "them")
        )
        return (f"{commits} pushed: the run doesn't see {them}. To change that: git push",)

    def _uncommitted(self) -> tuple[str, ...]:
        changed = len(self._git("status", "--porcelain").splitlines())
        if not changed:
            return ()
        files = "1 file has" if changed == 1 else f"{changed} files have"
        return (f"{files} changes that aren't committed: the run doesn't see them.",)

    def _git(self, *arguments: str, may_fail: bool = False) -> str:
        """Return what git prints; "" where it fails and may."""
        done = self._run(*arguments)
        if done.returncode == 0:
            return done.stdout.strip()
        if may_fail:
            return ""
        words = " ".join(done.stderr.split())[:300]
        raise Failure(f"git {arguments[0]} fails: {words}")

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                ["git", *arguments],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=GIT_SECONDS,
                check=False,
            )
        except FileNotFoundError:
            raise Failure(
                "git isn't installed here.", "Install it, or name the repository: --repo owner/name"
            ) from None
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(arguments, 1, "", "it took too long")


def without_login(url: str) -> tuple[str, tuple[str, ...]]:
    """Return an address without the name and the password or token of an https one, and a remark where there was one."""
    stripped = re.sub(r"^(https?://)[^/@]*@", r"\1", url, flags=re.IGNORECASE)
    if stripped == url:
        return url, ()
    return stripped, ("The login in the remote's address stays here: the sandbox has its own.",)


def here(environment: Mapping[str, str]) -> Checkout:
    """Return the folder in which the command was given."""
    return Checkout(Path(os.path.curdir).resolve(), environment)
