"""The stack of a repository on any git server, before its Run is launched."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runs.stacks.encoding import read_stack
from runs.stacks.stack import Stack
from sandbox.clone import cause_of, check_url
from sandbox.git import OPTIONS, GitFailed, clean_environment
from sandbox.keys import Keys
from sandbox.report import Cause
from sandbox.task import BadEnvironment, Task

log = logging.getLogger(__name__)

LIMIT_SECONDS = 5.0
MOST_KEPT = 500
MOST_AT_ONCE = 6


class Unread(Exception):
    """The repository couldn't be looked at; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a commit: its Stack, and the text of the repository's own file, None where it has none."""

    commit: str
    stack: Stack
    own_file: str | None = None


class RemoteStacks:
    """Reads repositories, and remembers each by its commit.

    `environment` is the bot's; of it git gets what `clean_environment` hands on, and the token for this server only.
    """

    def __init__(self, keys: Keys, environment: Mapping[str, str]) -> None:
        self._keys = keys
        self._environment = clean_environment(environment)
        self._kept: dict[tuple[str, str], Reading] = {}
        self._places = asyncio.Semaphore(MOST_AT_ONCE)

    async def read(self, url: str, branch: str | None) -> Reading:
        """Return what a branch (None: the default one) needs now. Raises Unread, after LIMIT_SECONDS at the latest.

        A commit that was read before costs one `git ls-remote`.
        """
        async with self._places:
            try:
                async with asyncio.timeout(LIMIT_SECONDS):
                    return await self._read(url, branch)
            except TimeoutError:
                raise Unread(f"no answer in {LIMIT_SECONDS:.0f} s") from None
            except (OSError, ValueError) as error:
                # No git, no process more, no room: the Run needn't wait for the operator.
                log.warning("repos can't be looked at: %s", error)
                raise Unread(_NO_GIT) from error

    async def _read(self, url: str, branch: str | None) -> Reading:
        _check(url, branch)
        found = None
        if not any(known == url for known, _ in self._kept):
            # To ask the server first which commit it is would take as long as half of the look.
            found = await self._look(url, _refs(branch)[0], "", branch)
        if found is None:
            found = await self._read_known(url, branch)
        if found.commit:
            self._kept[url, found.commit] = found
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return found

    async def _read_known(self, url: str, branch: str | None) -> Reading:
        """Ask which commit it is now, and look only if that one wasn't looked at."""
        found = await self._find(url, branch)
        if found is None:
            return Reading("", Stack())
        ref, commit = found
        known = self._kept.pop((url, commit), None) or await self._look(url, ref, commit, branch)
        if known is None:
            raise Unread("its files can't be read")
        return known

    async def _look(self, url: str, ref: str, commit: str, branch: str | None) -> Reading | None:
        """Read a ref. None where git has to know more of the repository before: which ref, which kind of hash."""
        asked = json.dumps({"url": url, "ref": ref, "commit": commit}).encode()
        async with _started(_CHILD, self._with_token()) as child:
            code, output, errors = await _end(child, asked)
        if code != 0:
            raise Unread(_ended_by(errors))
        answer = json.loads(output)
        if "refused" not in answer:
            return Reading(answer["commit"], read_stack(answer["stack"]), answer["own_file"])
        if not commit and _NOT_SO.search(answer["refused"]):
            return None
        raise Unread(self._refusal(answer["refused"], url, branch))

    async def _find(self, url: str, branch: str | None) -> tuple[str, str] | None:
        """Return ref and commit; None for a repository in which nothing is yet."""
        refs = _refs(branch)
        arguments = ["git", *OPTIONS, *self._keys.git_options(url), "ls-remote", "--", url, *refs]
        async with _started(arguments, self._with_token()) as process:
            code, output, errors = await _end(process, b"")
        if code != 0:
            raise Unread(self._refusal(errors, url, branch))
        rows = (row.partition("\t") for row in output.splitlines())
        commits = {name: commit for commit, _, name in rows}
        for ref in refs:
            if ref in commits:
                return ref, commits[ref]
        if branch is None:
            return None
        raise Unread("there is no such branch")

    def _refusal(self, errors: str, url: str, branch: str | None) -> str:
        """Say why git refused, and what the operator can do where only a token is missing.

        Forges say of a private repo that it isn't there.
        """
        closed = cause_of(GitFailed(errors), Task(url, "", branch=branch)) in _CLOSED
        has_none = self._keys.git_token is None and url.startswith(("https://", "http://"))
        hint = ", and the bot has no GITHUB_TOKEN" if closed and has_none else ""
        return _words(errors, url, branch) + hint

    def _with_token(self) -> dict[str, str]:
        return {**self._environment, **self._keys.git_environment()}


def _refs(branch: str | None) -> list[str]:
    return ["HEAD"] if branch is None else [f"refs/heads/{branch}", f"refs/tags/{branch}"]


_NO_GIT = "git can't be started here"
_NOT_SO = re.compile(r"couldn't find remote ref|mismatched algorithms|object format")
_CHILD = [
    *(
        sys.executable,
        "-I",
        "-S",
        "-c",
    ),  # where modules are is told instead of looked for: 20 ms less
    "import sys; sys.path += sys.argv[1:]; import runpy; runpy.run_module('runs.stacks', run_name='__main__')",
    *(str(Path(__file__).resolve().parents[2]), *(folder for folder in sys.path if folder)),
]
_REF = re.compile(r"(?!-)(?!.*(?:\.\.|//|@\{))[^\x00-\x20\x7f~^:?*\[\\]+")
# What reads the pack may be killed by a limit before it says a word.
_KILLED_BY_LIMIT = re.compile(r"File too large|signal 2[45]\b|invalid index-pack output")
_CAUSES = {
    Cause.CLONE_AUTH: "the server refuses access",
    Cause.CLONE_NOT_FOUND: "the server doesn't know it",
    Cause.CLONE_NETWORK: "the server can't be reached",
    Cause.DISK_FULL: "it is too large to be looked through",
}

_CLOSED = (Cause.CLONE_AUTH, Cause.CLONE_NOT_FOUND)


def _check(url: str, branch: str | None) -> None:
    try:
        check_url(url)
    except BadEnvironment:
        raise Unread("its address can't be used") from None
    if branch is not None and not _REF.fullmatch(branch):
        raise Unread("there is no such branch")


def _words(errors: str, url: str, branch: str | None) -> str:
    """Say in a few words why git refused; its own may hold what is nobody's business."""
    if _KILLED_BY_LIMIT.search(errors):
        return _CAUSES[Cause.DISK_FULL]
    cause = cause_of(GitFailed(errors), Task(url, "", branch=branch))
    return _CAUSES.get(cause, "git can't read it")


def _ended_by(errors: str) -> str:
    """Say of what the process died that was to read."""
    if "MemoryError" in errors or "File too large" in errors:
        return _CAUSES[Cause.DISK_FULL]
    return _NO_GIT if "FileNotFoundError" in errors else "its files can't be read"


@contextlib.asynccontextmanager
async def _started(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> AsyncIterator[Process]:
    """Start a program in a session of its own; when the block is left early, nothing of it goes on."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(environment),
        cwd="/",
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _end(process: Process, given: bytes) -> tuple[int, str, str]:
    """Hand a program its input and wait for its end; return its exit code and what it wrote."""
    output, errors = await process.communicate(given)
    return (
        process.returncode or 0,
        output.decode("utf-8", "replace"),
        errors.decode("utf-8", "replace"),
    )
