"""The few telling files of a commit, from any git server, without a clone: its trees, then these blobs and no other.

It runs in a process of its own (`runs.stacks.__main__`), whose limits hold for every git that it starts.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from runs.stacks.stack import MOST_BYTES, File
from sandbox.git import OPTIONS
from sandbox.keys import Keys

MOST_LISTED_BYTES = 16 << 20
MOST_TEXT_BYTES = 4 << 20
"""Of all files together; the nearest to the root come first."""


class GitRefused(Exception):
    """git said no; the text is what it wrote."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A bare repository of our own in an empty folder, and the server that it is filled from."""

    folder: Path
    url: str
    keys: Keys = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)

    def beside(self) -> Repository:
        """Return another one of the same server, in which nothing is yet."""
        folder = self.folder / "whole"
        folder.mkdir()
        return replace(self, folder=folder)

    def prepare(self, commit: str) -> None:
        """Write by hand what `git init` would: a process less."""
        for part in ("objects", "refs"):
            (self.folder / part).mkdir()
        (self.folder / "HEAD").write_text("ref: refs/heads/main\n")
        sha256 = len(commit) == _SHA256_LENGTH
        lines = ["[core]", f"repositoryformatversion = {1 if sha256 else 0}", "bare = true"]
        lines += ["[extensions]", "objectFormat = sha256"] if sha256 else []
        (self.folder / "config").write_text("\n".join(lines) + "\n")

    def commit(self) -> str:
        """Return which commit was fetched."""
        return (self.folder / "refs" / "heads" / "main").read_text("ascii").strip()

    def fetch(self, *what: str, given: str = "", whole: bool = False) -> None:
        """Fetch objects; unless `whole`, blobs come only where they are named. Raises GitRefused."""
        server = [
            *("-c", f"remote.origin.url={self.url}"),
            *("-c", "remote.origin.promisor=true"),
            *("-c", "remote.origin.partialCloneFilter=blob:none"),
            *("-c", "fetch.negotiationAlgorithm=noop"),
            *("-c", "fetch.unpackLimit=1"),  # into a pack as it comes, not into many files
            *("-c", "core.bigFileThreshold=1m"),  # never whole in memory
            *("-c", "transfer.fsckObjects=false"),
            *self.keys.git_options(self.url),
        ]
        options = ["--quiet", "--no-tags", "--no-write-fetch-head", "--recurse-submodules=no"]
        options.append("--no-filter" if whole else "--filter=blob:none")
        self._run(
            [*server, "fetch", *options, *what],
            given.encode(),
            self.keys.git_environment(),
        )

    def listed(self, commit: str) -> dict[str, str]:
        """Return the paths of a commit's plain files, with their blobs: no symbolic links, no submodules."""
        output = self._run(["ls-tree", "-r", "-z", "--full-tree", commit])[:MOST_LISTED_BYTES]
        found = {}
        for row in output.split(b"\0")[:-1]:
            about, _, path = row.partition(b"\t")
            mode, _, blob = about.decode("ascii").split(" ")
            if mode in ("100644", "100755"):
                found[path.decode("utf-8", "replace")] = blob
        return found

    def read(self, blobs: Iterable[str]) -> dict[str, bytes]:
        """Return what is in blobs that are here and not larger than MOST_BYTES."""
        sizes = self._run(["cat-file", "--batch-check"], _rows(blobs)).decode("ascii").splitlines()
        chosen, room = [], MOST_TEXT_BYTES
        for name, _, size in (row.split(" ") for row in sizes if row.endswith(tuple("0123456789"))):
            if int(size) <= min(MOST_BYTES, room):
                chosen.append(name)
                room -= int(size)
        output = self._run(["cat-file", "--batch"], _rows(chosen))
        found = {}
        for name in chosen:
            header, _, output = output.partition(b"\n")
            size_of = int(header.rpartition(b" ")[2])
            found[name], output = output[:size_of], output[size_of + 1 :]
        return found

    def _run(
        self, arguments: list[str], given: bytes = b"", more: Mapping[str, str] | None = None
    ) -> bytes:
        done = subprocess.run(
            ["git", *OPTIONS, *arguments],
            cwd=self.folder,
            env={**self.environment, **(more or {}), "GIT_DIR": str(self.folder)},
            input=given,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise GitRefused(done.stderr.decode("utf-8", "replace") or "git said nothing")
        return done.stdout


_SHA256_LENGTH = 64


Choose = Callable[[Iterable[str]], list[str]]


def read_commit(
    repository: Repository, ref: str, commit: str, choose: Choose
) -> tuple[str, list[File]]:
    """Return the commit of a ref, and of its files those that are chosen by their paths. Raises GitRefused.

    `commit` is empty where nobody has asked the server yet: that is a call less. Of a repository that counts by SHA-256
    it has to be known.

    A server that knows no filters sends the whole commit, and so does one that gives no single blobs (git's first
    protocol, as over an sshd that doesn't pass GIT_PROTOCOL on); then only the limits of this process help.
    """
    repository.prepare(commit)
    repository.fetch("--depth=1", "origin", f"+{ref}:refs/heads/main")
    listed = repository.listed("refs/heads/main")
    paths = choose(listed)
    wanted = sorted({listed[path] for path in paths})
    if not wanted:
        return repository.commit(), []
    try:
        repository.fetch("origin", "--stdin", given="\n".join(wanted))
    except GitRefused as error:
        if "unadvertised object" not in str(error):
            raise
        repository = repository.beside()
        repository.prepare(commit)
        repository.fetch("--depth=1", "origin", f"+{ref}:refs/heads/main", whole=True)
    contents = repository.read(wanted)
    return repository.commit(), [
        File(path, contents[listed[path]].decode("utf-8", "replace"))
        for path in paths
        if listed[path] in contents
    ]


def _rows(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode("ascii")
