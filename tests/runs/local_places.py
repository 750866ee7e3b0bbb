"""Local places for tests: with the stand-in for the sandbox program, or with the real one and a real repository."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from runs.backend import Limits
from runs.local import LocalBackend
from runs.local_place import LocalPlace
from sandbox.task import Task
from tests.runs.contract import LIMIT_SECONDS

STAND_IN = Path(__file__).parent / "stand_in.py"
WORDS = {"quick": "do it", "failing": "fail", "nothing": "nothing", "slow": "wait 300"}


class StandInPlace:
    """A state folder whose program is the stand-in; `starts` is what it wrote at each start."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self._starts = folder / "starts"
        self._made: list[LocalBackend] = []

    def settings(self, limits: Limits | None = None, **others: object) -> LocalPlace:
        values: dict[str, object] = {
            "state": self.state,
            "program": (sys.executable, "-I", "-S", str(STAND_IN)),
            "poll_seconds": 0.02,
            "grace_seconds": 20.0,
            **others,
        }
        values.setdefault(
            "environment", {"PATH": os.environ["PATH"], "STAND_IN_STARTS": str(self._starts)}
        )
        return LocalPlace(limits=limits or Limits(), **values)  # type: ignore[arg-type] # a test's own values

    def make(self, limits: Limits | None = None, **others: object) -> LocalBackend:
        backend = LocalBackend(self.settings(limits, **others))
        self._made.append(backend)
        return backend

    def task(self, kind: str) -> Task:
        return Task("file:///repo", WORDS.get(kind, kind))

    def starts(self) -> list[tuple[str, int]]:
        """Return the Run and the process of each start of the program."""
        if not self._starts.exists():
            return []
        lines = self._starts.read_text().splitlines()
        return [(line.split()[0], int(line.split()[1])) for line in lines]

    @property
    def starts_file(self) -> Path:
        return self._starts

    async def close(self) -> None:
        """End what a failed test left running."""
        backend = self.make(Limits(runs=0))
        async with asyncio.timeout(LIMIT_SECONDS):
            while open_runs := [run for run in await backend.list_runs() if not run.ended]:
                for run in open_runs:
                    await backend.cancel(run.id, "the test's end")
                await asyncio.sleep(0.02)
            await backend.sweep()
        for made in self._made:
            await made.close()


class SandboxPlace(StandInPlace):
    """A state folder whose program is the real sandbox with its scripted agent, over a small repository."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._repository = folder / "repository.git"
        work = folder / "work"
        _git("init", "--quiet", "--bare", "--initial-branch=main", str(self._repository))
        _git("clone", "--quiet", str(self._repository), str(work))
        (work / "README.md").write_text("# A small repository\n")
        _git("-C", str(work), "add", "README.md")
        _git("-C", str(work), "commit", "--quiet", "--message", "Begin")
        _git("-C", str(work), "push", "--quiet", "origin", "HEAD:main")

    def settings(self, limits: Limits | None = None, **others: object) -> LocalPlace:
        program = (sys.executable, "-P", "-m", "sandbox")
        return super().settings(limits, **{"program": program, "agent": "scripted", **others})

    def task(self, kind: str) -> Task:
        return Task(self._repository.as_uri(), WORDS.get(kind, kind))

    def branches(self) -> list[str]:
        """Return the names of the branches on the remote."""
        found = _git("-C", str(self._repository), "branch", "--format=%(refname:short)")
        return found.split()


def _git(*arguments: str) -> str:
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
    }
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, **identity}
    command = ["git", *arguments]
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout
