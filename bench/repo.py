"""The repositories that are measured with: a small one, and one of the size of a real project."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.parts.git_server import OriginRepo, run_git

FILES = 5000
COMMITS = 200
FILE_BYTES = 6000
_FILES_PER_COMMIT = FILES // COMMITS


def make_small(folder: Path) -> OriginRepo:
    """Make a bare repository with one file in `folder`, which exists."""
    path = folder / "small.git"
    repo = OriginRepo(path, path.as_uri())
    repo.make({"README.md": "# Small\n"})
    return repo


def fill(repo: OriginRepo) -> None:
    """Give a repository FILES files in COMMITS commits: some new ones, and a change to older ones, in each.

    A work tree has about 30 MB. The same in every run.
    """
    with subprocess.Popen(
        ["git", "fast-import", "--quiet", "--done"], cwd=repo.path, stdin=subprocess.PIPE
    ) as importing:
        assert importing.stdin is not None
        for part in _history(repo.branch):
            importing.stdin.write(part)
    if importing.returncode != 0:
        raise RuntimeError("git fast-import failed")
    run_git(repo.path, "repack", "-a", "-d", "-q")


def _history(branch: str) -> Iterator[bytes]:
    """Give the input of `git fast-import`."""
    dice = random.Random(7)
    words = [f"{dice.getrandbits(32):x}"[: dice.randint(2, 8)] for _ in range(3000)]
    texts: dict[int, str] = {}
    for commit in range(COMMITS):
        yield f"commit refs/heads/{branch}\n".encode()
        yield f"committer Grace <grace@example.com> {1700000000 + commit} +0000\n".encode()
        yield _data(f"Change {commit}")
        if commit == 0:
            yield f"from refs/heads/{branch}^0\n".encode()
        first = commit * _FILES_PER_COMMIT
        changed = dice.sample(range(first), min(first, 5))
        texts |= {number: texts[number] + _line(dice, words) for number in changed}
        new = range(first, first + _FILES_PER_COMMIT)
        texts |= {number: _text(dice, words) for number in new}
        for number in (*changed, *new):
            yield f"M 100644 inline {_path(number)}\n".encode() + _data(texts[number])
    yield b"done\n"


def _data(text: str) -> bytes:
    return b"data %d\n" % len(text) + text.encode() + b"\n"


def _path(number: int) -> str:
    return f"source/area{number % 23}/part{number // 23 % 9}/file{number}.txt"


def _text(dice: random.Random, words: list[str]) -> str:
    size = dice.randint(FILE_BYTES // 4, FILE_BYTES * 7 // 4)
    lines: list[str] = []
    while size > 0:
        lines.append(_line(dice, words))
        size -= len(lines[-1])
    return "".join(lines)


def _line(dice: random.Random, words: list[str]) -> str:
    return " ".join(dice.choices(words, k=10)) + "\n"
