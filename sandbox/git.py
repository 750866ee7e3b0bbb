"""The edge to git: each call is a process with its own limits, under a configuration that only we write."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.keys import Keys
from sandbox.process import Command, Ended, Execution, Limits, Stop, run

NAME = "claude-sandbox"
EMAIL = "claude-sandbox@users.noreply.github.com"
PROTOCOLS = "file:https:http:ssh"
"""What REPO_URL may use; `ext::` and the like would run programs of the URL's choice."""

_OUTPUT_BYTES = 1 << 20
_ERROR_BYTES = 64 << 10
_HANDED_ON = re.compile(
    "PATH|TMPDIR|SSH_AUTH_SOCK|SSL_CERT_(FILE|DIR)|GIT_SSL_(CAINFO|CAPATH|NO_VERIFY)|CURL_CA_BUNDLE"
    "|(HTTPS?|ALL|NO)_PROXY",
    re.IGNORECASE,
)
_FIXED = {
    "LC_ALL": "C",  # its messages are read
    "HOME": "/nonexistent",  # the agent shares our home: no .gitconfig, no .netrc
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=30",
    "GIT_ALLOW_PROTOCOL": PROTOCOLS,
    "GIT_HTTP_LOW_SPEED_LIMIT": "100",  # bytes a second, for …
    "GIT_HTTP_LOW_SPEED_TIME": "60",  # … seconds: a server that stands still is given up
    "GIT_DEFAULT_REF_FORMAT": "files",  # `sandbox.wreckage` reads refs without git
    "GIT_AUTHOR_NAME": NAME,
    "GIT_AUTHOR_EMAIL": EMAIL,
    "GIT_COMMITTER_NAME": NAME,
    "GIT_COMMITTER_EMAIL": EMAIL,
}
OPTIONS = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.quotePath=true"),
    *("-c", "core.logAllRefUpdates=false"),
    # Of the clone's object store only the objects count, not the files that sum them up: those can be forged.
    *("-c", "core.commitGraph=false"),
    *("-c", "core.multiPackIndex=false"),
    *("-c", "pack.useBitmaps=false"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "protocol.version=2"),
    *("-c", "advice.detachedHead=false"),
    *("-c", "init.defaultBranch=main"),
    *("-c", "submodule.recurse=false"),
)
"""The configuration of every git process: no hooks, filters of strangers, submodules, or work in the background."""


class GitFailed(Exception):
    """git said no. `errors` is what it wrote, without progress lines; `ended` says whether it was made to end."""

    def __init__(self, errors: str, output: str = "", ended: Ended = Ended.BY_ITSELF) -> None:
        super().__init__(errors)
        self.errors = errors
        self.output = output
        self.ended = ended

    @property
    def disk_full(self) -> bool:
        """Say whether there was no room left."""
        return any(words in self.errors for words in _DISK_FULL)


_DISK_FULL = ("No space left on device", "Disk quota exceeded", "File too large")


@dataclass(frozen=True, slots=True)
class Git:
    """Runs git in one folder. `environment` is what `clean_environment` made; `variables` come on top."""

    executable: str
    folder: str
    environment: Mapping[str, str] = field(repr=False)
    deadline: float
    stop: Stop | None = None

    def run(
        self, *arguments: str, network: tuple[Keys, str] | None = None, limit: int = _OUTPUT_BYTES
    ) -> str:
        """Run one git command; return its output without the last line break.

        `network` are the keys and the URL of a command that talks to the server. Bytes that aren't UTF-8 become
        surrogates; what is beyond `limit` bytes is dropped. Raises GitFailed, ProgramMissing.
        """
        options: list[str] = list(OPTIONS)
        environment = dict(self.environment)
        if network is not None:
            keys, url = network
            options += keys.git_options(url)
            environment |= keys.git_environment()
        output = _Head(limit)
        errors = _Tail(_ERROR_BYTES)
        execution = run(
            Command([self.executable, *options, *arguments], self.folder, environment),
            Limits(self.deadline, grace_seconds=2.0, stop=self.stop),
            output.add,
            errors.add,
        )
        said = output.text(), errors.text()
        if network is not None:
            said = keys.shown(said[0], url), keys.shown(said[1], url)
        return _judge(execution, *said)


def clean_environment(environment: Mapping[str, str], **variables: str) -> dict[str, str]:
    """Return the environment of a git process: what it needs of ours, and nothing that the agent could have set."""
    kept = {name: value for name, value in environment.items() if _HANDED_ON.fullmatch(name)}
    return {**kept, **_FIXED, **variables}


def _judge(execution: Execution, output: str, errors: str) -> str:
    if execution.ended is not Ended.BY_ITSELF:
        raise GitFailed(errors, output, execution.ended)
    if execution.exit_code != 0:
        said = errors or f"git ended with exit code {execution.exit_code} and said nothing"
        raise GitFailed(said, output)
    return output.removesuffix("\n")


class _Head:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray()

    def add(self, chunk: bytes) -> None:
        self._data += chunk[: max(self._limit - len(self._data), 0)]

    def text(self) -> str:
        return self._data.decode("utf-8", "surrogateescape")


class _Tail:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray()

    def add(self, chunk: bytes) -> None:
        self._data += chunk
        del self._data[: max(len(self._data) - self._limit, 0)]

    def text(self) -> str:
        lines = self._data.decode("utf-8", "replace").split("\n")
        return "\n".join(line.rpartition("\r")[2].rstrip() for line in lines if line.strip())
