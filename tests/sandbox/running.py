"""Running the sandbox program in a test, as a Backend does: environment in, Report, log and exit code out."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.report import Report, decode

ROOT = Path(__file__).parents[2]
SHELL_SANDBOX = Path(__file__).with_name("shell_sandbox.py")
LIMIT_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that has ended."""

    exit_code: int
    log: str
    report: Report
    workspace: Path


class Started:
    """A run that may be going on."""

    def __init__(self, folder: Path, environment: dict[str, str], program: list[str]) -> None:
        self.folder = folder
        self.log_path = folder / "log"
        self.report_path = Path(environment["SANDBOX_REPORT"])
        self.workspace = Path(environment["SANDBOX_WORKSPACE"])
        given = environment["SANDBOX_TIMEOUT"]
        self._limit_seconds = max(LIMIT_SECONDS, int(given) if given.isdigit() else 0)
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                program,
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=folder,
            )

    def wait_for(self, what: Callable[[], bool]) -> None:
        until = time.monotonic() + LIMIT_SECONDS
        while not what():
            assert time.monotonic() < until, f"never came; the log:\n{self.log()}"
            assert self.process.poll() is None, f"ended before; the log:\n{self.log()}"
            time.sleep(0.01)

    def log(self) -> str:
        return self.log_path.read_text("utf-8", "replace")

    def finish(self) -> Finished:
        code = self.process.wait(self._limit_seconds)
        report = decode(self.report_path.read_bytes())
        assert report is not None
        return Finished(code, self.log(), report, self.workspace)


def start(folder: Path, script: str, repo_url: str, **variables: str) -> Started:
    """Start a run whose agent is a shell script; upper-case `variables` go into its environment.

    Without site-packages: the sandbox program must need the standard library only.
    """
    return _start(
        folder,
        [sys.executable, "-S", str(SHELL_SANDBOX)],
        repo_url,
        AGENT_SCRIPT=script,
        **variables,
    )


def start_program(folder: Path, repo_url: str, **variables: str) -> Started:
    """Start `python -m sandbox` itself."""
    return _start(folder, [sys.executable, "-m", "sandbox"], repo_url, **variables)


def run(folder: Path, script: str, repo_url: str, **variables: str) -> Finished:
    """Run to the end with a shell script as agent."""
    return start(folder, script, repo_url, **variables).finish()


def run_as_one_of_many(folder: Path, script: str, repo_url: str) -> Finished:
    """Run without root's rights over others' files and processes, where it is root that runs the tests."""
    without = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
    program = [*without, sys.executable, "-S", str(SHELL_SANDBOX)]
    return _start(folder, program, repo_url, AGENT_SCRIPT=script, GITHUB_TOKEN="x" * 20).finish()


def _start(folder: Path, program: list[str], repo_url: str, **variables: str) -> Started:
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "TASK": "mend the roof",
        "REPO_URL": repo_url,
        "SANDBOX_RUN": "abcd2345",
        "SANDBOX_TIMEOUT": "600",
        "SANDBOX_REPORT": str(folder / "report.json"),
        "SANDBOX_WORKSPACE": str(folder / "workspace"),
        **variables,
    }
    return Started(folder, environment, program)
